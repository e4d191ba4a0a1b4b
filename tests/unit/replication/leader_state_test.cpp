// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/replication/leader_state.hpp>

namespace cairn::replication {
namespace {

using namespace std::chrono_literals;

const BrokerId self(1), second(2), third(3);
const Instant began{1h};

Leadership leadership(std::vector<BrokerId> isr) {
  return {.self = self,
          .leader_epoch = Epoch(4),
          .partition_epoch = 1,
          .replicas = {self, second, third},
          .isr = std::move(isr)};
}

FollowerFetch fetch(std::int64_t offset, std::int64_t leader_end, Instant at = began) {
  return {.fetch_offset = Offset(offset),
          .follower_log_start = Offset(0),
          .leader_end_before = Offset(leader_end),
          .at = at,
          .broker_epoch = BrokerEpoch(1)};
}

TEST(LeaderState, alone_in_its_isr_commits_what_it_has) {
  const LeaderState leader(leadership({self}), Offset(10), began);
  EXPECT_EQ(leader.high_watermark(Offset(3), Offset(12), 1), Offset(12));
}

TEST(LeaderState, commits_the_least_of_the_isr) {
  LeaderState leader(leadership({self, second, third}), Offset(0), began);
  EXPECT_EQ(leader.high_watermark(Offset(0), Offset(9), 1), Offset(0));  // nobody has fetched yet
  ASSERT_TRUE(leader.on_fetch(second, fetch(7, 9)));
  ASSERT_TRUE(leader.on_fetch(third, fetch(5, 9)));
  EXPECT_EQ(leader.high_watermark(Offset(0), Offset(9), 1), Offset(5));
}

TEST(LeaderState, never_lowers_the_high_watermark) {
  LeaderState leader(leadership({self, second}), Offset(0), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(2, 9)));
  EXPECT_EQ(leader.high_watermark(Offset(6), Offset(9), 1), Offset(6));
}

TEST(LeaderState, counts_a_proposed_member_and_keeps_a_proposed_leaver_L8) {
  LeaderState leader(leadership({self, second}), Offset(0), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(4, 9)));
  ASSERT_TRUE(leader.on_fetch(third, fetch(6, 9)));
  leader.propose_isr({self, third});
  EXPECT_EQ(leader.high_watermark(Offset(0), Offset(9), 1), Offset(4));
  ASSERT_TRUE(leader.on_fetch(second, fetch(9, 9)));
  EXPECT_EQ(leader.high_watermark(Offset(0), Offset(9), 1), Offset(6));
  leader.withdraw_proposal();
  EXPECT_EQ(leader.high_watermark(Offset(0), Offset(9), 1), Offset(9));
}

TEST(LeaderState, stands_still_below_the_minimum_isr) {
  LeaderState leader(leadership({self}), Offset(0), began);
  EXPECT_EQ(leader.high_watermark(Offset(3), Offset(9), 2), Offset(3));
  EXPECT_EQ(code_of(leader.accepts_acks_all(2)), ErrorCode::not_enough_replicas);
  EXPECT_TRUE(leader.accepts_acks_all(1));
}

TEST(LeaderState, asks_no_more_replicas_than_there_are) {
  Leadership alone{.self = self, .leader_epoch = Epoch(1), .replicas = {self}, .isr = {self}};
  const LeaderState leader(alone, Offset(0), began);
  EXPECT_TRUE(leader.accepts_acks_all(3));
}

TEST(LeaderState, keeps_progress_over_a_change_in_the_same_epoch_L12) {
  LeaderState leader(leadership({self, second}), Offset(0), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(8, 9)));
  leader.update(leadership({self, second, third}), began);
  EXPECT_EQ(leader.follower(second)->log_end(), Offset(8));
  EXPECT_EQ(leader.follower(third)->log_end(), no_offset);
}

TEST(LeaderState, refuses_who_is_no_replica) {
  LeaderState leader(leadership({self}), Offset(0), began);
  EXPECT_EQ(code_of(leader.on_fetch(BrokerId(9), fetch(0, 0))), ErrorCode::unknown_leader_epoch);
}

TEST(LeaderState, lets_in_only_who_has_reached_this_epoch) {
  LeaderState leader(leadership({self}), Offset(10), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(8, 12)));
  EXPECT_FALSE(leader.may_join(second, Offset(8)));
  ASSERT_TRUE(leader.on_fetch(second, fetch(10, 12)));
  EXPECT_TRUE(leader.may_join(second, Offset(10)));
  EXPECT_FALSE(leader.may_join(second, Offset(11)));
}

TEST(FollowerProgress, is_caught_up_as_of_the_fetch_before_when_it_reached_that_end) {
  FollowerProgress progress;
  progress.reset(began, true);
  progress.on_fetch(fetch(0, 100, began + 1s));
  EXPECT_EQ(progress.last_caught_up(), began);
  progress.on_fetch(fetch(100, 150, began + 2s));  // what was there at +1s
  EXPECT_EQ(progress.last_caught_up(), began + 1s);
  progress.on_fetch(fetch(150, 150, began + 3s));
  EXPECT_EQ(progress.last_caught_up(), began + 3s);
}

TEST(FollowerProgress, lags_once_it_has_not_kept_up_for_too_long) {
  LeaderState leader(leadership({self, second, third}), Offset(0), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(5, 5, began + 20s)));
  ASSERT_TRUE(leader.on_fetch(third, fetch(1, 5, began + 20s)));
  EXPECT_TRUE(leader.lagging(Offset(9), began + 25s, 30s).empty());
  EXPECT_EQ(leader.lagging(Offset(9), began + 40s, 30s), std::vector{third});
}

}  // namespace
}  // namespace cairn::replication
