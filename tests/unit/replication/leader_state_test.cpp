// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/replication/leader_state.hpp>

namespace cairn::replication {
namespace {

using namespace std::chrono_literals;

const BrokerId self(1), second(2), third(3);
const Instant began{1h};

Leadership leadership(std::vector<BrokerId> isr, std::int32_t partition_epoch = 1) {
  return {.self = self,
          .leader_epoch = Epoch(4),
          .partition_epoch = partition_epoch,
          .replicas = {self, second, third},
          .isr = std::move(isr)};
}

FollowerFetch fetch(std::int64_t offset, std::int64_t leader_end, Instant at = began,
                    std::int64_t broker_epoch = 1) {
  return {.fetch_offset = Offset(offset),
          .follower_log_start = Offset(0),
          .leader_end_before = Offset(leader_end),
          .at = at,
          .broker_epoch = BrokerEpoch(broker_epoch)};
}

/// All brokers are registered with epoch 1 and active.
const EligibleEpoch all_eligible = [](BrokerId) { return std::optional(BrokerEpoch(1)); };

IsrRules rules(std::int64_t leader_end, Instant now = began,
               const EligibleEpoch& eligible = all_eligible) {
  return {.now = now, .max_lag = 30s, .leader_end = Offset(leader_end), .eligible = eligible};
}

std::vector<BrokerId> ids(const IsrProposal& proposal) {
  std::vector<BrokerId> all;
  for (const IsrMember& member : proposal.isr) all.push_back(member.id);
  return all;
}

/// Alone with `second`, which has reached 9, and `third`, which is about to.
LeaderState with_joining_third() {
  LeaderState leader(leadership({self, second}), Offset(0), began);
  EXPECT_TRUE(leader.on_fetch(second, fetch(9, 9)));
  EXPECT_TRUE(leader.on_fetch(third, fetch(9, 9)));
  return leader;
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

TEST(LeaderState, counts_a_proposed_member_at_once_L8) {
  LeaderState leader(leadership({self, second}), Offset(0), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(4, 9)));
  ASSERT_TRUE(leader.on_fetch(third, fetch(4, 9)));
  ASSERT_TRUE(leader.propose_joining(third, Offset(4), rules(9)));
  ASSERT_TRUE(leader.on_fetch(second, fetch(9, 9)));
  EXPECT_EQ(leader.high_watermark(Offset(4), Offset(9), 1), Offset(4));
  ASSERT_TRUE(leader.on_fetch(third, fetch(6, 9)));
  EXPECT_EQ(leader.high_watermark(Offset(4), Offset(9), 1), Offset(6));
}

TEST(LeaderState, counts_a_proposed_leaver_until_it_has_left_L8) {
  LeaderState leader(leadership({self, second, third}), Offset(0), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(9, 9, began + 40s)));
  ASSERT_TRUE(leader.on_fetch(third, fetch(2, 9, began)));
  const auto proposal = leader.propose_leaving(rules(9, began + 40s));
  ASSERT_TRUE(proposal);
  EXPECT_EQ(ids(*proposal), (std::vector{self, second}));
  EXPECT_EQ(leader.high_watermark(Offset(0), Offset(9), 1), Offset(2));
  const IsrAnswer done{.leader_epoch = Epoch(4), .partition_epoch = 2, .isr = {self, second}};
  EXPECT_EQ(leader.on_answer(*proposal, done, began), IsrOutcome::committed);
  EXPECT_EQ(leader.high_watermark(Offset(2), Offset(9), 1), Offset(9));
}

TEST(LeaderState, waits_for_who_is_about_to_join) {
  LeaderState leader = with_joining_third();
  const IsrRules joining = rules(12);
  EXPECT_EQ(leader.high_watermark(Offset(0), Offset(12), 1, &joining), Offset(9));
  ASSERT_TRUE(leader.on_fetch(second, fetch(12, 12)));
  EXPECT_EQ(leader.high_watermark(Offset(9), Offset(12), 1, &joining), Offset(9));
  const IsrRules later = rules(12, began + 31s);
  EXPECT_EQ(leader.high_watermark(Offset(9), Offset(12), 1, &later), Offset(12));
  const EligibleEpoch none = [](BrokerId) { return std::optional<BrokerEpoch>(); };
  const IsrRules fenced = rules(12, began, none);
  EXPECT_EQ(leader.high_watermark(Offset(9), Offset(12), 1, &fenced), Offset(12));
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
  EXPECT_TRUE(leader.update(leadership({self, second, third}, 2), began));
  EXPECT_EQ(leader.follower(second)->log_end(), Offset(8));
  EXPECT_EQ(leader.follower(third)->log_end(), no_offset);
}

TEST(LeaderState, refuses_who_is_no_replica) {
  LeaderState leader(leadership({self}), Offset(0), began);
  EXPECT_EQ(code_of(leader.on_fetch(BrokerId(9), fetch(0, 0))), ErrorCode::unknown_leader_epoch);
}

TEST(LeaderState, lets_in_only_who_has_reached_this_epoch_and_the_high_watermark) {
  LeaderState leader(leadership({self}), Offset(10), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(8, 12)));
  EXPECT_FALSE(leader.propose_joining(second, Offset(8), rules(12)));
  ASSERT_TRUE(leader.on_fetch(second, fetch(10, 12)));
  EXPECT_FALSE(leader.propose_joining(second, Offset(11), rules(12)));
  const auto proposal = leader.propose_joining(second, Offset(10), rules(12));
  ASSERT_TRUE(proposal);
  EXPECT_EQ(proposal->isr,
            (std::vector<IsrMember>{{self, BrokerEpoch(1)}, {second, BrokerEpoch(1)}}));
  EXPECT_EQ(proposal->leader_epoch, Epoch(4));
  EXPECT_EQ(proposal->partition_epoch, 1);
}

TEST(LeaderState, lets_in_the_incarnation_that_the_metadata_knows_L6) {
  LeaderState leader(leadership({self}), Offset(0), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(9, 9, began, 7)));
  EXPECT_FALSE(leader.propose_joining(second, Offset(9), rules(9)));
  const EligibleEpoch now_known = [](BrokerId) { return std::optional(BrokerEpoch(7)); };
  EXPECT_TRUE(leader.propose_joining(second, Offset(9), rules(9, began, now_known)));
}

TEST(LeaderState, ignores_fetches_of_an_earlier_incarnation_L6) {
  LeaderState leader(leadership({self, second}), Offset(0), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(0, 9, began, 7)));
  EXPECT_EQ(code_of(leader.on_fetch(second, fetch(9, 9, began, 3))),
            ErrorCode::not_leader_or_follower);
  EXPECT_EQ(leader.high_watermark(Offset(0), Offset(9), 1), Offset(0));
}

TEST(LeaderState, has_one_proposal_at_a_time) {
  LeaderState leader(leadership({self}), Offset(0), began);
  ASSERT_TRUE(leader.on_fetch(second, fetch(9, 9)));
  ASSERT_TRUE(leader.on_fetch(third, fetch(9, 9)));
  EXPECT_TRUE(leader.propose_joining(second, Offset(9), rules(9)));
  EXPECT_FALSE(leader.propose_joining(third, Offset(9), rules(9)));
  EXPECT_FALSE(leader.propose_leaving(rules(9)));
}

TEST(LeaderState, goes_back_when_a_member_is_not_eligible_and_tries_again_later_L6) {
  LeaderState leader = with_joining_third();
  const auto proposal = leader.propose_joining(third, Offset(9), rules(9));
  EXPECT_EQ(leader.on_answer(*proposal, {.error = ErrorCode::ineligible_replica}, began),
            IsrOutcome::withdrawn);
  EXPECT_FALSE(leader.proposal());
  EXPECT_FALSE(leader.propose_joining(third, Offset(9), rules(9)));
  EXPECT_TRUE(leader.propose_joining(third, Offset(9), rules(9, began + 1s)));
}

TEST(LeaderState, stays_pending_while_nothing_certain_is_known_L12) {
  for (const ErrorCode code : {ErrorCode::unknown_topic_id, ErrorCode::unknown_topic_or_partition,
                               ErrorCode::fenced_leader_epoch, ErrorCode::invalid_update_version,
                               ErrorCode::invalid_request, ErrorCode::new_leader_elected}) {
    LeaderState leader = with_joining_third();
    const auto proposal = leader.propose_joining(third, Offset(9), rules(9));
    EXPECT_EQ(leader.on_answer(*proposal, {.error = code}, began), IsrOutcome::unknown);
    EXPECT_EQ(leader.proposal(), proposal);
    EXPECT_TRUE(leader.update(leadership({self, second, third}, 2), began));
    EXPECT_FALSE(leader.proposal());
  }
  LeaderState leader = with_joining_third();
  const auto proposal = leader.propose_joining(third, Offset(9), rules(9));
  EXPECT_EQ(leader.on_answer(*proposal, {.error = ErrorCode::not_controller}, began),
            IsrOutcome::send_again);
  EXPECT_EQ(leader.proposal(), proposal);
}

TEST(LeaderState, is_not_moved_by_metadata_it_is_ahead_of_L12) {
  LeaderState leader = with_joining_third();
  const auto proposal = leader.propose_joining(third, Offset(9), rules(9));
  EXPECT_FALSE(leader.update(leadership({self, second}), began));  // as it was
  EXPECT_EQ(leader.proposal(), proposal);
  const IsrAnswer done{
      .leader_epoch = Epoch(4), .partition_epoch = 5, .isr = {self, second, third}};
  EXPECT_EQ(leader.on_answer(*proposal, done, began), IsrOutcome::committed);
  EXPECT_FALSE(leader.update(leadership({self, second}, 4), began));
  EXPECT_EQ(leader.isr_size(), 3u);
}

TEST(LeaderState, sees_in_the_metadata_that_a_proposal_is_in_force) {
  LeaderState leader = with_joining_third();
  EXPECT_FALSE(leader.committed_by(leadership({self, second, third}, 2))) << "none is proposed";
  const auto proposal = leader.propose_joining(third, Offset(9), rules(9));
  EXPECT_FALSE(leader.committed_by(leadership({self, second, third}))) << "as old as ours";
  EXPECT_FALSE(leader.committed_by(leadership({self, second}, 2))) << "another change";
  EXPECT_EQ(leader.committed_by(leadership({third, self, second}, 2)), proposal);
}

TEST(LeaderState, takes_no_answer_to_a_proposal_it_has_dropped) {
  LeaderState leader = with_joining_third();
  const auto proposal = leader.propose_joining(third, Offset(9), rules(9));
  EXPECT_TRUE(leader.update(leadership({self}, 3), began));
  const IsrAnswer done{
      .leader_epoch = Epoch(4), .partition_epoch = 2, .isr = {self, second, third}};
  EXPECT_EQ(leader.on_answer(*proposal, done, began), IsrOutcome::unknown);
  EXPECT_EQ(leader.isr_size(), 1u);
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
  EXPECT_FALSE(leader.propose_leaving(rules(9, began + 25s)));
  const auto proposal = leader.propose_leaving(rules(9, began + 40s));
  ASSERT_TRUE(proposal);
  EXPECT_EQ(ids(*proposal), (std::vector{self, second}));
}

}  // namespace
}  // namespace cairn::replication
