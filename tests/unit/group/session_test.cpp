// SPDX-License-Identifier: Apache-2.0
// SyncGroup, Heartbeat, LeaveGroup and the deadlines behind them.
#include "world.hpp"

namespace cairn::group::testing {
namespace {

struct Pair {
  std::string leader, follower;
  std::int32_t generation;
};

/// Two members that have joined generation 1 and not synced.
Pair joined_pair(World& world) {
  const auto a = world.join_fully("g", {.client_id = "a"});
  const auto b = world.join_fully("g", {.client_id = "b"});
  world.advance(6s);
  const auto first = *world.joined(a), second = *world.joined(b);
  const bool first_leads = first.leader == first.member_id;
  return {first.leader, first_leads ? second.member_id : first.member_id, first.generation_id};
}

TEST(SyncGroup, waits_for_the_leader_and_then_gives_everyone_his_share) {
  World world;
  const Pair pair = joined_pair(world);
  const auto follower = world.sync("g", 1, pair.follower);
  EXPECT_EQ(world.assignment(follower), "(waits)");
  const auto leader =
      world.sync("g", 1, pair.leader, {{pair.leader, "left"}, {pair.follower, "right"}});
  EXPECT_EQ(world.assignment(leader), "left");
  EXPECT_EQ(world.assignment(follower), "right");
  EXPECT_EQ(world.state("g"), "Stable");
}

TEST(SyncGroup, gives_an_empty_assignment_to_whom_the_leader_left_out) {
  World world;
  const Pair pair = joined_pair(world);
  world.sync("g", 1, pair.leader, {{pair.leader, "all"}});
  EXPECT_EQ(world.assignment(world.sync("g", 1, pair.follower)), "");
}

TEST(SyncGroup, gives_a_stable_member_its_assignment_again) {
  World world;
  const auto id = world.stable_group("g");
  EXPECT_EQ(world.assignment(world.sync("g", 1, id)), "all");
}

TEST(SyncGroup, refuses_strangers_old_generations_and_other_protocols) {
  World world;
  const auto id = world.stable_group("g");
  EXPECT_EQ(world.assignment(world.sync("none", 1, id)), "(UNKNOWN_MEMBER_ID)");
  EXPECT_EQ(world.assignment(world.sync("g", 1, "stranger")), "(UNKNOWN_MEMBER_ID)");
  EXPECT_EQ(world.assignment(world.sync("g", 0, id)), "(ILLEGAL_GENERATION)");
  protocol::SyncGroupRequest request;
  request.group_id = "g";
  request.generation_id = 1;
  request.member_id = id;
  request.protocol_type = "connect";
  const auto asked = world.next_id();
  world.execute(world.machine.sync(asked, request, world.now));
  EXPECT_EQ(world.assignment(asked), "(INCONSISTENT_GROUP_PROTOCOL)");
}

TEST(SyncGroup, is_told_to_rejoin_while_the_group_gathers) {
  World world;
  const auto id = world.stable_group("g");
  world.join_fully("g", {.client_id = "b"});
  EXPECT_EQ(world.assignment(world.sync("g", 1, id)), "(REBALANCE_IN_PROGRESS)");
}

TEST(SyncGroup, removes_members_that_never_ask_for_their_assignment) {
  World world;
  const Pair pair = joined_pair(world);
  world.sync("g", 1, pair.leader, {});
  for (int i = 0; i < 7; ++i) {
    world.advance(9s);
    world.heartbeat("g", 1, pair.leader);
    world.heartbeat("g", 1, pair.follower);
  }
  EXPECT_EQ(world.heartbeat("g", 1, pair.follower), ErrorCode::unknown_member_id);
  EXPECT_EQ(world.heartbeat("g", 1, pair.leader), ErrorCode::rebalance_in_progress);
}

TEST(SyncGroup, starts_over_if_the_log_refuses_the_assignment) {
  World world;
  const Pair pair = joined_pair(world);
  const auto follower = world.sync("g", 1, pair.follower);
  world.refuse_appends = true;
  world.sync("g", 1, pair.leader, {{pair.follower, "x"}});
  EXPECT_EQ(world.assignment(follower), "(waits)")
      << "the actor answers those of the refused record";
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
}

TEST(SyncGroup, assignment_survives_a_crash) {
  World world;
  const auto id = world.stable_group("g");
  world.crash();
  EXPECT_EQ(world.state("g"), "Stable");
  EXPECT_EQ(world.heartbeat("g", 1, id), ErrorCode::none);
  EXPECT_EQ(world.assignment(world.sync("g", 1, id)), "all");
}

TEST(SyncGroup, a_crash_before_it_takes_the_group_back) {
  World world;
  const Pair pair = joined_pair(world);
  world.crash();
  EXPECT_EQ(world.state("g"), "Empty");
  EXPECT_EQ(world.heartbeat("g", 1, pair.leader), ErrorCode::unknown_member_id);
}

TEST(Heartbeat, tells_strangers_and_old_generations_apart) {
  World world;
  const auto id = world.stable_group("g");
  EXPECT_EQ(world.heartbeat("", 1, id), ErrorCode::invalid_group_id);
  EXPECT_EQ(world.heartbeat("none", 1, id), ErrorCode::unknown_member_id);
  EXPECT_EQ(world.heartbeat("g", 1, "stranger"), ErrorCode::unknown_member_id);
  EXPECT_EQ(world.heartbeat("g", 2, id), ErrorCode::illegal_generation);
  EXPECT_EQ(world.heartbeat("g", 1, id), ErrorCode::none);
}

TEST(Heartbeat, calls_members_to_a_rebalance) {
  World world;
  const auto id = world.stable_group("g");
  world.join_fully("g", {.client_id = "b"});
  EXPECT_EQ(world.heartbeat("g", 1, id), ErrorCode::rebalance_in_progress);
}

TEST(Heartbeat, is_good_while_the_assignment_is_awaited) {
  World world;
  const Pair pair = joined_pair(world);
  EXPECT_EQ(world.heartbeat("g", 1, pair.follower), ErrorCode::none);
}

TEST(Session, ends_without_heartbeats) {
  World world;
  const auto id = world.stable_group("g", {.session = 10s});
  world.advance(9s);
  EXPECT_EQ(world.heartbeat("g", 1, id), ErrorCode::none);
  world.advance(9s);
  EXPECT_EQ(world.state("g"), "Stable");
  world.advance(2s);
  EXPECT_EQ(world.state("g"), "Empty");
}

TEST(Session, is_kept_alive_by_commits) {
  World world;
  const auto id = world.stable_group("g", {.session = 10s});
  for (int i = 0; i < 3; ++i) {
    world.advance(9s);
    EXPECT_EQ(world.commit("g", {.member = id, .generation = 1, .offset = i}), ErrorCode::none);
  }
  EXPECT_EQ(world.state("g"), "Stable");
}

TEST(Session, begins_anew_after_a_load) {
  World world;
  const auto id = world.stable_group("g", {.session = 10s});
  world.advance(9s);
  world.crash();
  world.advance(9s);
  EXPECT_EQ(world.state("g"), "Stable");
  world.advance(2s);
  EXPECT_EQ(world.state("g"), "Empty");
}

TEST(Session, does_not_end_while_a_member_waits_for_a_join_or_sync) {
  World world;
  const Pair pair = joined_pair(world);
  const auto follower = world.sync("g", 1, pair.follower);
  for (int i = 0; i < 3; ++i) {
    world.advance(9s);
    world.heartbeat("g", 1, pair.leader);
  }
  EXPECT_EQ(world.assignment(follower), "(waits)");
  world.sync("g", 1, pair.leader, {{pair.follower, "x"}});
  EXPECT_EQ(world.assignment(follower), "x");
}

TEST(LeaveGroup, empties_the_group_with_its_last_member) {
  World world;
  const auto id = world.stable_group("g");
  EXPECT_EQ(world.leave("g", {{id, {}}}).members.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(world.state("g"), "Empty");
  world.crash();
  EXPECT_EQ(world.state("g"), "Empty");
  EXPECT_EQ(world.machine.durable().at("g").metadata->generation, 2);
}

TEST(LeaveGroup, rebalances_those_who_stay) {
  World world;
  const Pair pair = joined_pair(world);
  world.sync("g", 1, pair.leader, {});
  world.sync("g", 1, pair.follower);
  world.leave("g", {{pair.leader, {}}});
  EXPECT_EQ(world.heartbeat("g", 1, pair.follower), ErrorCode::rebalance_in_progress);
}

TEST(LeaveGroup, answers_each_of_several_by_itself) {
  World world;
  const auto id = world.stable_group("g");
  const auto pending = world.joined(world.join("g", {.client_id = "b"}))->member_id;
  const auto reply = world.leave("g", {{"stranger", {}}, {pending, {}}, {id, {}}});
  EXPECT_EQ(reply.error_code, ErrorCode::none);
  EXPECT_EQ(reply.members.at(0).error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(reply.members.at(1).error_code, ErrorCode::none);
  EXPECT_EQ(reply.members.at(2).error_code, ErrorCode::none);
  EXPECT_EQ(world.leave("none", {{id, {}}}).members.at(0).error_code, ErrorCode::unknown_member_id);
}

TEST(LeaveGroup, answers_the_join_the_leaver_waits_on) {
  World world;
  const auto id = world.join_fully("g", {.instance_id = "i"});
  world.leave("g", {{"", "i"}});
  EXPECT_EQ(world.joined(id)->error_code, ErrorCode::unknown_member_id);
}

TEST(GroupMachine, rebalances_a_loaded_group_that_is_too_large) {
  World world;
  const Pair pair = joined_pair(world);
  world.sync("g", 1, pair.leader, {});
  world.config.group_max_size = 1;
  world.crash();
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
}

}  // namespace
}  // namespace cairn::group::testing
