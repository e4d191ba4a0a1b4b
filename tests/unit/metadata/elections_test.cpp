// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cairn/metadata/elections.hpp>

#include "cluster.hpp"

namespace cairn::metadata {
namespace elections_test {

/// A topic "t" with one partition on brokers 1, 2 and 3, led by 1.
struct Before {
  Partition partition;

  Before() {
    partition.replicas = partition.isr = {BrokerId(1), BrokerId(2), BrokerId(3)};
    partition.leader = BrokerId(1);
  }

  std::vector<LeaderElection> then(std::int32_t leader, std::int8_t recovery = -1,
                                   std::int32_t index = 0) const {
    Image image;
    auto topic = std::make_shared<Topic>();
    topic->name = "t";
    topic->id = TopicId{5, 5};
    topic->partitions.set(PartitionIndex(0), partition);
    const TopicId id = topic->id;
    image.topics.set(id, std::move(topic));
    protocol::PartitionChangeRecord change;
    change.topic_id = id;
    change.partition_id = index;
    change.leader = leader;
    change.leader_recovery_state = recovery;
    return elections(image, std::vector{Record{change}});
  }
};

constexpr std::int32_t none = -1, unchanged = -2;
constexpr std::int8_t recovering = 1;

}  // namespace elections_test

using namespace elections_test;

TEST(LeaderElections, are_changes_of_the_leader) {
  const auto found = Before().then(2);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].topic, "t");
  EXPECT_EQ(found[0].partition, PartitionIndex(0));
  EXPECT_EQ(found[0].leader, BrokerId(2));
  EXPECT_EQ(found[0].from, ElectedFrom::isr);
  EXPECT_TRUE(Before().then(1).empty());
  EXPECT_TRUE(Before().then(unchanged).empty());
}

TEST(LeaderElections, are_none_where_nobody_could_be_elected_or_the_partition_is_new) {
  EXPECT_TRUE(Before().then(none).empty());
  EXPECT_TRUE(Before().then(2, -1, 7).empty());
}

TEST(LeaderElections, of_who_is_out_of_sync_are_unclean_unless_it_was_eligible) {
  Before before;
  before.partition.isr = {BrokerId(1)};
  before.partition.elr = {BrokerId(3)};
  EXPECT_EQ(before.then(3).at(0).from, ElectedFrom::eligible);
  EXPECT_EQ(before.then(2, recovering).at(0).from, ElectedFrom::out_of_sync);
  EXPECT_EQ(before.then(2).at(0).from, ElectedFrom::isr) << "it joins the ISR by the same record";
}

}  // namespace cairn::metadata
