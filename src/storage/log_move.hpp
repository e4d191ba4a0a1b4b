// SPDX-License-Identifier: Apache-2.0
// The move of a partition's log into another log directory while it serves (KIP-113): a copy beside
// it, topic-N.<32 hex>-future, follows the log batch by batch; when it has caught up it takes the
// log's place under the writer's turn. Every state that a crash can leave:
//
//   A/topic-N            B/topic-N.x-future   not there yet: the next start goes on with the copy
//   A/topic-N            B/topic-N            the copy is whole and flushed: the longer one counts
//   A/topic-N.x-delete   B/topic-N            done
//
// Invariant: nothing in A goes before all of it is flushed in B. Owner: LogDirectories.
#pragma once

#include <functional>

#include <cairn/storage/cleaner.hpp>
#include <cairn/storage/partition_log.hpp>

namespace cairn::storage {

class LogMove {
 public:
  /// `copy` is open, in its -future directory, and nobody else's.
  LogMove(std::shared_ptr<PartitionLog> log, std::shared_ptr<PartitionLog> copy)
      : log_(std::move(log)), copy_(std::move(copy)) {}

  /// Copies until only what one read takes is missing. Fails with what is wrong with either; false
  /// when the task is cancelled.
  runtime::Task<Result<bool>> catch_up(IoThrottle& throttle);

  struct Names {
    std::string live;     // the copy's directory from now on
    std::string deleted;  // that of the files it replaces
  };
  /// Copies the rest, makes all of it durable, and swaps: the log goes on with the copy's files.
  /// `before_names` runs when the copy is whole and before anything gets another name.
  runtime::Task<Result<>> take_over(Names names, std::function<runtime::Task<>()> before_names);

  const std::shared_ptr<PartitionLog>& log() const { return log_; }
  const std::shared_ptr<PartitionLog>& copy() const { return copy_; }

  /// A log without files has nothing to copy: they will be made there. False: it has some.
  static runtime::Task<Result<bool>> relocate(std::shared_ptr<PartitionLog> log,
                                              DirectoryHealth& health);

 private:
  bool caught_up() const { return copy_->log_end() == log_->log_end(); }
  runtime::Task<Result<>> copy_some();
  runtime::Task<Result<>> follow_truncation();
  runtime::Task<Result<>> make_whole();
  runtime::Task<Result<>> swap(Names names, std::function<runtime::Task<>()> before_names);
  void adopt(std::string directory);

  std::shared_ptr<PartitionLog> log_;
  std::shared_ptr<PartitionLog> copy_;
  std::optional<std::uint64_t> generation_;  // of the log, when the copy was last seen to agree
  std::size_t copied_ = 0;                   // bytes of the last round
};

}  // namespace cairn::storage
