// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include <cairn/metadata/partitions.hpp>
#include <cairn/metadata/reassignments.hpp>

#include "assignments.hpp"
#include "wire.hpp"

namespace cairn::metadata {
namespace {

using protocol::AlterPartitionReassignmentsRequest;
using protocol::AlterPartitionReassignmentsResponse;
using protocol::ListPartitionReassignmentsRequest;
using protocol::ListPartitionReassignmentsResponse;
using Target = AlterPartitionReassignmentsRequest::ReassignablePartition;

struct Reassigned {
  ApiError error;
  std::optional<Record> record;
};

bool is_reassigning(const Partition& partition) {
  return !partition.adding_replicas.empty() || !partition.removing_replicas.empty();
}

std::vector<BrokerId> sorted(std::vector<BrokerId> ids) {
  std::ranges::sort(ids);
  return ids;
}

/// KIP-860. While a move is under way its goal counts.
ApiError check_factor(const Partition& partition, std::size_t wanted) {
  std::size_t now = 0;
  for (const BrokerId id : partition.replicas) now += !contains(partition.removing_replicas, id);
  if (now == wanted) return {};
  return error(ErrorCode::invalid_replication_factor,
               fmt::format("The replication factor is changed from {} to {}", now, wanted));
}

/// One partition of a request.
struct Reassignment {
  const Image& image;
  const config::ServerConfig& server;
  const Topic& topic;
  PartitionIndex index;
  const Partition& partition;

  PartitionChange change() const {
    const auto acceptable = [this](BrokerId id) { return image.is_active(id); };
    return {topic.id, index, partition, partition_rules(image, server, topic, acceptable)};
  }

  /// The lists of a move that is under way give way to the new ones. (Kafka keeps either where its
  /// successor is empty, and a move that is turned back so never ends.)
  Reassigned begin(const std::vector<BrokerId>& target, bool may_change_factor) const {
    if (ApiError wrong = check_assignment(image, target, {}); !wrong.ok()) return {wrong, {}};
    if (!may_change_factor) {
      if (ApiError wrong = check_factor(partition, target.size()); !wrong.ok()) return {wrong, {}};
    }
    const std::vector<BrokerId> removing = sorted(without(partition.replicas, target));
    const std::vector<BrokerId> adding = sorted(without(target, partition.replicas));
    std::vector<BrokerId> replicas = target;
    replicas.insert(replicas.end(), removing.begin(), removing.end());
    return {{}, change().set_target_replicas(std::move(replicas), adding, removing).build()};
  }

  Reassigned cancel() const {
    if (!is_reassigning(partition)) {
      return {error(ErrorCode::no_reassignment_in_progress,
                    "No partition reassignment is in "
                    "progress."),
              {}};
    }
    std::vector<BrokerId> replicas = without(partition.replicas, partition.adding_replicas);
    std::vector<BrokerId> isr = without(partition.isr, partition.adding_replicas);
    if (replicas.empty()) {
      return {error(ErrorCode::invalid_replica_assignment,
                    "Invalid replica assignment: addingReplicas contains all replicas."),
              {}};
    }
    const bool unclean = unclean_election_enabled(image, topic, server);
    if (isr.empty()) {  // all that are in sync would go: what is left may lack records
      if (!unclean) {
        return {error(ErrorCode::invalid_replica_assignment,
                      fmt::format("Unable to revert partition assignment for {}:{} because it "
                                  "would require an unclean leader election.",
                                  topic.name, index)),
                {}};
      }
      isr.push_back(replicas.front());
    }
    PartitionChange back = change();
    if (unclean) back.set_election(Election::unclean);
    return {{}, back.set_target_isr(std::move(isr)).set_target_replicas(replicas, {}, {}).build()};
  }
};

Reassigned reassign(const Image& image, const config::ServerConfig& server, const std::string& name,
                    const Target& target, bool may_change_factor) {
  constexpr auto unknown = ErrorCode::unknown_topic_or_partition;
  const Topic* topic = image.topic(name);
  if (topic == nullptr) {
    return {error(unknown, fmt::format("Unable to find a topic named {}.", name)), {}};
  }
  const PartitionIndex index(target.partition_index);
  const Partition* partition = topic->partition(index);
  if (partition == nullptr) {
    return {error(unknown, fmt::format("Unable to find partition {}:{}.", name, index)), {}};
  }
  const Reassignment one{image, server, *topic, index, *partition};
  return target.replicas ? one.begin(to_ids(*target.replicas), may_change_factor) : one.cancel();
}

}  // namespace

Decision<AlterPartitionReassignmentsResponse> alter_partition_reassignments(
    const Image& image, const config::ServerConfig& server,
    const AlterPartitionReassignmentsRequest& request) {
  Decision<AlterPartitionReassignmentsResponse> decision;
  decision.response.error_message.reset();
  decision.response.allow_replication_factor_change = request.allow_replication_factor_change;
  for (const auto& wanted : request.topics) {
    auto& topic = decision.response.responses.emplace_back();
    topic.name = wanted.name;
    for (const Target& target : wanted.partitions) {
      Reassigned done =
          reassign(image, server, wanted.name, target, request.allow_replication_factor_change);
      auto& result = topic.partitions.emplace_back();
      result.partition_index = target.partition_index;
      result.error_code = done.error.code;
      result.error_message = to_message(done.error);
      if (done.record) decision.records.push_back(*std::move(done.record));
    }
  }
  return decision;
}

namespace {

using Listed = ListPartitionReassignmentsResponse::OngoingTopicReassignment;

void list(Listed& listed, PartitionIndex index, const Partition* partition) {
  if (partition == nullptr || !is_reassigning(*partition)) return;
  auto& entry = listed.partitions.emplace_back();
  entry.partition_index = index.value();
  entry.replicas = to_numbers(partition->replicas);
  entry.adding_replicas = to_numbers(partition->adding_replicas);
  entry.removing_replicas = to_numbers(partition->removing_replicas);
}

}  // namespace

Decision<ListPartitionReassignmentsResponse> list_partition_reassignments(
    const Image& image, const ListPartitionReassignmentsRequest& request) {
  Decision<ListPartitionReassignmentsResponse> decision;
  ListPartitionReassignmentsResponse& response = decision.response;
  response.error_message.reset();
  const auto put = [&response](Listed listed) {
    if (!listed.partitions.empty()) response.topics.push_back(std::move(listed));
  };
  if (!request.topics) {
    for (const auto& [id, topic] : image.topics) {
      Listed listed{.name = topic->name};
      for (const auto& [index, partition] : topic->partitions) list(listed, index, &partition);
      put(std::move(listed));
    }
    return decision;
  }
  for (const auto& wanted : *request.topics) {
    const Topic* topic = image.topic(wanted.name);
    if (topic == nullptr) continue;
    Listed listed{.name = wanted.name};
    for (const std::int32_t number : wanted.partition_indexes) {
      const PartitionIndex index(number);
      list(listed, index, topic->partition(index));
    }
    put(std::move(listed));
  }
  return decision;
}

}  // namespace cairn::metadata
