// SPDX-License-Identifier: Apache-2.0
// Names of files and directories in a log directory, made and taken apart, and what an interrupted
// swap or deletion leaves to do. Text only; storage touches the disk.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::log {

enum class FileKind : std::uint8_t {
  segment,            // .log
  offset_index,       // .index
  time_index,         // .timeindex
  transaction_index,  // .txnindex
  producer_snapshot,  // .snapshot
};
enum class FileState : std::uint8_t { live, deleted, cleaned, swap };

struct SegmentFile {
  Offset offset;  // base offset; for a snapshot the offset it stands for
  FileKind kind = FileKind::segment;
  FileState state = FileState::live;

  auto operator<=>(const SegmentFile&) const = default;
};

/// "00000000000000000042.log", ".index.deleted", ...
std::string file_name(const SegmentFile& file);
std::string file_name(Offset offset, FileKind kind, FileState state = FileState::live);
/// Nothing if the name is not such a file's.
std::optional<SegmentFile> parse_file_name(std::string_view name);

/// A snapshot of the metadata log: "<20-digit end offset>-<10-digit epoch>.checkpoint".
struct SnapshotId {
  Offset end_offset;  // exclusive
  Epoch epoch;

  auto operator<=>(const SnapshotId&) const = default;
};
std::string snapshot_file_name(const SnapshotId& id);
std::optional<SnapshotId> parse_snapshot_file_name(std::string_view name);

/// What to do with the files a stop has left half done, in this order: remove, then (see
/// replaced_files) remove what the swapped segments replace, then rename.
struct SwapRecovery {
  struct Rename {
    std::string from;
    std::string to;
    bool operator==(const Rename&) const = default;
  };
  std::vector<std::string> remove;
  std::vector<Rename> rename;
  /// Base offsets of the .log files among `rename`: segments that replace others.
  std::vector<Offset> swapped_segments;
};
/// Kafka's rule: .deleted goes (but a snapshot of the metadata log is not ours to judge); with any
/// .cleaned left, all .cleaned go and every .swap at or above its smallest offset; other .swap
/// files get their names.
SwapRecovery recover_swaps(std::span<const std::string> names);
/// Files of the segments with base offsets in [first, end): those that swapped segments replace,
/// whose first base offset and last end offset these are (the end is known from the batches of the
/// last).
std::vector<std::string> replaced_files(std::span<const std::string> names, Offset first,
                                        Offset end);

enum class DirectoryState : std::uint8_t { live, deleted, stray, future };

struct PartitionDirectory {
  TopicPartition partition;  // for deleted and stray: the name may be cut
  DirectoryState state = DirectoryState::live;

  bool operator==(const PartitionDirectory&) const = default;
};
/// "topic-3".
std::string directory_name(const TopicPartition& partition);
/// "topic-3.<32 hex digits>-delete", the topic cut so that the whole is at most 255 characters.
std::string directory_name(const TopicPartition& partition, DirectoryState state,
                           const Uuid& unique);
/// invalid_topic_exception if the name is no partition's directory.
Result<PartitionDirectory> parse_directory_name(std::string_view name);

/// Where the metadata log lies below metadata.log.dir: no partition of a topic.
inline constexpr std::string_view metadata_log_directory = "__cluster_metadata-0";

/// Kafka's rule for topics: 1 to 249 of [a-zA-Z0-9._-], not "." or "..". invalid_topic_exception.
Result<> validate_topic_name(std::string_view name);
/// Whether two names would share a metric name ('.' and '_' are one there): Kafka refuses the
/// second.
bool topic_names_collide(std::string_view a, std::string_view b);
inline constexpr std::size_t max_topic_name = 249;
inline constexpr std::size_t max_directory_name = 255;

}  // namespace cairn::log
