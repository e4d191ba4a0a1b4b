// SPDX-License-Identifier: Apache-2.0
// What every log of one shard shares: the seams, the open files (an LRU), the read buffers, and the
// files that wait for their deletion. Invariant: nothing here grows with the number of partitions,
// only with those in use. Owner: the node, one a shard; it outlives the shard's logs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <cairn/base/random.hpp>
#include <cairn/runtime/disk.hpp>
#include <cairn/runtime/event.hpp>
#include <cairn/storage/buffer_pool.hpp>
#include <cairn/storage/open_files.hpp>

namespace cairn::storage {

struct EnvironmentLimits {
  std::size_t open_files = 4096;                           // descriptors kept for reuse
  std::size_t pooled_bytes = std::size_t{32} << 20;        // idle read buffers kept for reuse
  std::uint64_t reserved_space = std::uint64_t{32} << 20;  // what produce must leave free on a disk
  /// Recovery scans smaller segments whole; the indexes of larger ones are synced with the recovery
  /// point, so that it can begin in their middle.
  std::uint64_t scanned_whole = std::uint64_t{64} << 20;
  int flushes_per_directory = 2;  // at the same time
};

/// Files and directories to remove later (file.delete.delay.ms), in order of time.
class DelayedDeletes {
 public:
  DelayedDeletes(runtime::Disk& disk, runtime::Clock& clock) : disk_(disk), clock_(clock) {}

  void add(std::string path, Duration delay);
  std::size_t size() const { return due_.size(); }
  /// Removes what is due, and sleeps, until the task is cancelled. One timer for all files.
  runtime::Task<> run();
  /// Removes all that is due now.
  runtime::Task<> remove_due();

 private:
  runtime::Disk& disk_;
  runtime::Clock& clock_;
  runtime::Event changed_;
  std::multimap<Instant, std::string> due_;
};

/// Whether a log directory may still be used, and its bounds. The first I/O or flush error takes it
/// offline for good (design §1.5): every log in it answers KAFKA_STORAGE_ERROR from then on.
class DirectoryHealth {
 public:
  explicit DirectoryHealth(std::string path, EnvironmentLimits limits = {})
      : path_(std::move(path)), limits_(limits) {}

  const std::string& path() const { return path_; }
  bool online() const { return !failed_.is_set(); }
  /// Takes the directory offline and says why in one line. Only the first call counts.
  void fail(const Error& error, std::string_view what);
  /// Set when the directory goes offline: the node stops, or tells the controller.
  runtime::Latch& failed() { return failed_; }
  /// Writes the recovery points of the directory's logs down. From who keeps that checkpoint; where
  /// nobody does, none is believed.
  std::function<runtime::Task<Result<>>()> save_recovery_points;

  /// Whether a client's write may take `bytes` more of the disk. Asked at allocations only.
  runtime::Task<bool> has_room(runtime::Disk& disk, std::uint64_t bytes);

  /// Bounds flushes in parallel: begin before, end after. False: the task was cancelled.
  runtime::Task<bool> begin_flush();
  void end_flush();

 private:
  std::string path_;
  EnvironmentLimits limits_;
  runtime::Latch failed_;
  int flushing_ = 0;
  runtime::Event flush_ended_;
};

class Segment;

struct Environment {
  Environment(runtime::Disk& disk, runtime::Clock& clock, Random random,
              EnvironmentLimits limits = {})
      : disk(disk),
        clock(clock),
        random(random),
        limits(limits),
        open_files(limits.open_files),
        buffers(std::make_shared<BufferPool>(limits.pooled_bytes)),
        deletes(disk, clock) {}

  std::int64_t now_ms() const { return to_timestamp(clock.wall()); }

  runtime::Disk& disk;
  runtime::Clock& clock;
  Random random;
  EnvironmentLimits limits;
  OpenFiles open_files;
  std::shared_ptr<BufferPool> buffers;
  DelayedDeletes deletes;  // LogDirectories runs it, or else the owner: spawn deletes.run()
  std::shared_ptr<Segment> unwritten_segment;  // of all logs that were never written to
  std::uint64_t high_watermark_moves = 0;      // of all logs: whether a checkpoint is due
};

}  // namespace cairn::storage
