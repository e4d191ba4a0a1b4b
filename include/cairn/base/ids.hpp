// SPDX-License-Identifier: Apache-2.0
// The ids of the domain, in Kafka's words, and the values that mean "none". Inside the process they
// are strong types; wire structs (protocol) hold plain numbers, converted where a message is
// handled.
#pragma once

#include <string>

#include <cairn/base/strong.hpp>
#include <cairn/base/uuid.hpp>

namespace cairn {

using Offset = Strong<struct OffsetTag, std::int64_t>;  // position of a record in a log
using Epoch = Strong<struct EpochTag, std::int32_t>;  // leader epoch: of a partition or the quorum
using BrokerId = Strong<struct BrokerIdTag, std::int32_t>;  // node.id, of controllers too
using BrokerEpoch = Strong<struct BrokerEpochTag, std::int64_t>;
using PartitionIndex = Strong<struct PartitionIndexTag, std::int32_t>;
using ProducerId = Strong<struct ProducerIdTag, std::int64_t>;
using ProducerEpoch = Strong<struct ProducerEpochTag, std::int16_t>;
using TopicId = Uuid;
using DirectoryId = Uuid;

inline constexpr Offset no_offset{-1};
inline constexpr Epoch no_epoch{-1};
inline constexpr BrokerId no_broker{-1};
inline constexpr BrokerEpoch no_broker_epoch{-1};
inline constexpr ProducerId no_producer{-1};
inline constexpr ProducerEpoch no_producer_epoch{-1};
inline constexpr std::int64_t no_timestamp =
    -1;  // record timestamps are ms since 1970, as in Kafka
inline constexpr std::int32_t no_sequence = -1;

struct TopicPartition {
  std::string topic;
  PartitionIndex partition;

  auto operator<=>(const TopicPartition&) const = default;
};

}  // namespace cairn

template <>
struct std::hash<cairn::TopicPartition> {
  std::size_t operator()(const cairn::TopicPartition& id) const {
    return std::hash<std::string>{}(id.topic) * 31 + static_cast<std::size_t>(id.partition.value());
  }
};

/// "topic-3": the name of the partition's directory.
template <>
struct fmt::formatter<cairn::TopicPartition> : fmt::formatter<std::string_view> {
  auto format(const cairn::TopicPartition& id, format_context& context) const {
    return fmt::format_to(context.out(), "{}-{}", id.topic, id.partition);
  }
};
