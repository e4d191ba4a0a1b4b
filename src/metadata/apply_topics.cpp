// SPDX-License-Identifier: Apache-2.0
// Replay of topics and partitions (facts: kraft.md §2.1, §2.2).
#include <algorithm>

#include "apply.hpp"
#include "wire.hpp"

namespace cairn::metadata {
namespace {

constexpr std::int32_t leader_unchanged = -2;

Partition to_partition(const protocol::PartitionRecord& record) {
  Partition partition;
  partition.replicas = to_ids(record.replicas);
  partition.isr = to_ids(record.isr);
  partition.removing_replicas = to_ids(record.removing_replicas);
  partition.adding_replicas = to_ids(record.adding_replicas);
  if (record.eligible_leader_replicas) partition.elr = to_ids(*record.eligible_leader_replicas);
  if (record.last_known_elr) partition.last_known_elr = to_ids(*record.last_known_elr);
  partition.directories = record.directories;
  partition.leader = BrokerId(record.leader);
  partition.leader_epoch = Epoch(record.leader_epoch);
  partition.partition_epoch = record.partition_epoch;
  partition.recovery_state = LeaderRecoveryState(record.leader_recovery_state);
  partition.unknown_tags = record.unknown_tags;
  return partition;
}

/// Directories follow their replica to its new place; a new replica's is unassigned.
std::vector<DirectoryId> carry_directories(const Partition& before,
                                           const std::vector<BrokerId>& replicas) {
  std::vector<DirectoryId> directories;
  if (before.directories.empty()) return directories;
  for (const BrokerId id : replicas) {
    const auto at = std::ranges::find(before.replicas, id);
    const auto index = static_cast<std::size_t>(at - before.replicas.begin());
    directories.push_back(index < before.directories.size() ? before.directories[index]
                                                            : unassigned_directory);
  }
  return directories;
}

Partition merged(const Partition& before, const protocol::PartitionChangeRecord& change) {
  Partition after = before;
  if (change.isr) after.isr = to_ids(*change.isr);
  if (change.replicas) {
    after.replicas = to_ids(*change.replicas);
    after.directories = carry_directories(before, after.replicas);
  }
  if (change.directories) after.directories = *change.directories;
  if (change.removing_replicas) after.removing_replicas = to_ids(*change.removing_replicas);
  if (change.adding_replicas) after.adding_replicas = to_ids(*change.adding_replicas);
  if (change.eligible_leader_replicas) after.elr = to_ids(*change.eligible_leader_replicas);
  if (change.last_known_elr) after.last_known_elr = to_ids(*change.last_known_elr);
  if (change.leader != leader_unchanged) {  // also when it names the same leader
    after.leader = BrokerId(change.leader);
    ++after.leader_epoch;
  }
  if (change.leader_recovery_state >= 0) {
    after.recovery_state = LeaderRecoveryState(change.leader_recovery_state);
  }
  ++after.partition_epoch;
  return after;
}

/// Replaces one topic by a copy that `change` has worked on.
template <class Change>
Result<> change_topic(Image& image, const TopicId& id, Change&& change) {
  const auto* found = image.topics.find(id);
  if (found == nullptr) {
    return fail(ErrorCode::corrupt_message, "a metadata record names a topic that does not exist");
  }
  auto topic = std::make_shared<Topic>(**found);
  TRY(change(*topic));
  image.topics.set(id, std::move(topic));
  return {};
}

}  // namespace

Result<> apply_to(Image& image, const protocol::TopicRecord& record) {
  if (image.topics.contains(record.topic_id) || image.topic_ids.contains(record.name)) {
    return fail(ErrorCode::corrupt_message, "a metadata record creates a topic that exists");
  }
  auto topic = std::make_shared<Topic>();
  topic->name = record.name;
  topic->id = record.topic_id;
  topic->unknown_tags = record.unknown_tags;
  image.topics.set(record.topic_id, std::move(topic));
  image.topic_ids.set(record.name, record.topic_id);
  return {};
}

Result<> apply_to(Image& image, const protocol::RemoveTopicRecord& record) {
  const Topic* topic = image.topic(record.topic_id);
  if (topic == nullptr) {
    return fail(ErrorCode::corrupt_message,
                "a metadata record removes a topic that does not exist");
  }
  const std::string name = topic->name;
  image.topic_ids.erase(name);
  image.configs.erase(ConfigResource{ResourceType::topic, name});
  image.topics.erase(record.topic_id);
  return {};
}

Result<> apply_to(Image& image, const protocol::PartitionRecord& record) {
  return change_topic(image, record.topic_id, [&](Topic& topic) -> Result<> {
    topic.partitions.set(PartitionIndex(record.partition_id), to_partition(record));
    return {};
  });
}

Result<> apply_to(Image& image, const protocol::PartitionChangeRecord& record) {
  return change_topic(image, record.topic_id, [&](Topic& topic) -> Result<> {
    const PartitionIndex index(record.partition_id);
    const Partition* before = topic.partition(index);
    if (before == nullptr) {
      return fail(ErrorCode::corrupt_message, "a metadata record changes a missing partition");
    }
    topic.partitions.set(index, merged(*before, record));
    return {};
  });
}

Result<> apply_to(Image& image, const protocol::ClearElrRecord& record) {
  const auto clear = [](Topic& topic) -> Result<> {
    const auto partitions = topic.partitions;  // the one that is walked must not change
    for (const auto& [index, partition] : partitions) {
      if (partition.elr.empty() && partition.last_known_elr.empty()) continue;
      Partition after = partition;
      after.elr.clear();
      after.last_known_elr.clear();
      ++after.partition_epoch;
      topic.partitions.set(index, std::move(after));
    }
    return {};
  };
  if (!record.topic_name.empty()) {
    const TopicId* id = image.topic_ids.find(record.topic_name);
    if (id == nullptr) {
      return fail(ErrorCode::corrupt_message, "a ClearElr record names a missing topic");
    }
    return change_topic(image, TopicId(*id), clear);
  }
  const auto topics = image.topics;
  for (const auto& [id, topic] : topics) {
    TRY(change_topic(image, id, clear));
  }
  return {};
}

}  // namespace cairn::metadata
