// SPDX-License-Identifier: Apache-2.0
// What clients see of the image: partitions with their leader as reachable through one listener,
// and the operations a principal may perform. Shared by Metadata, DescribeTopicPartitions and
// DescribeCluster. Pure functions of an Image.
#pragma once

#include <string_view>
#include <vector>

#include <cairn/base/error_code.hpp>
#include <cairn/metadata/image.hpp>

namespace cairn::broker {

/// Bits of AclOperation that make sense for a resource; without an authorizer all are granted.
inline constexpr std::int32_t topic_operations =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
inline constexpr std::int32_t cluster_operations =
    1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// Null if the broker is not registered, fenced, or has no such listener.
const metadata::Endpoint* reachable(const metadata::Image& image, BrokerId id,
                                    std::string_view listener);

struct PartitionView {
  ErrorCode error = ErrorCode::none;
  std::int32_t leader = -1;
  std::vector<std::int32_t> replicas, isr, offline;
};

/// `unreachable`: the code for a leader that is alive but has no such listener.
PartitionView view_of(const metadata::Image& image, const metadata::Partition& partition,
                      std::string_view listener, ErrorCode unreachable);

/// Metadata 0 leaves out replicas that cannot be reached, and says so.
void hide_unreachable(const metadata::Image& image, std::string_view listener, PartitionView& view);

/// UNKNOWN_TOPIC_OR_PARTITION, or INVALID_TOPIC_EXCEPTION for what can be no topic's name.
ErrorCode why_missing(std::string_view topic);

std::vector<std::int32_t> to_numbers(const std::vector<BrokerId>& ids);

}  // namespace cairn::broker
