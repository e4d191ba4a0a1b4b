// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include <cairn/base/random.hpp>
#include <cairn/group/assignor.hpp>

namespace cairn::group {
namespace {

AssignedMember subscriber(std::vector<std::string> topics) {
  return {.instance_id = {}, .subscription = {.topics = std::move(topics)}};
}

/// "a0 a1 b0": topics of one letter.
std::string text(const std::vector<TopicPartition>& partitions) {
  std::string all;
  for (const auto& [topic, index] : partitions) {
    all += fmt::format("{}{}{}", all.empty() ? "" : " ", topic, index);
  }
  return all;
}

TEST(RangeAssignor, gives_each_a_run_of_every_topic) {
  const auto result = assign_range({{"x", subscriber({"a", "b"})}, {"y", subscriber({"a", "b"})}},
                                   {{"a", 3}, {"b", 2}});
  EXPECT_EQ(text(result.at("x")), "a0 a1 b0");
  EXPECT_EQ(text(result.at("y")), "a2 b1");
}

TEST(RangeAssignor, orders_static_members_by_instance_id_before_the_others) {
  Members members{{"x", subscriber({"a"})}, {"y", subscriber({"a"})}};
  members["y"].instance_id = "i";
  const auto result = assign_range(members, {{"a", 3}});
  EXPECT_EQ(text(result.at("y")), "a0 a1");
  EXPECT_EQ(text(result.at("x")), "a2");
}

TEST(RangeAssignor, leaves_out_topics_that_do_not_exist) {
  const auto result = assign_range({{"x", subscriber({"a", "gone"})}}, {{"a", 1}});
  EXPECT_EQ(text(result.at("x")), "a0");
}

TEST(RoundRobinAssignor, deals_partitions_in_turn_over_all_topics) {
  const auto result = assign_round_robin(
      {{"x", subscriber({"a", "b"})}, {"y", subscriber({"a", "b"})}}, {{"a", 3}, {"b", 3}});
  EXPECT_EQ(text(result.at("x")), "a0 a2 b1");
  EXPECT_EQ(text(result.at("y")), "a1 b0 b2");
}

TEST(RoundRobinAssignor, skips_whom_a_topic_does_not_concern) {
  const auto result = assign_round_robin({{"x", subscriber({"a"})}, {"y", subscriber({"a", "b"})}},
                                         {{"a", 2}, {"b", 2}});
  EXPECT_EQ(text(result.at("x")), "a0");
  EXPECT_EQ(text(result.at("y")), "a1 b0 b1");
}

void remember(AssignorKind kind, AssignedMember& member, const std::vector<TopicPartition>& had,
              std::int32_t generation) {
  member.subscription.user_data = user_data_for(kind, had, generation);
  if (!is_cooperative(kind)) return;
  member.subscription.owned = had;
  member.subscription.generation = generation;
}

TEST(StickyAssignor, keeps_what_members_have_when_one_leaves) {
  Members members;
  for (const char* id : {"x", "y", "z"}) members[id] = subscriber({"a"});
  const PartitionCounts counts{{"a", 9}};
  const auto before = assign_sticky(members, counts);
  for (auto& [id, member] : members) remember(AssignorKind::sticky, member, before.at(id), 1);
  members.erase("z");
  const auto after = assign_sticky(members, counts);
  for (const auto& [id, partitions] : after) {
    EXPECT_TRUE(std::ranges::includes(partitions, before.at(id))) << id;
  }
}

TEST(StickyAssignor, moves_only_what_a_newcomer_needs) {
  Members members{{"x", subscriber({"a"})}, {"y", subscriber({"a"})}};
  const PartitionCounts counts{{"a", 9}};
  const auto before = assign_sticky(members, counts);
  for (auto& [id, member] : members) remember(AssignorKind::sticky, member, before.at(id), 1);
  members["z"] = subscriber({"a"});
  const auto after = assign_sticky(members, counts);
  EXPECT_EQ(after.at("z").size(), 3);
  EXPECT_TRUE(std::ranges::includes(before.at("x"), after.at("x")));
  EXPECT_TRUE(std::ranges::includes(before.at("y"), after.at("y")));
}

TEST(StickyAssignor, believes_the_higher_generation_L26) {
  Members members{{"x", subscriber({"a"})}, {"y", subscriber({"a"})}};
  // Whoever comes first, and not what balance alone would give.
  for (const auto& [newer, older, contested] : {std::tuple("y", "x", 0), {"x", "y", 1}}) {
    const TopicPartition partition{"a", PartitionIndex(contested)};
    remember(AssignorKind::sticky, members[older], {partition}, 4);
    remember(AssignorKind::sticky, members[newer], {partition}, 5);
    const auto result = assign_sticky(members, {{"a", 2}});
    EXPECT_EQ(text(result.at(newer)), fmt::format("a{}", contested));
    EXPECT_EQ(text(result.at(older)), fmt::format("a{}", 1 - contested));
  }
}

TEST(StickyAssignor, survives_user_data_that_is_none) {
  Members members{{"x", subscriber({"a"})}};
  members["x"].subscription.user_data = Bytes(3, std::byte{0xFF});
  EXPECT_EQ(assign_sticky(members, {{"a", 2}}).at("x").size(), 2);
}

TEST(CooperativeStickyAssignor, withholds_a_partition_until_its_owner_has_let_go) {
  Members members{{"x", subscriber({"a"})}, {"y", subscriber({"a"})}};
  const std::vector<TopicPartition> all{{"a", PartitionIndex(0)}, {"a", PartitionIndex(1)}};
  remember(AssignorKind::cooperative_sticky, members["x"], all, 1);
  const auto first = assign_cooperative_sticky(members, {{"a", 2}});
  EXPECT_EQ(first.at("x").size(), 1);
  EXPECT_TRUE(first.at("y").empty());
  remember(AssignorKind::cooperative_sticky, members["x"], first.at("x"), 2);
  remember(AssignorKind::cooperative_sticky, members["y"], {}, 2);
  const auto second = assign_cooperative_sticky(members, {{"a", 2}});
  EXPECT_EQ(second.at("x"), first.at("x"));
  EXPECT_EQ(second.at("y").size(), 1);
}

/// Any subscriptions: disjoint, complete, only what was subscribed, and balanced as far as one move
/// can tell.
TEST(Assignors, hold_their_promises_for_random_groups) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    PartitionCounts counts;
    for (const char* topic : {"a", "b", "c", "d"}) {
      counts[topic] = static_cast<std::int32_t>(random.below(12));
    }
    Members members;
    const auto size = 1 + random.below(6);
    for (std::uint64_t i = 0; i < size; ++i) {
      std::vector<std::string> topics;
      for (const auto& [topic, count] : counts) {
        if (random.chance(0.7)) topics.push_back(topic);
      }
      auto& member = members[fmt::format("m{}", i)] = subscriber(topics);
      std::vector<TopicPartition> claims;
      for (const auto& [topic, count] : counts) {
        for (std::int32_t p = 0; p < count; ++p) {
          if (random.chance(0.3)) claims.push_back({topic, PartitionIndex(p)});
        }
      }
      remember(AssignorKind::sticky, member, claims, static_cast<std::int32_t>(random.below(3)));
    }
    for (const auto kind : {AssignorKind::range, AssignorKind::round_robin, AssignorKind::sticky}) {
      const auto result = assign(kind, members, counts);
      std::set<TopicPartition> seen;
      for (const auto& [id, partitions] : result) {
        EXPECT_TRUE(std::ranges::is_sorted(partitions));
        for (const auto& partition : partitions) {
          EXPECT_TRUE(seen.insert(partition).second) << "two owners, seed " << seed;
          const auto& topics = members.at(id).subscription.topics;
          EXPECT_NE(std::ranges::find(topics, partition.topic), topics.end());
        }
      }
      std::set<std::string> wanted;
      std::size_t expected = 0;
      for (const auto& [id, member] : members) {
        wanted.insert(member.subscription.topics.begin(), member.subscription.topics.end());
      }
      for (const auto& topic : wanted) expected += static_cast<std::size_t>(counts.at(topic));
      EXPECT_EQ(seen.size(), expected) << name_of(kind) << " seed " << seed;
      if (kind != AssignorKind::sticky) continue;
      for (const auto& [rich, many] : result) {
        for (const auto& partition : many) {
          for (const auto& [poor, few] : result) {
            const auto& topics = members.at(poor).subscription.topics;
            if (std::ranges::find(topics, partition.topic) == topics.end()) continue;
            EXPECT_LE(many.size(), few.size() + 1) << "seed " << seed;
          }
        }
      }
    }
  }
}

TEST(ConsumerProtocol, subscription_and_assignment_read_back) {
  const Subscription subscription{.topics = {"b", "a"},
                                  .user_data = to_bytes("u"),
                                  .owned = {{"a", PartitionIndex(0)}, {"a", PartitionIndex(2)}},
                                  .generation = 7,
                                  .rack = "r"};
  EXPECT_TRUE(decode_subscription(encode_subscription(subscription)) == subscription);
  const Assignment assignment{{{"a", PartitionIndex(1)}, {"b", PartitionIndex(0)}}, {}};
  EXPECT_TRUE(decode_assignment(encode_assignment(assignment)) == assignment);
}

TEST(ConsumerProtocol, reads_versions_from_the_future) {
  Bytes bytes = encode_subscription({.topics = {"a"}});
  bytes[1] = std::byte{9};
  append(bytes, as_bytes("more"));
  EXPECT_EQ(decode_subscription(bytes)->topics, std::vector<std::string>{"a"});
  EXPECT_EQ(subscribed_topics(bytes), std::vector<std::string>{"a"});
}

TEST(ConsumerProtocol, sticky_user_data_reads_back_with_and_without_generation) {
  const StickyUserData memory{{{"a", PartitionIndex(1)}}, 3};
  Bytes bytes = encode_sticky_user_data(memory);
  EXPECT_TRUE(decode_sticky_user_data(bytes) == memory);
  bytes.resize(bytes.size() - 4);
  EXPECT_EQ(decode_sticky_user_data(bytes)->generation, -1);
  EXPECT_EQ(*decode_cooperative_user_data(encode_cooperative_user_data(8)), 8);
}

}  // namespace
}  // namespace cairn::group
