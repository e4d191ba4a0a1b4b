// SPDX-License-Identifier: Apache-2.0
// The text files of a log directory and of a partition, as bytes: offset checkpoints (recovery
// point, high watermark, log start, cleaner), leader-epoch-checkpoint and partition.metadata.
// Decoding is strict: a file that is not whole is void, and the caller falls back. Writing them
// atomically (tmp, sync, rename) is storage's work.
#pragma once

#include <string_view>

#include <cairn/base/bytes.hpp>
#include <cairn/base/result.hpp>
#include <cairn/log/epoch_cache.hpp>

namespace cairn::log {

namespace file_names {
inline constexpr std::string_view recovery_point = "recovery-point-offset-checkpoint";
inline constexpr std::string_view log_start_offset = "log-start-offset-checkpoint";
inline constexpr std::string_view high_watermark = "replication-offset-checkpoint";
inline constexpr std::string_view cleaner_offset = "cleaner-offset-checkpoint";
inline constexpr std::string_view leader_epochs = "leader-epoch-checkpoint";
inline constexpr std::string_view partition_metadata = "partition.metadata";
inline constexpr std::string_view clean_shutdown = ".kafka_cleanshutdown";
inline constexpr std::string_view meta_properties = "meta.properties";
inline constexpr std::string_view lock = ".lock";
inline constexpr std::string_view bootstrap = "bootstrap.checkpoint";
}  // namespace file_names

struct PartitionOffset {
  TopicPartition partition;
  Offset offset;

  bool operator==(const PartitionOffset&) const = default;
};

/// "0\n<count>\n<topic> <partition> <offset>\n"...; written in the order given.
Bytes encode_offset_checkpoint(std::span<const PartitionOffset> entries);
/// kafka_storage_error if version, count or any line is not as it must be.
Result<std::vector<PartitionOffset>> decode_offset_checkpoint(BytesView file);

/// "0\n<count>\n<epoch> <start offset>\n"...
Bytes encode_epoch_checkpoint(std::span<const EpochEntry> entries);
Result<std::vector<EpochEntry>> decode_epoch_checkpoint(BytesView file);

/// "version: 0\ntopic_id: <22 characters>\n" (no newline at the end, as Kafka writes it).
Bytes encode_partition_metadata(const TopicId& topic_id);
/// kafka_storage_error if malformed, of another version, or the id is zero.
Result<TopicId> decode_partition_metadata(BytesView file);

}  // namespace cairn::log
