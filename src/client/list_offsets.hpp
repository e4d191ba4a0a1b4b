// SPDX-License-Identifier: Apache-2.0
// Offsets by time, asked of each partition's leader. Owner: none; a free function over a Cluster,
// which outlives the call and keeps following the topics asked for.
#pragma once

#include <cairn/client/consumer.hpp>

namespace cairn::client {

namespace special_timestamp {
inline constexpr std::int64_t latest = -1;
inline constexpr std::int64_t earliest = -2;
inline constexpr std::int64_t newest_record = -3;
}  // namespace special_timestamp

using FoundOffsets = std::map<TopicPartition, Result<TimestampedOffset>>;

/// Every partition asked for has its entry in the answer. Fails as a whole only without any broker.
runtime::Task<Result<FoundOffsets>> list_offsets(Cluster& cluster,
                                                 std::map<TopicPartition, std::int64_t> timestamps,
                                                 Isolation isolation, Instant deadline);

}  // namespace cairn::client
