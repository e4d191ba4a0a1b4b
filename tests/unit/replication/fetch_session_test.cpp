// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/replication/fetch_session.hpp>

namespace cairn::replication {
namespace {

using namespace std::chrono_literals;

const Instant opened_at{1h};

FetchPartition asked(std::int32_t partition, std::int64_t offset = 0) {
  FetchPartition wanted;
  wanted.key = {{}, "topic", PartitionIndex(partition)};
  wanted.fetch_offset = Offset(offset);
  return wanted;
}
std::vector<FetchPartition> many(std::int32_t count) {
  std::vector<FetchPartition> all;
  for (std::int32_t i = 0; i < count; ++i) all.push_back(asked(i));
  return all;
}
FetchSessionRequest full_request() { return {.session_epoch = FetchSessions::initial_epoch}; }
FetchSessionRequest next_request(std::int32_t id, std::int32_t epoch) {
  return {.session_id = id, .session_epoch = epoch};
}
std::vector<std::int32_t> order(FetchSession& session) {
  std::vector<std::int32_t> partitions;
  for (const auto& one : session.partitions()) partitions.push_back(one.key.partition.value());
  return partitions;
}

class FetchSessionsTest : public ::testing::Test {
 protected:
  std::int32_t open(std::int32_t partitions, bool follower = false, Instant now = opened_at) {
    FetchSessionRequest request = full_request();
    request.from_follower = follower;
    return sessions.create(request, many(partitions), random, now);
  }
  bool alive(std::int32_t id, std::int32_t epoch, Instant now) {
    return sessions.begin(next_request(id, epoch), {}, {}, now).has_value();
  }
  FetchSessions sessions{2};
  Random random{5};
};

TEST_F(FetchSessionsTest, a_full_request_stands_alone) {
  EXPECT_EQ(*sessions.begin(full_request(), many(1), {}, opened_at), nullptr);
  EXPECT_EQ(*sessions.begin({.session_epoch = -1}, many(1), {}, opened_at), nullptr);
}

TEST_F(FetchSessionsTest, remembers_adds_changes_and_forgets) {
  const std::int32_t id = open(3);
  ASSERT_NE(id, 0);
  auto session = sessions.begin(next_request(id, 1), {asked(1, 50), asked(7)},
                                {FetchKey{{}, "topic", PartitionIndex(0)}}, opened_at);
  ASSERT_TRUE(session && *session);
  EXPECT_EQ(order(**session), (std::vector{1, 2, 7}));
  EXPECT_EQ((*session)->partitions().front().fetch_offset, Offset(50));
  EXPECT_EQ((*session)->epoch(), 2);
}

TEST_F(FetchSessionsTest, refuses_unknown_ids_and_wrong_epochs) {
  const std::int32_t id = open(1);
  EXPECT_EQ(code_of(sessions.begin(next_request(id + 1, 1), {}, {}, opened_at)),
            ErrorCode::fetch_session_id_not_found);
  EXPECT_EQ(code_of(sessions.begin(next_request(id, 5), {}, {}, opened_at)),
            ErrorCode::invalid_fetch_session_epoch);
  FetchSessionRequest by_id = next_request(id, 1);
  by_id.uses_topic_ids = true;
  EXPECT_EQ(code_of(sessions.begin(by_id, {}, {}, opened_at)),
            ErrorCode::fetch_session_topic_id_error);
}

TEST_F(FetchSessionsTest, closes_at_the_final_epoch) {
  const std::int32_t id = open(1);
  EXPECT_EQ(*sessions.begin(next_request(id, FetchSessions::final_epoch), {}, {}, opened_at),
            nullptr);
  EXPECT_EQ(sessions.size(), 0u);
  EXPECT_EQ(sessions.partition_count(), 0u);
}

TEST_F(FetchSessionsTest, answers_only_news) {
  FetchPartition partition = asked(0);
  FetchAnswer answer{.high_watermark = Offset(5), .log_start = Offset(0)};
  EXPECT_TRUE(FetchSession::must_answer(partition, answer));
  EXPECT_FALSE(FetchSession::must_answer(partition, answer));
  answer.high_watermark = Offset(6);
  EXPECT_TRUE(FetchSession::must_answer(partition, answer));
  answer.log_start = Offset(1);
  EXPECT_TRUE(FetchSession::must_answer(partition, answer));
  answer.has_records = true;
  EXPECT_TRUE(FetchSession::must_answer(partition, answer));
  answer.has_records = false;
  answer.error = ErrorCode::not_leader_or_follower;
  EXPECT_TRUE(FetchSession::must_answer(partition, answer));
  answer.error = ErrorCode::none;
  EXPECT_TRUE(FetchSession::must_answer(partition, answer));  // that it is over is news
  EXPECT_FALSE(FetchSession::must_answer(partition, answer));
}

TEST_F(FetchSessionsTest, serves_in_turn) {
  const std::int32_t id = open(3);
  auto session = *sessions.begin(next_request(id, 1), {}, {}, opened_at);
  session->served(session->partitions().begin());
  EXPECT_EQ(order(*session), (std::vector{1, 2, 0}));
}

TEST_F(FetchSessionsTest, evicts_the_idle_first) {
  const std::int32_t idle = open(1);
  const std::int32_t busy = open(1);
  EXPECT_EQ(open(1), 0);  // both are young
  const Instant later = opened_at + 3min;
  EXPECT_TRUE(alive(busy, 1, later));
  EXPECT_NE(open(1, false, later), 0);
  EXPECT_FALSE(alive(idle, 1, later));
  EXPECT_TRUE(alive(busy, 2, later));
  EXPECT_EQ(sessions.evictions(), 1u);
}

TEST_F(FetchSessionsTest, lets_a_larger_session_push_out_a_small_old_one) {
  const std::int32_t small = open(1);
  const std::int32_t large = open(9);
  const Instant later = opened_at + 3min;
  EXPECT_TRUE(alive(small, 1, later) && alive(large, 1, later));
  EXPECT_NE(open(5, false, later), 0);
  EXPECT_FALSE(alive(small, 2, later));
  EXPECT_TRUE(alive(large, 2, later));
}

TEST_F(FetchSessionsTest, lets_a_follower_push_out_a_consumer_at_once) {
  open(9);
  open(9);
  EXPECT_NE(open(1, true), 0);
  EXPECT_EQ(sessions.size(), 2u);
}

TEST_F(FetchSessionsTest, keeps_followers_from_consumers) {
  const std::int32_t one = open(1, true);
  const std::int32_t two = open(1, true);
  EXPECT_EQ(open(1'000), 0);
  EXPECT_TRUE(alive(one, 1, opened_at) && alive(two, 1, opened_at));
}

TEST_F(FetchSessionsTest, keeps_no_session_without_slots) {
  FetchSessions none(0);
  EXPECT_EQ(none.create(full_request(), many(1), random, opened_at), 0);
}

}  // namespace
}  // namespace cairn::replication
