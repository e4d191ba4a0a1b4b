// SPDX-License-Identifier: Apache-2.0
// What a start knows of a partition's log before it is open, and what goes on while it recovers.
// Owner: LogDirectories.
#pragma once

#include <cairn/storage/log_directories.hpp>

namespace cairn::storage {

/// A partition's directory that the metadata knows.
struct LogDirectories::Found {
  LogKey key;
  TopicPartition partition;
  SharedLogOptions options;
  std::string path;
  DirectoryId assigned;  // as the metadata has it
};

/// A copy that a move had begun, in the directory where it is to be.
struct LogDirectories::FoundCopy {
  LogDirectory* directory;
  Found found;
};

/// One that was not closed: queued, being recovered by a thread of its directory, or given up.
struct LogDirectories::Recovering {
  Found found;
  LogDirectory* directory = nullptr;
  std::shared_ptr<RecoveryProgress> progress = std::make_shared<RecoveryProgress>();
  std::optional<std::size_t> thread = {};
  /// The same partition in other directories: a crash came between the two renames of a move. They
  /// are opened one after another, and none is ready before it is clear which one counts.
  std::vector<FoundCopy> twins = {};
};

}  // namespace cairn::storage
