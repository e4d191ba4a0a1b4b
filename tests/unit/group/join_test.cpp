// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

namespace cairn::group::testing {
namespace {

ErrorCode error_of(const World& world, RequestId id) { return world.joined(id)->error_code; }

TEST(JoinGroup, refuses_an_empty_group_id) {
  World world;
  EXPECT_EQ(error_of(world, world.join("", {})), ErrorCode::invalid_group_id);
}

TEST(JoinGroup, refuses_session_timeouts_out_of_bounds) {
  World world;
  EXPECT_EQ(error_of(world, world.join("g", {.session = 5999ms})),
            ErrorCode::invalid_session_timeout);
  EXPECT_EQ(error_of(world, world.join("g", {.session = 1'800'001ms})),
            ErrorCode::invalid_session_timeout);
}

TEST(JoinGroup, refuses_a_member_id_of_a_group_that_does_not_exist) {
  World world;
  const auto id = world.join("g", {.member_id = "someone"});
  EXPECT_EQ(error_of(world, id), ErrorCode::unknown_member_id);
  EXPECT_EQ(world.joined(id)->member_id, "someone");
  EXPECT_EQ(world.state("g"), "Dead");
}

TEST(JoinGroup, refuses_a_member_without_protocols_or_type) {
  World world;
  EXPECT_EQ(error_of(world, world.join("g", {.protocols = {}})),
            ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(error_of(world, world.join("g", {.type = ""})), ErrorCode::inconsistent_group_protocol);
}

TEST(JoinGroup, gives_a_dynamic_member_its_id_first_from_version_4) {
  World world;
  const auto reply = world.joined(world.join("g", {.client_id = "app", .version = 4}));
  EXPECT_EQ(reply->error_code, ErrorCode::member_id_required);
  EXPECT_EQ(reply->member_id.substr(0, 4), "app-");
  EXPECT_EQ(reply->member_id.size(), 4 + 36);
  EXPECT_EQ(world.state("g"), "Empty");
}

TEST(JoinGroup, lets_a_dynamic_member_in_at_once_before_version_4) {
  World world;
  const auto id = world.join("g", {.version = 3});
  EXPECT_FALSE(world.joined(id));
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
}

TEST(JoinGroup, stores_a_group_when_it_is_first_seen) {
  World world;
  world.join("g", {});
  ASSERT_EQ(world.log.size(), 1);
  world.crash();
  EXPECT_EQ(world.state("g"), "Empty");
}

TEST(JoinGroup, waits_the_initial_delay_and_again_while_members_come) {
  World world;
  const auto a = world.join_fully("g", {.client_id = "a"});
  world.advance(2s);
  const auto b = world.join_fully("g", {.client_id = "b"});
  world.advance(2s);
  EXPECT_FALSE(world.joined(a)) << "b came within the first delay: it is prolonged";
  world.advance(2s);
  ASSERT_TRUE(world.joined(a) && world.joined(b));
  EXPECT_EQ(world.joined(a)->generation_id, 1);
  EXPECT_EQ(world.joined(b)->generation_id, 1);
}

TEST(JoinGroup, never_delays_the_first_rebalance_beyond_the_rebalance_timeout) {
  World world;
  std::vector<RequestId> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(world.join_fully("g", {.session = 6s, .rebalance = 7s}));
    world.advance(2s);
  }
  EXPECT_TRUE(world.joined(ids[0])) << "3 s and 3 s and 1 s";
}

TEST(JoinGroup, tells_the_leader_alone_of_the_members) {
  World world;
  const auto a = world.join_fully("g", {.client_id = "a", .topics = {"x"}});
  const auto b = world.join_fully("g", {.client_id = "b", .topics = {"y"}});
  world.advance(6s);
  const auto first = *world.joined(a);
  const auto second = *world.joined(b);
  EXPECT_EQ(first.leader, second.leader);
  const auto& leader = first.leader == first.member_id ? first : second;
  const auto& follower = first.leader == first.member_id ? second : first;
  EXPECT_EQ(leader.members.size(), 2);
  EXPECT_TRUE(follower.members.empty());
  EXPECT_EQ(leader.protocol_name, "range");
  EXPECT_EQ(leader.protocol_type, "consumer");
}

TEST(JoinGroup, selects_the_protocol_that_most_members_prefer_of_those_all_share) {
  World world;
  const auto a = world.join_fully("g", {.protocols = {"sticky", "range", "roundrobin"}});
  world.join_fully("g", {.protocols = {"roundrobin", "range"}});
  world.join_fully("g", {.protocols = {"roundrobin", "range"}});
  world.advance(6s);
  EXPECT_EQ(world.joined(a)->protocol_name, "roundrobin");
}

TEST(JoinGroup, refuses_a_member_that_shares_no_protocol_or_not_the_type) {
  World world;
  world.stable_group("g");
  EXPECT_EQ(error_of(world, world.join("g", {.protocols = {"other"}})),
            ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(error_of(world, world.join("g", {.type = "connect"})),
            ErrorCode::inconsistent_group_protocol);
}

TEST(JoinGroup, takes_any_protocol_type_and_any_bytes) {
  World world;
  const auto member = world.stable_group("g", {.type = "connect", .protocols = {"sessioned"}});
  const auto described = world.machine.describe("g", 5);
  EXPECT_EQ(described.protocol_type, "connect");
  EXPECT_EQ(described.protocol_data, "sessioned");
  EXPECT_EQ(described.members.at(0).member_id, member);
  EXPECT_EQ(described.members.at(0).client_host, "/10.0.0.1");
}

TEST(JoinGroup, answers_an_unchanged_follower_from_the_running_generation) {
  World world;
  const auto a = world.join_fully("g", {.client_id = "a"});
  const auto b = world.join_fully("g", {.client_id = "b"});
  world.advance(6s);
  const auto follower =
      world.joined(a)->leader == world.joined(a)->member_id ? world.joined(b) : world.joined(a);
  world.sync("g", 1, follower->leader, {});
  world.sync("g", 1, follower->member_id);
  const auto again = world.joined(world.join("g", {.member_id = follower->member_id}));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->generation_id, 1);
  EXPECT_EQ(world.state("g"), "Stable");
}

TEST(JoinGroup, rebalances_when_the_leader_joins_again) {
  World world;
  const auto leader = world.stable_group("g");
  const auto again = world.joined(world.join("g", {.member_id = leader}));
  ASSERT_TRUE(again) << "it is alone: the join completes at once";
  EXPECT_EQ(again->generation_id, 2);
}

TEST(JoinGroup, gives_the_answer_again_to_who_lost_it_before_the_sync) {
  World world;
  const auto id = world.join_fully("g", {});
  world.advance(3s);
  const auto first = *world.joined(id);
  const auto again = world.joined(world.join("g", {.member_id = first.member_id}));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->generation_id, first.generation_id);
  EXPECT_EQ(again->members.size(), 1);
}

TEST(JoinGroup, answers_a_join_that_a_newer_one_displaces) {
  World world;
  const auto leader = world.stable_group("g");
  const auto other = world.join_fully("g", {.client_id = "b"});
  const auto first = world.join("g", {.member_id = leader, .client_id = "a"});
  EXPECT_TRUE(world.joined(other));
  EXPECT_TRUE(world.joined(first));
}

TEST(JoinGroup, turns_away_members_above_the_group_size) {
  World world({.group_max_size = 1});
  world.stable_group("g");
  const auto refused = world.joined(world.join("g", {}));
  EXPECT_EQ(refused->error_code, ErrorCode::group_max_size_reached);
  EXPECT_EQ(refused->member_id, "");
}

TEST(JoinGroup, counts_those_who_wait_while_it_gathers) {
  World world({.group_max_size = 1});
  const auto a = world.join_fully("g", {.version = 3});
  const auto b = world.join("g", {.version = 3});
  EXPECT_EQ(error_of(world, b), ErrorCode::group_max_size_reached);
  world.advance(3s);
  EXPECT_EQ(error_of(world, a), ErrorCode::none);
}

TEST(JoinGroup, removes_a_dynamic_member_that_does_not_rejoin_in_time) {
  World world;
  const auto lost = world.stable_group("g", {.session = 30s, .rebalance = 8s});
  const auto id = world.join_fully("g", {.client_id = "b", .rebalance = 8s});
  world.advance(7s);
  EXPECT_FALSE(world.joined(id));
  world.advance(2s);
  ASSERT_TRUE(world.joined(id));
  EXPECT_EQ(world.joined(id)->members.size(), 1);
  EXPECT_EQ(world.heartbeat("g", 2, lost), ErrorCode::unknown_member_id);
}

TEST(JoinGroup, forgets_a_member_id_that_is_not_used) {
  World world;
  const auto pending = world.joined(world.join("g", {.session = 6s}))->member_id;
  world.advance(7s);
  EXPECT_EQ(error_of(world, world.join("g", {.member_id = pending})), ErrorCode::unknown_member_id);
}

TEST(JoinGroup, waits_for_a_member_id_that_was_given_out) {
  World world;
  const auto leader = world.stable_group("g");
  world.join("g", {.client_id = "b"});
  const auto id = world.join("g", {.member_id = leader, .topics = {"u"}});
  EXPECT_FALSE(world.joined(id)) << "b has an id and has not joined with it yet";
  world.advance(11s);
  EXPECT_TRUE(world.joined(id)) << "b's session is over";
}

TEST(JoinGroup, clears_away_a_first_join_that_nobody_waits_for) {
  World world;
  const auto leader = world.stable_group("g", {.session = 30min, .rebalance = 20min});
  const auto id = world.join_fully("g", {.client_id = "b", .version = 3});
  world.advance(5min + 1s);
  EXPECT_EQ(error_of(world, id), ErrorCode::unknown_member_id);
}

TEST(JoinGroup, refuses_groups_of_kinds_that_are_not_served) {
  World world;
  const std::byte key[] = {std::byte{0}, std::byte{3}, std::byte{0}, std::byte{1}, std::byte{'k'}};
  const std::byte value[] = {std::byte{0}, std::byte{0}};
  ASSERT_TRUE(world.machine.apply(key, value, Offset(0)));
  EXPECT_EQ(error_of(world, world.join("k", {})), ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(world.machine.totals().foreign_records, 1);
  EXPECT_EQ(world.delete_group("k"), ErrorCode::non_empty_group);
}

}  // namespace
}  // namespace cairn::group::testing
