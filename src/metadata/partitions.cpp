// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include <cairn/metadata/features.hpp>
#include <cairn/metadata/partitions.hpp>

#include "assignments.hpp"
#include "wire.hpp"

namespace cairn::metadata {
namespace {

/// A topic's value of a key, else that of all brokers, else the static one.
std::string topic_value(const Image& image, const Topic& topic, const config::ServerConfig& server,
                        std::string_view key) {
  const auto own = image.overrides(ResourceType::topic, topic.name);
  if (const auto at = own->find(key); at != own->end()) return at->second;
  const auto all = image.overrides(ResourceType::broker, "");
  if (const auto at = all->find(key); at != all->end()) return at->second;
  return config::value_of(server, key).value_or("");
}

template <class Concerned>
std::vector<Record> change_partitions(const Image& image, const config::ServerConfig& server,
                                      const std::function<bool(BrokerId)>& acceptable,
                                      BrokerId leaving, BrokerId unclean, Concerned&& concerned) {
  std::vector<Record> records;
  for (const auto& [id, topic] : image.topics) {
    std::optional<PartitionChange::Rules> rules;  // made for topics that are concerned
    bool unclean_election = false;
    for (const auto& [index, partition] : topic->partitions) {
      if (!concerned(partition)) continue;
      if (!rules) {
        rules = partition_rules(image, server, *topic, acceptable);
        unclean_election = unclean_election_enabled(image, *topic, server);
      }
      PartitionChange change(id, index, partition, *rules);
      if (unclean_election) change.set_election(Election::unclean);
      if (leaving != no_broker) change.set_target_isr(without(partition.isr, {leaving}));
      if (unclean != no_broker) change.set_unclean_shutdown(unclean);
      if (auto record = change.build()) records.push_back(*std::move(record));
    }
  }
  return records;
}

/// Whether its replica of the partition lies in one of the directories.
bool lies_in(const Partition& partition, BrokerId id, std::span<const DirectoryId> directories) {
  const std::size_t known = std::min(partition.replicas.size(), partition.directories.size());
  for (std::size_t i = 0; i < known; ++i) {
    if (partition.replicas[i] != id) continue;
    return std::ranges::find(directories, partition.directories[i]) != directories.end();
  }
  return false;
}

}  // namespace

PartitionChange::Rules partition_rules(const Image& image, const config::ServerConfig& server,
                                       const Topic& topic,
                                       std::function<bool(BrokerId)> acceptable) {
  return {.metadata_version = image.metadata_version(),
          .min_isr = effective_min_isr(image, topic, server),
          .elr = supports_elr(image),
          .acceptable = std::move(acceptable),
          .directory_of_new = [&image](BrokerId id) { return default_directory(image, id); }};
}

std::int32_t effective_min_isr(const Image& image, const Topic& topic,
                               const config::ServerConfig& server) {
  const std::string text = topic_value(image, topic, server, "min.insync.replicas");
  std::int32_t value = 1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::max(value, 1);
}

bool unclean_election_enabled(const Image& image, const Topic& topic,
                              const config::ServerConfig& server) {
  return topic_value(image, topic, server, "unclean.leader.election.enable") == "true";
}

std::vector<Record> leave_partitions(const Image& image, const config::ServerConfig& server,
                                     BrokerId id, Stop stop) {
  const bool unclean = stop == Stop::unclean && supports_elr(image);
  const auto acceptable = [&image, id](BrokerId other) {
    return other != id && image.is_active(other);
  };
  return change_partitions(image, server, acceptable, id, unclean ? id : no_broker,
                           [&](const Partition& partition) {
                             return partition.in_isr(id) || partition.leader == id ||
                                    (unclean && contains(partition.elr, id));
                           });
}

std::vector<Record> leave_directories(const Image& image, const config::ServerConfig& server,
                                      BrokerId id, std::span<const DirectoryId> failed) {
  const auto acceptable = [&image, id](BrokerId other) {
    return other != id && image.is_active(other);
  };
  return change_partitions(
      image, server, acceptable, id, no_broker, [&](const Partition& partition) {
        return (partition.in_isr(id) || partition.leader == id) && lies_in(partition, id, failed);
      });
}

std::vector<Record> return_to_partitions(const Image& image, const config::ServerConfig& server,
                                         BrokerId id) {
  const auto acceptable = [&image, id](BrokerId other) {
    return other == id || image.is_active(other);
  };
  return change_partitions(
      image, server, acceptable, no_broker, no_broker,
      [](const Partition& partition) { return partition.leader == no_broker; });
}

std::vector<Record> elect_leaderless(const Image& image, const config::ServerConfig& server) {
  return return_to_partitions(image, server, no_broker);
}

bool leads_any(const Image& image, BrokerId id) {
  for (const auto& [topic_id, topic] : image.topics) {
    for (const auto& [index, partition] : topic->partitions) {
      if (partition.leader == id) return true;
    }
  }
  return false;
}

namespace {

using protocol::ElectLeadersRequest;
using protocol::ElectLeadersResponse;

constexpr std::int8_t preferred_type = 0, unclean_type = 1;

struct ElectionOutcome {
  ApiError error;
  std::optional<Record> record;
};

ElectionOutcome elect_one(const Image& image, const config::ServerConfig& server,
                          std::string_view name, PartitionIndex index, Election election) {
  const Topic* topic = image.topic(name);
  if (topic == nullptr) {
    return {error(ErrorCode::unknown_topic_or_partition, fmt::format("No such topic as {}", name)),
            {}};
  }
  const Partition* partition = topic->partition(index);
  if (partition == nullptr) {
    return {error(ErrorCode::unknown_topic_or_partition,
                  fmt::format("No such partition as {}-{}", name, index)),
            {}};
  }
  const BrokerId preferred = partition->replicas.front();
  if ((election == Election::preferred && partition->leader == preferred) ||
      (election == Election::unclean && partition->leader != no_broker)) {
    return {
        error(ErrorCode::election_not_needed, "Leader election not needed for topic partition."),
        {}};
  }
  const auto acceptable = [&image](BrokerId id) { return image.is_active(id); };
  PartitionChange change(topic->id, index, *partition,
                         partition_rules(image, server, *topic, acceptable));
  auto record = change.set_election(election).build();
  if (record) return {{}, std::move(record)};
  return {election == Election::preferred
              ? error(ErrorCode::preferred_leader_not_available,
                      "The preferred leader was not available.")
              : error(ErrorCode::eligible_leaders_not_available,
                      "Eligible topic partition leaders are not available."),
          {}};
}

}  // namespace

ElectLeadersResponse refuse_election(const ElectLeadersRequest& request, const ApiError& why) {
  ElectLeadersResponse response;
  response.error_code = why.code;
  if (!request.topic_partitions) return response;
  for (const auto& wanted : *request.topic_partitions) {
    auto& topic = response.replica_election_results.emplace_back();
    topic.topic = wanted.topic;
    for (const std::int32_t index : wanted.partitions) {
      auto& partition = topic.partition_result.emplace_back();
      partition.partition_id = index;
      partition.error_code = why.code;
      partition.error_message = to_message(why);
    }
  }
  return response;
}

Decision<ElectLeadersResponse> elect_leaders(const Image& image, const config::ServerConfig& server,
                                             const ElectLeadersRequest& request) {
  Decision<ElectLeadersResponse> decision;
  if (request.election_type != preferred_type && request.election_type != unclean_type) {
    decision.response = refuse_election(
        request, error(ErrorCode::invalid_request,
                       fmt::format("Unknown election type {}", request.election_type)));
    return decision;
  }
  const Election election =
      request.election_type == unclean_type ? Election::unclean : Election::preferred;
  const auto add = [&](const std::string& name, std::span<const PartitionIndex> partitions,
                       bool all) {
    ElectLeadersResponse::ReplicaElectionResult result;
    result.topic = name;
    for (const PartitionIndex index : partitions) {
      ElectionOutcome one = elect_one(image, server, name, index, election);
      if (all && one.error.code == ErrorCode::election_not_needed) continue;
      auto& partition = result.partition_result.emplace_back();
      partition.partition_id = index.value();
      partition.error_code = one.error.code;
      partition.error_message = to_message(one.error);
      if (one.record) decision.records.push_back(*std::move(one.record));
    }
    decision.response.replica_election_results.push_back(std::move(result));
  };
  if (!request.topic_partitions) {  // all: those that need none are left out of the answer
    for (const auto& [id, topic] : image.topics) {
      std::vector<PartitionIndex> partitions;
      for (const auto& [index, partition] : topic->partitions) partitions.push_back(index);
      add(topic->name, partitions, true);
    }
    return decision;
  }
  for (const auto& wanted : *request.topic_partitions) {
    std::vector<PartitionIndex> partitions;
    for (const std::int32_t index : wanted.partitions) partitions.emplace_back(index);
    add(wanted.topic, partitions, false);
  }
  return decision;
}

}  // namespace cairn::metadata
