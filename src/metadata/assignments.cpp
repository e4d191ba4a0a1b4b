// SPDX-License-Identifier: Apache-2.0
#include "assignments.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <cairn/metadata/snapshot.hpp>

#include "wire.hpp"

namespace cairn::metadata {
namespace {

/// No directory of the broker takes new replicas (KIP-1066).
bool all_cordoned(const Broker& broker) {
  if (!broker.cordoned_log_dirs || broker.log_dirs.empty()) return false;
  return std::ranges::all_of(broker.log_dirs, [&](const DirectoryId& directory) {
    return std::ranges::find(*broker.cordoned_log_dirs, directory) !=
           broker.cordoned_log_dirs->end();
  });
}

}  // namespace

std::optional<std::string> to_message(const ApiError& error) {
  if (error.message.empty()) return std::nullopt;
  return error.message;
}

std::vector<UsableBroker> usable_brokers(const Image& image) {
  std::vector<UsableBroker> brokers;
  for (const auto& [id, broker] : image.brokers) {
    if (broker.in_controlled_shutdown || all_cordoned(broker)) continue;
    brokers.push_back({id, broker.rack, broker.fenced});
  }
  return brokers;
}

ApiError check_assignment(const Image& image, const std::vector<BrokerId>& replicas,
                          std::optional<std::size_t> replication_factor) {
  constexpr auto code = ErrorCode::invalid_replica_assignment;
  if (replicas.empty()) {
    return error(code, "The manual partition assignment includes an empty replica list.");
  }
  std::vector<BrokerId> sorted = replicas;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (image.broker(sorted[i]) == nullptr) {
      return error(code, fmt::format("The manual partition assignment includes broker {}, but no "
                                     "such broker is registered.",
                                     sorted[i]));
    }
    if (i > 0 && sorted[i] == sorted[i - 1]) {
      return error(code, fmt::format("The manual partition assignment includes the broker {} more "
                                     "than once.",
                                     sorted[i]));
    }
  }
  if (replication_factor && *replication_factor != replicas.size()) {
    return error(code, fmt::format("The manual partition assignment includes a partition with {} "
                                   "replica(s), but this is not consistent with previous "
                                   "partitions, which have {} replica(s).",
                                   replicas.size(), *replication_factor));
  }
  return {};
}

ApiError check_alive(const Image& image, const std::vector<BrokerId>& replicas,
                     std::int32_t partition) {
  if (std::ranges::any_of(replicas, [&](BrokerId id) { return image.is_active(id); })) return {};
  return error(ErrorCode::invalid_replica_assignment,
               fmt::format("All brokers specified in the manual partition assignment for partition "
                           "{} are fenced or in controlled shutdown.",
                           partition));
}

Placed place_partitions(const Image& image, std::int32_t count, std::int16_t replication_factor,
                        Random& random) {
  std::vector<UsableBroker> brokers = usable_brokers(image);
  const auto refused = [&](std::string why) {
    return Placed{error(ErrorCode::invalid_replication_factor,
                        fmt::format("Unable to replicate the partition {} time(s): {}",
                                    replication_factor, why)),
                  {}};
  };
  if (std::ranges::all_of(brokers, &UsableBroker::fenced)) {
    return refused("All brokers are currently fenced.");
  }
  if (brokers.size() < static_cast<std::size_t>(replication_factor)) {
    return refused(
        fmt::format("The target replication factor of {} cannot be reached because only "
                    "{} broker(s) are registered or some brokers have all their log directories "
                    "cordoned.",
                    replication_factor, brokers.size()));
  }
  auto placed = place(std::move(brokers), count, replication_factor, random);
  if (!placed) return refused(placed.error().why);
  return {{}, *std::move(placed)};
}

DirectoryId default_directory(const Image& image, BrokerId id) {
  const Broker* broker = image.broker(id);
  if (broker == nullptr || broker->log_dirs.empty()) return migrating_directory;
  return broker->log_dirs.size() == 1 ? broker->log_dirs.front() : unassigned_directory;
}

Record new_partition(const Image& image, const TopicId& topic, PartitionIndex index,
                     const std::vector<BrokerId>& replicas) {
  Partition partition;
  partition.replicas = replicas;
  for (const BrokerId id : replicas) {
    if (image.is_active(id)) partition.isr.push_back(id);
    partition.directories.push_back(default_directory(image, id));
  }
  partition.leader = partition.isr.empty() ? no_broker : partition.isr.front();
  return to_record(topic, index, partition, image.metadata_version());
}

}  // namespace cairn::metadata
