// SPDX-License-Identifier: Apache-2.0
// One directory of log.dirs: its lock, identity, health, clean marker and checkpoint files.
// Invariant: the marker is deleted before anything that it vouches for is believed to change (L29).
// Owner: LogDirectories.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <cairn/log/checkpoint.hpp>
#include <cairn/storage/environment.hpp>
#include <cairn/storage/log_directories.hpp>
#include <cairn/storage/meta_properties.hpp>

namespace cairn::storage {

/// The logs of an unclean stop, while they recover. Shared with the metrics that show it.
struct DirectoryRecovery {
  std::deque<LogKey> queue;
  std::vector<std::shared_ptr<RecoveryProgress>> threads;  // what each is at; null: idle
  std::size_t left = 0;                                    // logs, those at work included
  Instant began{};
};

class LogDirectory {
 public:
  LogDirectory(Environment& environment, std::string path)
      : path(path), health(path, environment.limits), environment_(environment) {}

  std::string file(std::string_view name) const { return path + "/" + std::string(name); }

  /// What the marker says; nothing if there is none.
  runtime::Task<Result<std::optional<BrokerEpoch>>> read_clean_marker() const;
  /// Reads the marker and deletes it; what it says goes to clean and broker_epoch.
  runtime::Task<Result<>> take_clean_marker();
  runtime::Task<Result<>> write_clean_marker(BrokerEpoch broker_epoch);

  using Offsets = std::map<TopicPartition, Offset>;
  /// What a checkpoint holds; nothing if it is missing or void.
  runtime::Task<Offsets> read_checkpoint(std::string_view name);
  using Entries = std::vector<log::PartitionOffset>;
  /// Replaces a checkpoint, unless it holds just that already, by what `entries` says when its turn
  /// has come: those who wait together write once, and no older content follows a newer one.
  runtime::Task<Result<>> write_checkpoint(std::string_view name,
                                           const std::function<Entries()>& entries);

  const std::string path;
  DirectoryHealth health;
  std::unique_ptr<runtime::DirectoryLock> lock;
  std::optional<MetaProperties> meta;
  bool empty = true;                           // when it was locked: nothing of anyone's in it
  bool holds_logs = true;                      // false: locked for the metadata log alone
  bool clean = false;                          // the last stop was
  bool loaded = false;                         // wholly, so that a clean marker may be left
  BrokerEpoch broker_epoch = no_broker_epoch;  // of the marker
  std::size_t log_count = 0;
  Offsets recovery_points, log_starts, high_watermarks, clean_points;  // as read at load
  std::shared_ptr<DirectoryRecovery> recovery = std::make_shared<DirectoryRecovery>();

 private:
  // Checkpoints are replaced one at a time: their temporary files have fixed names.
  runtime::Task<> begin_checkpoint();
  void end_checkpoint();
  runtime::Task<Result<>> replace_checkpoint(std::string name, Bytes content);

  Environment& environment_;
  bool writing_checkpoint_ = false;
  std::deque<runtime::Waiter*> checkpoint_waiters_;
  std::map<std::string, std::uint64_t, std::less<>> written_;  // checksum and size of each
};

}  // namespace cairn::storage
