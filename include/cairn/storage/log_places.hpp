// SPDX-License-Identifier: Apache-2.0
// What LogDirectories is told and what it answers: plain values, copied. The logs that a report
// names belong to LogDirectories, and may be closed meanwhile.
// Owner: whoever asked.
#pragma once

#include <expected>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cairn/config/server_config.hpp>
#include <cairn/storage/cleaner.hpp>
#include <cairn/storage/partition_log.hpp>

namespace cairn::storage {

/// Why a node cannot start, in one line for a person.
template <class T = void>
using StartResult = std::expected<T, std::string>;

struct LogDirectoriesOptions {
  std::vector<std::string> paths;  // log.dirs
  std::string metadata_path;       // metadata.log.dir; locked too, also if not among the paths
  config::LogConfig config;
  std::chrono::milliseconds file_delete_delay{60'000};
  CleanerOptions cleaner = {};
  double move_bytes_per_second = std::numeric_limits<double>::max();  // of all moves together
};

struct LogKey {
  TopicId topic;
  PartitionIndex partition;
  auto operator<=>(const LogKey&) const = default;
};

/// What the metadata says of a directory found at load.
struct KnownLog {
  SharedLogOptions options;
  DirectoryId directory = {};  // as the metadata has it
};
using KnownLogs = std::function<std::optional<KnownLog>(const TopicPartition&, const TopicId&)>;

/// For DescribeLogDirs.
struct DirectoryReport {
  std::string path;
  DirectoryId id;
  bool online = true;
  std::uint64_t total_bytes = 0;
  std::uint64_t usable_bytes = 0;
  std::vector<std::shared_ptr<PartitionLog>> logs;
  /// Copies that are to take the place of their log, in another directory.
  struct Copy {
    std::shared_ptr<PartitionLog> copy, of;
  };
  std::vector<Copy> copies;
};

}  // namespace cairn::storage
