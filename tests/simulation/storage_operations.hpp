// SPDX-License-Identifier: Apache-2.0
// What the storage run asks of a log, each as a task that writes down its answer in the Round it
// belongs to, and how a log is read whole and looked at from all sides. Owner: the storage run; the
// tasks share the Round.
#pragma once

#include <memory>

#include <cairn/storage/log_directories.hpp>

#include "storage_model.hpp"

namespace cairn::simulation {

/// Operations that run side by side on one log.
struct Round {
  explicit Round(std::vector<Attempt>& attempts) : attempts(attempts) {}

  std::vector<Attempt>& attempts;
  Asked asked = {};
  int running = 0;
  int cuts = 0;
  int cuts_done = 0;
  bool spacious = true;    // no checkpoint is put off for want of space
  bool io_failed = false;  // an answer spoke of a broken disk
  std::string wrong = {};  // an answer that must not be
};

using LogPointer = std::shared_ptr<storage::PartitionLog>;
using RoundPointer = std::shared_ptr<Round>;

runtime::Task<> append_batch(RoundPointer round, LogPointer log, std::uint64_t id,
                             record::Origin origin);
runtime::Task<> flush_log(RoundPointer round, LogPointer log);
runtime::Task<> roll_log(RoundPointer round, LogPointer log);
runtime::Task<> truncate_log(RoundPointer round, LogPointer log, Offset to);
runtime::Task<> advance_start(RoundPointer round, LogPointer log, Offset to,
                              storage::LogDirectories* directories);
runtime::Task<> retain(RoundPointer round, LogPointer log);
runtime::Task<> spill(RoundPointer round, LogPointer log);
runtime::Task<> read_some(RoundPointer round, LogPointer log, Offset from);

/// Reads all of a log in pieces of about `piece` bytes.
runtime::Task<Result<Content>> read_all_of(LogPointer log, std::size_t piece);
/// I24: producers, epochs and indexes say what a scan of the batches says; L30. What is wrong.
/// `deleted`: below it a log start that fell back after a death may have left no epochs.
runtime::Task<std::string> probe(LogPointer log, std::vector<Found> batches, Offset at,
                                 std::int64_t timestamp, Offset deleted);

}  // namespace cairn::simulation
