// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/metadata/directories.hpp>
#include <cairn/metadata/features.hpp>
#include <cairn/metadata/snapshot.hpp>

namespace cairn::metadata {
namespace {

struct AssignOutcome {
  ErrorCode code = ErrorCode::none;
  std::optional<Record> record;
};

AssignOutcome assign_one(const Image& image, const TopicId& topic, PartitionIndex index,
                         BrokerId broker, const DirectoryId& directory) {
  if (image.topic(topic) == nullptr) return {ErrorCode::unknown_topic_id, {}};
  const Partition* partition = image.partition(topic, index);
  if (partition == nullptr) return {ErrorCode::unknown_topic_or_partition, {}};
  const auto at = std::ranges::find(partition->replicas, broker);
  if (at == partition->replicas.end()) return {ErrorCode::not_leader_or_follower, {}};
  std::vector<DirectoryId> directories = partition->directories;
  // Written before there were directories: what the others have is not known.
  directories.resize(partition->replicas.size(), migrating_directory);
  DirectoryId& own = directories[static_cast<std::size_t>(at - partition->replicas.begin())];
  if (own == directory) return {};
  own = directory;
  protocol::PartitionChangeRecord change;
  change.topic_id = topic;
  change.partition_id = index.value();
  change.directories = std::move(directories);
  return {ErrorCode::none,
          Record{std::move(change), record_versions(image.metadata_version()).partition_change}};
}

}  // namespace

Decision<protocol::AssignReplicasToDirsResponse> assign_replicas_to_dirs(
    const Image& image, const protocol::AssignReplicasToDirsRequest& request) {
  Decision<protocol::AssignReplicasToDirsResponse> decision;
  const BrokerId id(request.broker_id);
  const Broker* broker = image.broker(id);
  if (!supports_directories(image.metadata_version())) {
    decision.response.error_code = ErrorCode::unsupported_version;
    return decision;
  }
  if (broker == nullptr || broker->epoch.value() != request.broker_epoch) {
    decision.response.error_code = ErrorCode::stale_broker_epoch;
    return decision;
  }
  for (const auto& reported : request.directories) {
    auto& directory = decision.response.directories.emplace_back();
    directory.id = reported.id;
    for (const auto& reported_topic : reported.topics) {
      auto& topic = directory.topics.emplace_back();
      topic.topic_id = reported_topic.topic_id;
      for (const auto& partition : reported_topic.partitions) {
        const PartitionIndex index(partition.partition_index);
        AssignOutcome outcome = assign_one(image, topic.topic_id, index, id, reported.id);
        topic.partitions.push_back(
            {.partition_index = partition.partition_index, .error_code = outcome.code});
        if (outcome.record) decision.records.push_back(*std::move(outcome.record));
      }
    }
  }
  return decision;
}

}  // namespace cairn::metadata
