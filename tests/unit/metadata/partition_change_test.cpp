// SPDX-License-Identifier: Apache-2.0
#include <cairn/metadata/partitions.hpp>

#include "cluster.hpp"

namespace cairn::metadata {
namespace {

using testing::Cluster;
using testing::ids;

struct Scene {
  Partition partition;
  std::vector<BrokerId> alive = ids({1, 2, 3});
  bool elr = false;
  std::int32_t min_isr = 1;
  std::int16_t level = latest_metadata_version;

  Scene() {
    partition.replicas = ids({1, 2, 3});
    partition.isr = ids({1, 2, 3});
    partition.leader = BrokerId(1);
  }

  PartitionChange change() const {
    PartitionChange::Rules rules;
    rules.metadata_version = level;
    rules.min_isr = min_isr;
    rules.elr = elr;
    rules.acceptable = [this](BrokerId id) { return std::ranges::find(alive, id) != alive.end(); };
    return PartitionChange(Uuid{1, 100}, PartitionIndex(0), partition, std::move(rules));
  }
  std::optional<protocol::PartitionChangeRecord> body(PartitionChange& change) const {
    auto record = change.build();
    if (!record) return std::nullopt;
    return std::get<protocol::PartitionChangeRecord>(record->body);
  }
};

TEST(PartitionChange, says_nothing_when_nothing_changes) {
  Scene scene;
  auto change = scene.change();
  EXPECT_FALSE(change.build());
}

TEST(PartitionChange, elects_in_assignment_order_when_the_leader_is_gone) {
  Scene scene;
  scene.alive = ids({2, 3});
  auto change = scene.change();
  const auto record = scene.body(change.set_target_isr(ids({2, 3})));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, 2);
  EXPECT_EQ(record->isr, (std::vector{2, 3}));
}

TEST(PartitionChange, the_last_of_an_isr_stays_in_it_without_elr) {
  Scene scene;
  scene.partition.isr = ids({1});
  scene.alive = ids({2, 3});
  auto change = scene.change();
  const auto record = scene.body(change.set_target_isr({}));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, -1);
  EXPECT_FALSE(record->isr) << "only it may lead again";
}

TEST(PartitionChange, an_unclean_election_empties_the_isr_and_marks_recovery) {
  Scene scene;
  scene.partition.isr = ids({1});
  scene.partition.leader = no_broker;
  scene.alive = ids({3});
  auto change = scene.change();
  const auto record = scene.body(change.set_election(Election::unclean));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, 3);
  EXPECT_EQ(record->isr, std::vector{3});
  EXPECT_EQ(record->leader_recovery_state, 1);
}

TEST(PartitionChange, keeps_a_clean_leader_although_an_unclean_election_is_allowed) {
  Scene scene;
  auto change = scene.change();
  EXPECT_FALSE(scene.body(change.set_election(Election::unclean)));
}

TEST(PartitionChange, prefers_the_first_replica_only_when_asked) {
  Scene scene;
  scene.partition.leader = BrokerId(2);
  auto keep = scene.change();
  EXPECT_FALSE(scene.body(keep));
  auto preferred = scene.change();
  const auto record = scene.body(preferred.set_election(Election::preferred));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, 1);
}

TEST(PartitionChange, old_levels_raise_the_leader_epoch_at_every_shrink) {
  Scene scene;
  scene.level = 11;
  auto old = scene.change();
  const auto record = scene.body(old.set_target_isr(ids({1, 2})));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, 1);
  scene.level = 12;
  auto newer = scene.change();
  EXPECT_EQ(scene.body(newer.set_target_isr(ids({1, 2})))->leader, -2);
}

TEST(PartitionChange, with_elr_who_leaves_below_min_isr_stays_eligible) {
  Scene scene;
  scene.elr = true;
  scene.min_isr = 2;
  scene.partition.isr = ids({1, 2});
  auto change = scene.change();
  const auto record = scene.body(change.set_target_isr(ids({1})));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->eligible_leader_replicas, std::vector{2});

  auto unclean = scene.change();
  const auto second =
      scene.body(unclean.set_target_isr(ids({1})).set_unclean_shutdown(BrokerId(2)));
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->eligible_leader_replicas);
}

TEST(PartitionChange, with_elr_an_emptied_isr_remembers_its_last_leader_as_kafka_does) {
  Scene scene;
  scene.elr = true;
  scene.partition.replicas = scene.partition.isr = ids({1});
  scene.alive = {};
  auto change = scene.change();
  const auto record = scene.body(change.set_target_isr({}));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, -1);
  EXPECT_EQ(record->isr, std::vector<std::int32_t>{});
  EXPECT_EQ(record->eligible_leader_replicas, std::vector{1});
  EXPECT_EQ(record->last_known_elr, std::vector{1});
}

TEST(PartitionChange, elects_from_the_elr_when_the_isr_is_empty) {
  Scene scene;
  scene.elr = true;
  scene.min_isr = 2;
  scene.partition.isr = {};
  scene.partition.leader = no_broker;
  scene.partition.elr = ids({2, 3});
  scene.partition.last_known_elr = ids({2});
  scene.alive = ids({3});
  auto change = scene.change();
  const auto record = scene.body(change);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, 3);
  EXPECT_EQ(record->isr, std::vector{3});
  EXPECT_EQ(record->eligible_leader_replicas, std::vector{2});
  EXPECT_EQ(record->leader_recovery_state, -1) << "a clean election";
}

TEST(PartitionChange, completes_a_reassignment_once_the_new_replicas_are_in_sync) {
  Scene scene;
  scene.alive = ids({1, 2, 3, 4});
  scene.partition.replicas = ids({4, 1, 2, 3});
  scene.partition.adding_replicas = ids({4});
  scene.partition.removing_replicas = ids({1});
  auto change = scene.change();
  const auto record = scene.body(change.set_target_isr(ids({1, 2, 3, 4})));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->replicas, (std::vector{4, 2, 3}));
  EXPECT_EQ(record->isr, (std::vector{2, 3, 4}));
  EXPECT_EQ(record->adding_replicas, std::vector<std::int32_t>{});
  EXPECT_EQ(record->removing_replicas, std::vector<std::int32_t>{});
  EXPECT_EQ(record->leader, 4) << "the old leader has left";
}

protocol::AlterPartitionRequest propose(const Cluster& cluster, std::vector<int> isr) {
  protocol::AlterPartitionRequest request;
  request.broker_id = 1;
  request.broker_epoch = 101;
  auto& topic = request.topics.emplace_back();
  topic.topic_id = cluster.image.topic("t")->id;
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = 0;
  partition.leader_epoch = cluster.partition("t").leader_epoch.value();
  partition.partition_epoch = cluster.partition("t").partition_epoch;
  for (const int id : isr) {
    auto& member = partition.new_isr_with_epochs.emplace_back();
    member.broker_id = id;
    member.broker_epoch = 100 + id;
  }
  return request;
}

struct AlterPartition : ::testing::Test {
  Cluster cluster{3};
  void SetUp() override { cluster.create({Cluster::assigned("t", {{1, 2, 3}})}); }

  ErrorCode ask(protocol::AlterPartitionRequest request) {
    auto decision = alter_partition(cluster.image, cluster.server, request, 3);
    cluster.apply_all(decision.records);
    if (decision.response.error_code != ErrorCode::none) return decision.response.error_code;
    return decision.response.topics.at(0).partitions.at(0).error_code;
  }
};

TEST_F(AlterPartition, changes_the_isr_and_takes_a_repetition_for_done) {
  auto request = propose(cluster, {1, 2});
  EXPECT_EQ(ask(request), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").isr, ids({1, 2}));
  EXPECT_EQ(ask(request), ErrorCode::invalid_update_version) << "the partition epoch has moved";
  EXPECT_EQ(ask(propose(cluster, {2, 1})), ErrorCode::none) << "the order is not news";
  EXPECT_EQ(cluster.partition("t").partition_epoch, 1);
}

TEST_F(AlterPartition, checks_epochs_in_kafkas_order) {
  auto request = propose(cluster, {1});
  request.broker_epoch = 7;
  EXPECT_EQ(ask(request), ErrorCode::stale_broker_epoch);
  request = propose(cluster, {1});
  request.topics[0].partitions[0].leader_epoch = 5;
  EXPECT_EQ(ask(request), ErrorCode::not_controller);
  request.topics[0].partitions[0].leader_epoch = -1;
  EXPECT_EQ(ask(request), ErrorCode::fenced_leader_epoch);
  request = propose(cluster, {2, 1});
  request.broker_id = 2;
  request.broker_epoch = 102;
  EXPECT_EQ(ask(request), ErrorCode::invalid_request) << "not the leader";
  request = propose(cluster, {1});
  request.topics[0].topic_id = Uuid{8, 8000};
  EXPECT_EQ(ask(request), ErrorCode::unknown_topic_id);
}

TEST_F(AlterPartition, takes_no_one_in_who_may_not_be_in_sync) {
  EXPECT_EQ(ask(propose(cluster, {2})), ErrorCode::invalid_request) << "without the leader";
  EXPECT_EQ(ask(propose(cluster, {1, 9})), ErrorCode::invalid_request) << "no replica";
  auto old_life = propose(cluster, {1, 2});
  old_life.topics[0].partitions[0].new_isr_with_epochs[1].broker_epoch = 5;
  EXPECT_EQ(ask(old_life), ErrorCode::ineligible_replica) << "another broker epoch";
  cluster.fence(2);
  EXPECT_EQ(ask(propose(cluster, {1, 2})), ErrorCode::ineligible_replica) << "fenced";
}

}  // namespace
}  // namespace cairn::metadata
