// SPDX-License-Identifier: Apache-2.0
#include "src/client/fetch_session.hpp"

#include <gtest/gtest.h>

namespace cairn::client {
namespace {

const TopicPartition session_a{"a", PartitionIndex(0)};
const TopicPartition session_b{"b", PartitionIndex(1)};

FetchWant at_offset(std::int64_t offset, Uuid id = {1, 1}) {
  FetchWant want;
  want.topic_id = id;
  want.offset = Offset(offset);
  want.max_bytes = 100;
  return want;
}

protocol::FetchResponse with_session(std::int32_t id, ErrorCode error = ErrorCode::none) {
  protocol::FetchResponse response;
  response.session_id = id;
  response.error_code = error;
  return response;
}

protocol::FetchRequest prepared(FetchSession& session, const FetchWants& wants) {
  protocol::FetchRequest request;
  session.prepare(request, wants);
  return request;
}

TEST(FetchSession, names_all_partitions_first_and_only_changes_later) {
  FetchSession session;
  auto request = prepared(session, {{session_a, at_offset(0)}, {session_b, at_offset(5)}});
  EXPECT_EQ(request.session_id, 0);
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_EQ(request.topics.size(), 2u);
  ASSERT_TRUE(session.accept(with_session(77)));

  request = prepared(session, {{session_a, at_offset(3)}, {session_b, at_offset(5)}});
  EXPECT_EQ(request.session_id, 77);
  EXPECT_EQ(request.session_epoch, 1);
  ASSERT_EQ(request.topics.size(), 1u);
  EXPECT_EQ(request.topics[0].topic, "a");
  EXPECT_EQ(request.topics[0].partitions[0].fetch_offset, 3);
  EXPECT_TRUE(request.forgotten_topics_data.empty());
}

TEST(FetchSession, forgets_what_is_not_wanted_any_more) {
  FetchSession session;
  prepared(session, {{session_a, at_offset(0)}, {session_b, at_offset(5)}});
  ASSERT_TRUE(session.accept(with_session(77)));
  const auto request = prepared(session, {{session_b, at_offset(5)}});
  EXPECT_TRUE(request.topics.empty());
  ASSERT_EQ(request.forgotten_topics_data.size(), 1u);
  EXPECT_EQ(request.forgotten_topics_data[0].topic, "a");
  EXPECT_EQ(request.forgotten_topics_data[0].partitions, std::vector<std::int32_t>{0});
}

TEST(FetchSession, replaces_a_topic_that_was_made_anew) {
  FetchSession session;
  prepared(session, {{session_a, at_offset(9, {1, 1})}});
  ASSERT_TRUE(session.accept(with_session(77)));
  const auto request = prepared(session, {{session_a, at_offset(0, {2, 2})}});
  ASSERT_EQ(request.forgotten_topics_data.size(), 1u);
  EXPECT_EQ(request.forgotten_topics_data[0].topic_id, (Uuid{1, 1}));
  ASSERT_EQ(request.topics.size(), 1u);
  EXPECT_EQ(request.topics[0].topic_id, (Uuid{2, 2}));
}

TEST(FetchSession, begins_again_when_the_broker_does_not_know_it) {
  FetchSession session;
  prepared(session, {{session_a, at_offset(0)}});
  ASSERT_TRUE(session.accept(with_session(77)));
  prepared(session, {{session_a, at_offset(0)}});
  EXPECT_FALSE(session.accept(with_session(0, ErrorCode::fetch_session_id_not_found)));
  const auto request = prepared(session, {{session_a, at_offset(0)}});
  EXPECT_EQ(request.session_id, 0);
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_EQ(request.topics.size(), 1u);
}

TEST(FetchSession, asks_for_the_sessions_replacement_after_an_answer_got_lost) {
  FetchSession session;
  prepared(session, {{session_a, at_offset(0)}});
  ASSERT_TRUE(session.accept(with_session(77)));
  prepared(session, {{session_a, at_offset(1)}});
  session.interrupted();
  const auto request = prepared(session, {{session_a, at_offset(1)}});
  EXPECT_EQ(request.session_id, 77);
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_EQ(request.topics.size(), 1u);
}

TEST(FetchSession, stays_without_a_session_if_the_broker_opens_none) {
  FetchSession session;
  prepared(session, {{session_a, at_offset(0)}});
  ASSERT_TRUE(session.accept(with_session(0)));
  const auto request = prepared(session, {{session_a, at_offset(0)}});
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_EQ(request.topics.size(), 1u);
}

}  // namespace
}  // namespace cairn::client
