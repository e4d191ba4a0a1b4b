// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/client/metadata_cache.hpp>

namespace cairn::client {

namespace {

std::vector<BrokerId> broker_ids(const std::vector<std::int32_t>& ids) {
  std::vector<BrokerId> out;
  for (const auto id : ids) out.emplace_back(id);
  return out;
}

}  // namespace

void MetadataCache::apply(const protocol::MetadataResponse& response, Scope scope) {
  cluster_id_ = response.cluster_id.value_or("");
  controller_ = BrokerId(response.controller_id);
  brokers_.clear();
  for (const auto& broker : response.brokers) {
    const BrokerId id(broker.node_id);
    const runtime::Endpoint endpoint{broker.host, static_cast<std::uint16_t>(broker.port)};
    brokers_.emplace(id, BrokerNode{id, endpoint, broker.rack});
  }
  const auto before = scope == Scope::all_topics ? std::exchange(topics_, {}) : topics_;
  for (const auto& answer : response.topics) {
    TopicMetadata topic{.name = answer.name.value_or(""),
                        .id = answer.topic_id,
                        .internal = answer.is_internal,
                        .error = answer.error_code,
                        .partitions = {}};
    if (topic.name.empty()) continue;
    const auto old = before.find(topic.name);
    for (const auto& partition : answer.partitions) {
      PartitionMetadata fresh{.index = PartitionIndex(partition.partition_index),
                              .leader = BrokerId(partition.leader_id),
                              .leader_epoch = Epoch(partition.leader_epoch),
                              .replicas = broker_ids(partition.replica_nodes),
                              .isr = broker_ids(partition.isr_nodes),
                              .offline = broker_ids(partition.offline_replicas)};
      if (old != before.end() && old->second.id == topic.id) {
        for (const auto& known : old->second.partitions) {
          if (known.index != fresh.index || known.leader_epoch <= fresh.leader_epoch) continue;
          fresh.leader = known.leader;  // the broker that answered is behind
          fresh.leader_epoch = known.leader_epoch;
        }
      }
      topic.partitions.push_back(std::move(fresh));
    }
    std::ranges::sort(topic.partitions, {}, &PartitionMetadata::index);
    topics_.insert_or_assign(topic.name, std::move(topic));
  }
  names_.clear();
  for (const auto& [name, topic] : topics_) {
    if (!topic.id.is_zero()) names_.emplace(topic.id, name);
  }
}

const BrokerNode* MetadataCache::broker(BrokerId id) const {
  const auto found = brokers_.find(id);
  return found == brokers_.end() ? nullptr : &found->second;
}

const TopicMetadata* MetadataCache::topic(const std::string& name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

const std::string* MetadataCache::name_of(TopicId id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? nullptr : &found->second;
}

const PartitionMetadata* MetadataCache::partition(const TopicPartition& partition) const {
  const TopicMetadata* known = topic(partition.topic);
  if (!known) return nullptr;
  const auto found = std::ranges::lower_bound(known->partitions, partition.partition, {},
                                              &PartitionMetadata::index);
  if (found == known->partitions.end() || found->index != partition.partition) return nullptr;
  return &*found;
}

BrokerId MetadataCache::leader(const TopicPartition& of) const {
  const PartitionMetadata* known = partition(of);
  return known && broker(known->leader) ? known->leader : no_broker;
}

bool MetadataCache::adopt_leader(const TopicPartition& of, BrokerId leader, Epoch epoch,
                                 std::optional<BrokerNode> node) {
  auto* known = const_cast<PartitionMetadata*>(partition(of));
  if (!known || epoch <= known->leader_epoch) return false;
  if (node) brokers_.insert_or_assign(node->id, *node);
  if (!broker(leader)) return false;
  known->leader = leader;
  known->leader_epoch = epoch;
  return true;
}

}  // namespace cairn::client
