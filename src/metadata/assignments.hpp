// SPDX-License-Identifier: Apache-2.0
// Replicas for new partitions: those a request names, checked, or those placement chooses; and the
// PartitionRecord that comes of them. Used by topic creation and by CreatePartitions.
#pragma once

#include <map>
#include <optional>

#include <cairn/metadata/partitions.hpp>
#include <cairn/metadata/placement.hpp>
#include <cairn/metadata/topics.hpp>

namespace cairn::metadata {

inline ApiError error(ErrorCode code, std::string message = {}) {
  return {code, std::move(message)};
}

/// The message as responses carry it: null where there is none.
std::optional<std::string> to_message(const ApiError& error);

std::vector<UsableBroker> usable_brokers(const Image& image);

/// `replication_factor`: what the others have; none for the first.
ApiError check_assignment(const Image& image, const std::vector<BrokerId>& replicas,
                          std::optional<std::size_t> replication_factor);
/// Kafka refuses an assignment of which no replica can lead now.
ApiError check_alive(const Image& image, const std::vector<BrokerId>& replicas,
                     std::int32_t partition);

/// Where a new replica on the broker will lie: its only directory, or one that it will choose and
/// report.
DirectoryId default_directory(const Image& image, BrokerId id);

struct Placed {
  ApiError error;
  std::vector<Assignment> assignments;
};
/// Placement with Kafka's words for what is wrong.
Placed place_partitions(const Image& image, std::int32_t count, std::int16_t replication_factor,
                        Random& random);

}  // namespace cairn::metadata
