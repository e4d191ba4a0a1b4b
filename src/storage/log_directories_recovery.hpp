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
  LogOptions options;
  std::string path;
};

/// One that was not closed: queued, being recovered by a thread of its directory, or given up.
struct LogDirectories::Recovering {
  Found found;
  LogDirectory* directory = nullptr;
  std::shared_ptr<RecoveryProgress> progress = std::make_shared<RecoveryProgress>();
  std::optional<std::size_t> thread = {};
};

}  // namespace cairn::storage
