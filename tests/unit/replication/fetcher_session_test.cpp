// SPDX-License-Identifier: Apache-2.0
// The follower's side of incremental fetch sessions, alone and against the leader's side.
#include <gtest/gtest.h>

#include <cairn/replication/fetch_session.hpp>
#include <cairn/replication/fetcher_session.hpp>

namespace cairn::replication {
namespace {

ReplicaKey key(std::int32_t partition) { return {Uuid{1, 2}, PartitionIndex(partition)}; }
FetchWish at(std::int64_t offset) {
  return {.fetch_offset = Offset(offset), .current_leader_epoch = Epoch(3), .max_bytes = 100};
}
using Keys = std::vector<ReplicaKey>;

Keys named(const FetcherSession::Request& request) {
  Keys keys;
  for (const auto& [key, wish] : request.partitions) keys.push_back(key);
  return keys;
}

/// A session with partitions 0 and 1 that the leader knows as number 77.
FetcherSession opened() {
  FetcherSession session;
  session.set(key(0), at(0));
  session.set(key(1), at(0));
  session.next();
  EXPECT_TRUE(session.on_response(ErrorCode::none, 77, Keys{key(0), key(1)}));
  return session;
}

TEST(FetcherSession, begins_with_everything) {
  FetcherSession session;
  session.set(key(0), at(0));
  session.set(key(1), at(0));
  const auto request = session.next();
  EXPECT_TRUE(request.full());
  EXPECT_EQ(request.session_id, 0);
  EXPECT_EQ(named(request), (Keys{key(0), key(1)}));
}

TEST(FetcherSession, names_only_what_changed) {
  FetcherSession session = opened();
  session.set(key(1), at(5));
  session.set(key(0), at(0));  // as it was
  auto request = session.next();
  EXPECT_EQ(request.session_id, 77);
  EXPECT_EQ(request.session_epoch, 1);
  EXPECT_EQ(named(request), Keys{key(1)});
  EXPECT_TRUE(session.on_response(ErrorCode::none, 77, Keys{key(1)}));
  request = session.next();
  EXPECT_EQ(request.session_epoch, 2);
  EXPECT_TRUE(request.partitions.empty());
}

TEST(FetcherSession, forgets_what_is_not_wanted_any_more) {
  FetcherSession session = opened();
  session.remove(key(0));
  auto request = session.next();
  EXPECT_EQ(request.forgotten, Keys{key(0)});
  EXPECT_TRUE(session.on_response(ErrorCode::none, 77, Keys{}));
  session.set(key(0), at(9));
  request = session.next();
  EXPECT_EQ(named(request), Keys{key(0)});
  EXPECT_TRUE(request.forgotten.empty());
}

TEST(FetcherSession, does_not_forget_what_came_back_in_time) {
  FetcherSession session = opened();
  session.remove(key(0));
  session.set(key(0), at(0));
  const auto request = session.next();
  EXPECT_TRUE(request.forgotten.empty());
  EXPECT_EQ(named(request), Keys{key(0)});
}

TEST(FetcherSession, begins_anew_when_the_leader_does_not_know_it) {
  FetcherSession session = opened();
  session.next();
  EXPECT_FALSE(session.on_response(ErrorCode::fetch_session_id_not_found, 0, Keys{}));
  const auto request = session.next();
  EXPECT_TRUE(request.full());
  EXPECT_EQ(request.session_id, 0);
  EXPECT_EQ(request.partitions.size(), 2u);
}

TEST(FetcherSession, closes_the_old_one_when_it_begins_anew_for_another_reason) {
  for (const ErrorCode code :
       {ErrorCode::invalid_fetch_session_epoch, ErrorCode::fetch_session_topic_id_error}) {
    FetcherSession session = opened();
    session.next();
    EXPECT_FALSE(session.on_response(code, 0, Keys{}));
    const auto request = session.next();
    EXPECT_TRUE(request.full());
    EXPECT_EQ(request.session_id, 77);
  }
  FetcherSession session = opened();
  session.next();
  session.on_failure();
  EXPECT_EQ(session.next().session_id, 77);
}

TEST(FetcherSession, goes_on_without_one_when_there_is_no_room) {
  FetcherSession session;
  session.set(key(0), at(0));
  session.next();
  EXPECT_TRUE(session.on_response(ErrorCode::none, 0, Keys{key(0)}));
  EXPECT_TRUE(session.next().full());
}

TEST(FetcherSession, distrusts_an_answer_about_others) {
  FetcherSession session = opened();
  session.next();
  EXPECT_FALSE(session.on_response(ErrorCode::none, 77, Keys{key(9)}));
  EXPECT_TRUE(session.next().full());
  FetcherSession missing;
  missing.set(key(0), at(0));
  missing.set(key(1), at(0));
  missing.next();
  EXPECT_FALSE(missing.on_response(ErrorCode::none, 77, Keys{key(0)}));
}

/// Random wishes: what the leader's session holds is what the follower wants, after any faults.
TEST(FetcherSession, agrees_with_the_leaders_side) {
  Random random(4711);
  FetchSessions leader(2);
  FetcherSession follower;
  std::map<ReplicaKey, FetchWish> wanted;
  Instant now{};
  for (int turn = 0; turn < 2'000; ++turn) {
    for (int i = 0; i < 3; ++i) {
      const ReplicaKey one = key(static_cast<std::int32_t>(random.below(6)));
      if (random.chance(0.3)) {
        follower.remove(one);
        wanted.erase(one);
      } else {
        wanted[one] = at(static_cast<std::int64_t>(random.below(50)));
        follower.set(one, wanted[one]);
      }
    }
    const auto request = follower.next();
    std::vector<FetchPartition> partitions;
    for (const auto& [k, wish] : request.partitions) {
      partitions.push_back({.key = {k.topic, "", k.partition}, .fetch_offset = wish.fetch_offset});
    }
    std::vector<FetchKey> forgotten;
    for (const ReplicaKey& k : request.forgotten) forgotten.push_back({k.topic, "", k.partition});
    const FetchSessionRequest asks{.session_id = request.session_id,
                                   .session_epoch = request.session_epoch,
                                   .from_follower = true,
                                   .uses_topic_ids = true};
    if (random.chance(0.05)) {  // the request is lost
      follower.on_failure();
      continue;
    }
    auto begun = leader.begin(asks, partitions, forgotten, now);
    if (!begun) {
      follower.on_response(begun.error().code, 0, Keys{});
      continue;
    }
    std::map<ReplicaKey, Offset> held;
    std::int32_t id = 0;
    if (*begun) {
      id = (*begun)->id();
      for (const FetchPartition& p : (*begun)->partitions()) {
        held[{p.key.topic_id, p.key.partition}] = p.fetch_offset;
      }
    } else {
      for (const FetchPartition& p : partitions) {
        held[{p.key.topic_id, p.key.partition}] = p.fetch_offset;
      }
      id = leader.create(asks, partitions, random, now);
    }
    ASSERT_EQ(held.size(), wanted.size());
    for (const auto& [k, wish] : wanted) ASSERT_EQ(held.at(k), wish.fetch_offset);
    if (random.chance(0.05)) {  // the answer is lost
      follower.on_failure();
      continue;
    }
    Keys answered;
    if (!*begun) {
      for (const auto& [k, offset] : held) answered.push_back(k);
    }
    ASSERT_TRUE(follower.on_response(ErrorCode::none, id, answered));
  }
}

}  // namespace
}  // namespace cairn::replication
