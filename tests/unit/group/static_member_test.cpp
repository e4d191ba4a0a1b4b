// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

namespace cairn::group::testing {
namespace {

/// A stable group of one static member "i"; its member id.
std::string static_group(World& world) { return world.stable_group("g", {.instance_id = "i"}); }

TEST(StaticMember, has_an_id_made_of_its_instance_id) {
  World world;
  EXPECT_EQ(static_group(world).substr(0, 2), "i-");
}

TEST(StaticMember, rejoins_under_a_new_id_without_a_rebalance) {
  World world;
  const auto old_id = static_group(world);
  const auto again = world.joined(world.join("g", {.instance_id = "i"}));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->error_code, ErrorCode::none);
  EXPECT_EQ(again->generation_id, 1);
  EXPECT_NE(again->member_id, old_id);
  EXPECT_TRUE(again->skip_assignment) << "it leads, and need not assign again";
  EXPECT_EQ(again->members.size(), 1);
  EXPECT_EQ(world.assignment(world.sync("g", 1, again->member_id, {}, "i")), "all");
}

TEST(StaticMember, is_told_of_its_old_self_as_leader_before_version_9) {
  World world;
  const auto old_id = static_group(world);
  const auto again = world.joined(world.join("g", {.instance_id = "i", .version = 8}));
  EXPECT_EQ(again->leader, old_id);
  EXPECT_FALSE(again->skip_assignment);
  EXPECT_TRUE(again->members.empty());
}

TEST(StaticMember, is_stored_under_its_new_id) {
  World world;
  static_group(world);
  const auto id = world.joined(world.join("g", {.instance_id = "i"}))->member_id;
  world.crash();
  EXPECT_EQ(world.heartbeat("g", 1, id, "i"), ErrorCode::none);
}

TEST(StaticMember, fences_its_old_self) {
  World world;
  const auto old_id = static_group(world);
  world.join("g", {.instance_id = "i"});
  EXPECT_EQ(world.heartbeat("g", 1, old_id, "i"), ErrorCode::fenced_instance_id);
  EXPECT_EQ(world.assignment(world.sync("g", 1, old_id, {}, "i")), "(FENCED_INSTANCE_ID)");
  EXPECT_EQ(world.commit("g", {.member = old_id, .generation = 1, .instance_id = "i"}),
            ErrorCode::fenced_instance_id);
  const auto rejoin = world.joined(world.join("g", {.member_id = old_id, .instance_id = "i"}));
  EXPECT_EQ(rejoin->error_code, ErrorCode::fenced_instance_id);
}

TEST(StaticMember, fences_the_join_its_old_self_waits_on) {
  World world;
  const auto first = world.join("g", {.instance_id = "i"});
  const auto second = world.join("g", {.instance_id = "i"});
  EXPECT_EQ(world.joined(first)->error_code, ErrorCode::fenced_instance_id);
  world.advance(6s);
  EXPECT_EQ(world.joined(second)->error_code, ErrorCode::none);
}

TEST(StaticMember, rebalances_if_it_returns_before_the_assignment_is_stored) {
  World world;
  const auto a = world.join("g", {.instance_id = "i"});
  const auto b = world.join_fully("g", {.client_id = "b"});
  world.advance(6s);
  const auto id_b = world.joined(b)->member_id;
  ASSERT_TRUE(world.joined(a));
  const auto waiting = world.sync("g", 1, id_b);
  world.join("g", {.instance_id = "i"});
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
  if (world.joined(a)->leader != id_b) {
    EXPECT_EQ(world.assignment(waiting), "(REBALANCE_IN_PROGRESS)");
  }
}

TEST(StaticMember, rebalances_if_its_return_changes_the_protocol) {
  World world;
  world.stable_group("g", {.instance_id = "i", .protocols = {"range", "sticky"}});
  const auto again = world.join("g", {.instance_id = "i", .protocols = {"sticky", "range"}});
  ASSERT_TRUE(world.joined(again));
  EXPECT_EQ(world.joined(again)->generation_id, 2);
  EXPECT_EQ(world.joined(again)->protocol_name, "sticky");
}

TEST(StaticMember, stays_through_a_rebalance_it_misses) {
  World world;
  const auto absent =
      world.stable_group("g", {.instance_id = "i", .session = 5min, .rebalance = 8s});
  const auto id = world.join_fully("g", {.client_id = "b", .rebalance = 8s});
  world.advance(9s);
  ASSERT_TRUE(world.joined(id));
  EXPECT_EQ(world.joined(id)->members.size(), 2) << "it is a member until its session ends";
  EXPECT_EQ(world.joined(id)->leader, world.joined(id)->member_id);
}

TEST(StaticMember, is_removed_by_its_instance_id_alone) {
  World world;
  static_group(world);
  const auto reply = world.leave("g", {{"", "i"}, {"", "j"}});
  EXPECT_EQ(reply.members.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(reply.members.at(1).error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(world.state("g"), "Empty");
}

TEST(StaticMember, is_unknown_if_its_instance_id_is) {
  World world;
  const auto id = static_group(world);
  EXPECT_EQ(world.heartbeat("g", 1, id, "other"), ErrorCode::unknown_member_id);
}

TEST(StaticMember, rejoins_whom_the_log_refused_to_store) {
  World world;
  static_group(world);
  world.refuse_appends = true;
  const auto id = world.join("g", {.instance_id = "i"});
  EXPECT_FALSE(world.joined(id)) << "the actor tells it";
  world.refuse_appends = false;
  const auto again = world.join("g", {.instance_id = "i"});
  world.advance(60s);
  ASSERT_TRUE(world.joined(again));
  EXPECT_EQ(world.joined(again)->error_code, ErrorCode::none);
}

}  // namespace
}  // namespace cairn::group::testing
