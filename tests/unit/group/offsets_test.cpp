// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

namespace cairn::group::testing {
namespace {

constexpr auto week = std::chrono::days(7);
constexpr auto sweep = 10min;

TEST(OffsetCommit, of_a_consumer_that_assigns_itself_makes_a_group) {
  World world;
  EXPECT_EQ(world.commit("g", {.offset = 5}), ErrorCode::none);
  EXPECT_EQ(world.offset("g"), 5);
  EXPECT_EQ(world.state("g"), "Empty");
  world.crash();
  EXPECT_EQ(world.offset("g"), 5);
  EXPECT_EQ(world.state("g"), "Empty");
}

TEST(OffsetCommit, may_have_an_empty_group_id) {
  World world;
  EXPECT_EQ(world.commit("", {.offset = 5}), ErrorCode::none);
  EXPECT_EQ(world.offset(""), 5);
}

TEST(OffsetCommit, gives_the_metadata_back_verbatim) {
  World world;
  world.commit("g", {.offset = 1, .metadata = "{\"a\": \"ä\"}"});
  EXPECT_EQ(world.fetch("g", "t", 0).metadata, "{\"a\": \"ä\"}");
}

TEST(OffsetCommit, refuses_metadata_above_the_limit_in_java_characters) {
  World world({.offset_metadata_max_bytes = 2});
  EXPECT_EQ(world.commit("g", {.metadata = "ää"}), ErrorCode::none);
  EXPECT_EQ(world.commit("g", {.metadata = "äää"}), ErrorCode::offset_metadata_too_large);
  EXPECT_EQ(world.commit("g", {.metadata = "😀a"}), ErrorCode::offset_metadata_too_large);
}

TEST(OffsetCommit, needs_the_generation_and_member_of_a_group_with_members) {
  World world;
  const auto id = world.stable_group("g");
  EXPECT_EQ(world.commit("g", {.member = id, .generation = 1}), ErrorCode::none);
  EXPECT_EQ(world.commit("g", {.member = id, .generation = 0}), ErrorCode::illegal_generation);
  EXPECT_EQ(world.commit("g", {.member = "stranger", .generation = 1}),
            ErrorCode::unknown_member_id);
  EXPECT_EQ(world.commit("g", {}), ErrorCode::unknown_member_id);
}

TEST(OffsetCommit, of_a_generation_needs_its_group) {
  World world;
  EXPECT_EQ(world.commit("g", {.member = "m", .generation = 1, .version = 8}),
            ErrorCode::illegal_generation);
  EXPECT_EQ(world.commit("g", {.member = "m", .generation = 1, .version = 9}),
            ErrorCode::group_id_not_found);
}

TEST(OffsetCommit, waits_for_the_assignment_of_a_new_generation) {
  World world;
  const auto id = world.join_fully("g", {});
  world.advance(3s);
  EXPECT_EQ(world.commit("g", {.member = world.joined(id)->member_id, .generation = 1}),
            ErrorCode::rebalance_in_progress);
}

TEST(OffsetCommit, of_the_last_generation_is_good_while_the_group_gathers) {
  World world;
  const auto id = world.stable_group("g");
  world.join_fully("g", {.client_id = "b"});
  EXPECT_EQ(world.commit("g", {.member = id, .generation = 1, .offset = 3}), ErrorCode::none);
  EXPECT_EQ(world.offset("g"), 3);
}

TEST(OffsetCommit, that_the_log_refuses_changes_nothing) {
  World world;
  world.commit("g", {.offset = 1});
  world.refuse_appends = true;
  protocol::OffsetCommitRequest request;
  request.group_id = "g";
  request.topics.emplace_back().name = "t";
  request.topics[0].partitions.emplace_back().committed_offset = 2;
  const auto id = world.next_id();
  world.execute(world.machine.commit_offsets(id, 9, request, world.now));
  EXPECT_FALSE(world.answer<protocol::OffsetCommitResponse>(id));
  EXPECT_EQ(world.offset("g"), 1);
}

TEST(OffsetCommit, of_an_older_record_never_wins) {
  GroupMachine machine{GroupConfig{}};
  const auto record = [](std::int64_t offset) {
    return offset_commit_record("g", {"t", PartitionIndex(0)}, {.offset = Offset(offset)});
  };
  ASSERT_TRUE(machine.apply(record(9).key, *record(9).value, Offset(5)));
  ASSERT_TRUE(machine.apply(record(4).key, *record(4).value, Offset(3)));  // a late transaction's
  const auto& offsets = machine.durable().at("g").offsets;
  EXPECT_EQ(offsets.at("t").at(PartitionIndex(0)).offset, Offset(9));
}

TEST(OffsetFetch, says_minus_one_where_nothing_was_committed) {
  World world;
  const auto fetched = world.fetch("none", "t", 3);
  EXPECT_EQ(fetched.committed_offset, -1);
  EXPECT_EQ(fetched.committed_leader_epoch, -1);
  EXPECT_EQ(fetched.metadata, "");
  EXPECT_EQ(fetched.error_code, ErrorCode::none);
}

TEST(OffsetFetch, gives_all_topics_in_order) {
  World world;
  world.commit("g", {.topic = "b", .partition = 1, .offset = 2});
  world.commit("g", {.topic = "b", .partition = 0, .offset = 3});
  world.commit("g", {.topic = "a", .partition = 0, .offset = 1});
  protocol::OffsetFetchRequest::OffsetFetchRequestGroup all;
  all.group_id = "g";
  all.topics.reset();
  const auto reply = world.machine.fetch_offsets(all);
  ASSERT_EQ(reply.topics.size(), 2);
  EXPECT_EQ(reply.topics[0].name, "a");
  EXPECT_EQ(reply.topics[1].partitions[1].committed_offset, 2);
}

TEST(OffsetFetch, ignores_what_was_committed_for_a_deleted_topic_of_the_name) {
  World world;
  world.commit("g", {.offset = 5, .topic_id = {7, 7}});
  EXPECT_EQ(world.fetch("g", "t", 0, {7, 7}).committed_offset, 5);
  EXPECT_EQ(world.fetch("g", "t", 0, {8, 8}).committed_offset, -1);
}

TEST(OffsetDelete, removes_what_no_member_subscribes_to) {
  World world;
  const auto id = world.stable_group("g", {.topics = {"t"}});
  world.commit("g", {.member = id, .generation = 1, .topic = "t"});
  world.commit("g", {.member = id, .generation = 1, .topic = "old"});
  EXPECT_EQ(world.delete_offset("g", "t", 0), ErrorCode::group_subscribed_to_topic);
  EXPECT_EQ(world.delete_offset("g", "old", 0), ErrorCode::none);
  EXPECT_EQ(world.offset("g", "old"), -1);
  world.crash();
  EXPECT_EQ(world.offset("g", "old"), -1);
}

TEST(OffsetDelete, needs_the_group_and_for_other_protocols_an_empty_one) {
  World world;
  EXPECT_EQ(world.delete_offset("none", "t", 0), ErrorCode::group_id_not_found);
  world.stable_group("g", {.type = "connect"});
  EXPECT_EQ(world.delete_offset("g", "t", 0), ErrorCode::non_empty_group);
}

TEST(DeleteGroups, takes_an_empty_group_with_its_offsets) {
  World world;
  const auto id = world.stable_group("g");
  world.commit("g", {.member = id, .generation = 1, .offset = 5});
  EXPECT_EQ(world.delete_group("g"), ErrorCode::non_empty_group);
  world.leave("g", {{id, {}}});
  EXPECT_EQ(world.delete_group("g"), ErrorCode::none);
  EXPECT_EQ(world.offset("g"), -1);
  EXPECT_EQ(world.state("g"), "Dead");
  EXPECT_EQ(world.delete_group("g"), ErrorCode::group_id_not_found);
  world.crash();
  EXPECT_TRUE(world.machine.durable().empty());
}

TEST(OffsetExpiry, of_a_simple_group_counts_from_each_commit) {
  World world;
  world.commit("g", {.topic = "old", .offset = 1});
  world.advance(week - 1h);
  world.commit("g", {.topic = "new", .offset = 2});
  world.advance(1h + sweep);
  EXPECT_EQ(world.offset("g", "old"), -1);
  EXPECT_EQ(world.offset("g", "new"), 2);
}

TEST(OffsetExpiry, of_an_empty_group_counts_from_when_it_became_empty) {
  World world;
  const auto id = world.stable_group("g", {.session = 30min});
  world.commit("g", {.member = id, .generation = 1, .offset = 5});
  for (int i = 0; i < 24 * 8; ++i) {  // eight days with a member, the last commit long past
    for (int j = 0; j < 3; ++j) {
      world.advance(20min);
      world.heartbeat("g", 1, id);
    }
  }
  EXPECT_EQ(world.offset("g"), 5);
  world.leave("g", {{id, {}}});
  world.advance(week - 1h);
  EXPECT_EQ(world.offset("g"), 5);
  world.crash();
  world.advance(1h + sweep);
  EXPECT_EQ(world.offset("g"), -1);
  EXPECT_EQ(world.state("g"), "Dead") << "nothing is left of it";
}

TEST(OffsetExpiry, spares_what_a_stable_group_subscribes_to_and_takes_the_rest) {
  World world;
  const auto id = world.stable_group("g", {.session = 30min, .topics = {"t"}});
  world.commit("g", {.member = id, .generation = 1, .topic = "t", .offset = 1});
  world.commit("g", {.member = id, .generation = 1, .topic = "u", .offset = 2});
  for (int i = 0; i < 24 * 7 * 3 + 1; ++i) {
    world.advance(20min);
    world.heartbeat("g", 1, id);
  }
  EXPECT_EQ(world.offset("g", "t"), 1);
  EXPECT_EQ(world.offset("g", "u"), -1);
}

TEST(OffsetExpiry, spares_everything_while_the_group_rebalances) {
  World world({.offsets_retention = 1h});
  const auto id = world.stable_group("g", {.session = 30min, .rebalance = 24h * 3});
  world.commit("g", {.member = id, .generation = 1, .topic = "u", .offset = 2});
  world.join_fully("g", {.client_id = "b", .version = 3});
  for (int i = 0; i < 12; ++i) {
    world.advance(20min);
    world.heartbeat("g", 1, id);
    EXPECT_EQ(world.offset("g", "u"), 2) << "hour " << i / 3;
    world.join_fully("g", {.client_id = "c", .version = 3});
  }
}

TEST(OffsetExpiry, follows_the_retention_that_old_requests_name) {
  World world;
  world.commit("g", {.topic = "short", .offset = 1, .retention_ms = 1'000, .version = 4});
  world.commit("g", {.topic = "long", .offset = 2});
  world.advance(sweep + 1s);
  EXPECT_EQ(world.offset("g", "short"), -1);
  EXPECT_EQ(world.offset("g", "long"), 2);
}

TEST(OffsetExpiry, goes_in_strides_that_fit_a_batch) {
  World world({.offsets_retention = 1h});
  for (int i = 0; i < 2'500; ++i) world.commit("g", {.partition = i, .offset = i});
  world.advance(1h + sweep);
  EXPECT_TRUE(world.machine.durable().empty());
}

TEST(OffsetExpiry, tries_again_later_what_the_log_refused) {
  World world({.offsets_retention = 1h});
  world.commit("g", {.offset = 5});
  world.refuse_appends = true;
  world.advance(1h + sweep);
  EXPECT_EQ(world.offset("g"), 5);
  world.refuse_appends = false;
  world.advance(sweep);
  EXPECT_EQ(world.offset("g"), -1);
}

TEST(TopicDeletion, takes_the_offsets_of_that_topic_alone) {
  World world;
  world.commit("g", {.topic = "t", .offset = 1, .topic_id = {7, 7}});
  world.commit("g", {.topic = "u", .offset = 2});
  world.machine.topics_deleted({{"t", {7, 7}}}, world.now);
  world.advance(1s);
  EXPECT_EQ(world.offset("g", "t"), -1);
  EXPECT_EQ(world.offset("g", "u"), 2);
}

TEST(TopicDeletion, spares_the_offsets_of_its_successor) {
  World world;
  world.commit("g", {.topic = "t", .offset = 1, .topic_id = {8, 8}});
  world.machine.topics_deleted({{"t", {7, 7}}}, world.now);
  world.advance(1s);
  EXPECT_EQ(world.offset("g", "t"), 1);
}

TEST(ListGroups, filters_by_state_and_type_in_any_case) {
  World world;
  world.stable_group("a");
  world.commit("b", {});
  EXPECT_EQ(world.machine.list({}, {}).size(), 2);
  ASSERT_EQ(world.machine.list({"STABLE"}, {}).size(), 1);
  EXPECT_EQ(world.machine.list({"stable"}, {})[0].group_id, "a");
  EXPECT_EQ(world.machine.list({"Empty"}, {"Classic"})[0].group_id, "b");
  EXPECT_TRUE(world.machine.list({}, {"consumer"}).empty());
  EXPECT_EQ(world.machine.list({}, {})[0].group_type, "classic");
}

TEST(DescribeGroups, says_from_version_6_that_a_group_does_not_exist) {
  World world;
  EXPECT_EQ(world.machine.describe("g", 5).error_code, ErrorCode::none);
  EXPECT_EQ(world.machine.describe("g", 5).group_state, "Dead");
  EXPECT_EQ(world.machine.describe("g", 6).error_code, ErrorCode::group_id_not_found);
  EXPECT_EQ(world.machine.describe("g", 6).error_message, "Group g not found.");
}

TEST(DescribeGroups, shows_metadata_of_a_stable_group_alone) {
  World world;
  const auto id = world.stable_group("g");
  EXPECT_FALSE(world.machine.describe("g", 6).members.at(0).member_metadata.empty());
  EXPECT_EQ(as_text(world.machine.describe("g", 6).members.at(0).member_assignment), "all");
  world.join_fully("g", {.client_id = "b"});
  EXPECT_EQ(world.machine.describe("g", 6).protocol_data, "");
  EXPECT_TRUE(world.machine.describe("g", 6).members.at(0).member_metadata.empty());
}

}  // namespace
}  // namespace cairn::group::testing
