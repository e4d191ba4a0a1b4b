// SPDX-License-Identifier: Apache-2.0
#include <cairn/metadata/snapshot.hpp>

#include "cluster.hpp"

namespace cairn::metadata {
namespace {

using testing::Cluster;
using testing::ids;

Record change_of(const Cluster& cluster, protocol::PartitionChangeRecord change) {
  change.topic_id = cluster.image.topic("t")->id;
  change.partition_id = 0;
  return {std::move(change), 2};
}

TEST(Replay, a_partition_change_raises_the_partition_epoch_and_with_a_leader_the_leader_epoch) {
  Cluster cluster(3);
  cluster.create({Cluster::assigned("t", {{1, 2, 3}})});
  protocol::PartitionChangeRecord isr;
  isr.isr = {{1, 2}};
  cluster.apply_all({change_of(cluster, isr)});
  EXPECT_EQ(cluster.partition("t").isr, ids({1, 2}));
  EXPECT_EQ(cluster.partition("t").partition_epoch, 1);
  EXPECT_EQ(cluster.partition("t").leader_epoch, Epoch(0));

  protocol::PartitionChangeRecord same_leader;
  same_leader.leader = 1;
  cluster.apply_all({change_of(cluster, same_leader)});
  EXPECT_EQ(cluster.partition("t").leader, BrokerId(1));
  EXPECT_EQ(cluster.partition("t").leader_epoch, Epoch(1)) << "also for the same leader";
  EXPECT_EQ(cluster.partition("t").partition_epoch, 2);
}

TEST(Replay, directories_follow_their_replicas) {
  Cluster cluster(3);
  cluster.create({Cluster::assigned("t", {{1, 2}})});
  const auto before = cluster.partition("t").directories;
  protocol::PartitionChangeRecord change;
  change.replicas = {{3, 2}};
  cluster.apply_all({change_of(cluster, change)});
  EXPECT_EQ(cluster.partition("t").directories, (std::vector{unassigned_directory, before[1]}));
}

TEST(Replay, refuses_records_that_cannot_follow_what_is_there) {
  Cluster cluster;
  protocol::RemoveTopicRecord remove;
  remove.topic_id = Uuid{5, 5};
  EXPECT_EQ(code_of(apply(cluster.image, {remove, 0})), ErrorCode::corrupt_message);
  protocol::BrokerRegistrationChangeRecord stale;
  stale.broker_id = 1;
  stale.broker_epoch = 99;
  EXPECT_EQ(code_of(apply(cluster.image, {stale, 0})), ErrorCode::corrupt_message);
}

TEST(Replay, removing_a_topic_removes_its_configuration) {
  Cluster cluster;
  auto topic = Cluster::wanted("t", 1, 1);
  Cluster::set(topic, "retention.ms", "5");
  cluster.create({topic});
  EXPECT_EQ(cluster.image.overrides(ResourceType::topic, "t")->size(), 1u);
  protocol::RemoveTopicRecord remove;
  remove.topic_id = cluster.image.topic("t")->id;
  cluster.apply_all({{remove, 0}});
  EXPECT_EQ(cluster.image.topic("t"), nullptr);
  EXPECT_TRUE(cluster.image.overrides(ResourceType::topic, "t")->empty());
}

TEST(Replay, a_transaction_becomes_visible_at_its_end_and_an_aborted_one_never) {
  Replay replay;
  const auto apply = [&](std::vector<Record> records, std::int64_t offset) {
    ASSERT_TRUE(replay.apply(records, Offset(offset), Epoch(1), 0));
  };
  protocol::TopicRecord topic;
  topic.name = "t";
  topic.topic_id = Uuid{1, 100};
  apply({{protocol::BeginTransactionRecord{}, 0}, {topic, 0}}, 1);
  EXPECT_EQ(replay.image()->topic("t"), nullptr);
  EXPECT_NE(replay.latest().topic("t"), nullptr);
  EXPECT_EQ(replay.image()->offset, Offset(1));
  apply({{protocol::AbortTransactionRecord{}, 0}}, 2);
  EXPECT_EQ(replay.latest().topic("t"), nullptr);
  apply({{protocol::BeginTransactionRecord{}, 0}, {topic, 0}}, 4);
  apply({{protocol::EndTransactionRecord{}, 0}}, 5);
  EXPECT_NE(replay.image()->topic("t"), nullptr);
}

TEST(Replay, a_bad_batch_changes_nothing) {
  Replay replay;
  protocol::TopicRecord topic;
  topic.name = "t";
  topic.topic_id = Uuid{1, 100};
  protocol::RemoveTopicRecord other;
  other.topic_id = Uuid{1, 101};
  const std::vector<Record> batch{{topic, 0}, {other, 0}};
  EXPECT_FALSE(replay.apply(batch, Offset(1), Epoch(1), 0));
  EXPECT_EQ(replay.image()->topic("t"), nullptr);
  EXPECT_EQ(replay.image()->offset, no_offset);
}

std::vector<Record> all_of(std::shared_ptr<const Image> image, std::size_t portion) {
  SnapshotSource source(std::move(image));
  std::vector<Record> all;
  for (auto records = source.next(portion); !records.empty(); records = source.next(portion)) {
    all.insert(all.end(), records.begin(), records.end());
  }
  return all;
}

void add_the_rest(Cluster& cluster) {
  protocol::ClientQuotaRecord quota;
  auto& entity = quota.entity.emplace_back();
  entity.entity_type = "user";
  entity.entity_name.reset();
  quota.key = "producer_byte_rate";
  quota.value = 1.5;
  protocol::ProducerIdsRecord ids;
  ids.next_producer_id = 3000;
  protocol::AccessControlEntryRecord acl;
  acl.id = Uuid{3, 300};
  acl.unknown_tags.push_back({77, to_bytes("kept")});
  protocol::UserScramCredentialRecord scram;
  scram.name = "alice";
  scram.mechanism = 1;
  protocol::DelegationTokenRecord token;
  token.token_id = "token";
  protocol::RegisterControllerRecord controller;
  controller.controller_id = 1;
  cluster.apply_all({{quota, 0}, {ids, 0}, {acl, 0}, {scram, 0}, {token, 0}, {controller, 0}});
}

TEST(Snapshot, replays_into_an_equal_image_and_keeps_unknown_tags) {
  Cluster cluster(3);
  auto topic = Cluster::wanted("t", 5, 3);
  Cluster::set(topic, "retention.ms", "5");
  cluster.create({topic, Cluster::wanted("u", 1, 1)});
  add_the_rest(cluster);
  auto image = std::make_shared<Image>(cluster.image);
  const auto records = all_of(image, 1000);
  Cluster copy(0);
  copy.apply_all(records);
  EXPECT_EQ(all_of(std::make_shared<Image>(copy.image), 1000), records);
  EXPECT_EQ(copy.image.acls.find(Uuid{3, 300})->unknown_tags.size(), 1u);
  EXPECT_EQ(copy.image.topic("t")->partition_count(), 5);
  EXPECT_EQ(copy.image.next_producer_id, 3000);
}

TEST(Snapshot, has_kafkas_order_and_does_not_depend_on_the_portion) {
  Cluster cluster(2);
  cluster.create({Cluster::wanted("t", 3, 2)});
  add_the_rest(cluster);
  auto image = std::make_shared<Image>(cluster.image);
  const auto records = all_of(image, 1000);
  EXPECT_EQ(all_of(image, 1), records);
  std::vector<std::int16_t> types;
  for (const Record& record : records) {
    if (types.empty() || types.back() != record_type(record)) types.push_back(record_type(record));
  }
  EXPECT_EQ(types, (std::vector<std::int16_t>{12, 0, 27, 2, 3, 14, 15, 18, 11, 10}));
}

TEST(Difference, tells_deleted_from_created_and_sees_configuration_alone) {
  Cluster cluster;
  cluster.create({Cluster::wanted("a", 1, 1), Cluster::wanted("b", 1, 1)});
  const Image before = cluster.image;
  protocol::RemoveTopicRecord remove;
  remove.topic_id = before.topic("a")->id;
  protocol::ConfigRecord config;
  config.resource_type = 2;
  config.resource_name = "b";
  config.name = "retention.ms";
  config.value = "7";
  cluster.apply_all({{remove, 0}, {config, 0}});
  cluster.create({Cluster::wanted("a", 2, 1)});

  const Changes changes = difference(&before, cluster.image);
  ASSERT_EQ(changes.topics.size(), 3u);
  EXPECT_EQ(changes.topics[0].before->id, before.topic("a")->id) << "deletions come first";
  EXPECT_EQ(changes.topics[0].after, nullptr);
  int created = 0, configured = 0;
  for (std::size_t i = 1; i < 3; ++i) {
    created += changes.topics[i].before == nullptr;
    configured += changes.topics[i].config_changed && changes.topics[i].before != nullptr;
  }
  EXPECT_EQ(created, 1);
  EXPECT_EQ(configured, 1);
  EXPECT_TRUE(difference(&cluster.image, cluster.image).topics.empty());
  EXPECT_EQ(difference(nullptr, cluster.image).topics.size(), 2u);
}

}  // namespace
}  // namespace cairn::metadata
