// SPDX-License-Identifier: Apache-2.0
// One partition's log on disk: Kafka's files in one directory. Changes (append, truncate, roll,
// prefix truncation, retention) go one at a time through one writer; appends that wait together go
// down in one write. Reads run beside them on a snapshot. Invariants: log_start <= high_watermark
// <= log_end, flushed <= log_end; after the first I/O error the log is poisoned and its directory
// offline. Owner: LogDirectories (or the controller, for the metadata log); used on one shard.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cairn/log/aborted_transactions.hpp>
#include <cairn/log/epoch_cache.hpp>
#include <cairn/log/producer_state.hpp>
#include <cairn/storage/environment.hpp>
#include <cairn/storage/log_operations.hpp>

namespace cairn::storage {

class CleaningRun;
class LogMove;
class Segment;
class LogReader;
class LogRecovery;

class PartitionLog : public std::enable_shared_from_this<PartitionLog> {
 public:
  /// Opens or makes the log: recovers what lies behind the recovery point, rebuilds what is
  /// missing.
  static runtime::Task<Result<std::shared_ptr<PartitionLog>>> open(Environment& environment,
                                                                   DirectoryHealth& health,
                                                                   OpenLog request);
  /// A log of which nothing is on the disk, and nothing need be: it is empty, and a directory of
  /// its name is made in that of `health` with the first append. Costs no I/O.
  static std::shared_ptr<PartitionLog> unwritten(Environment& environment, DirectoryHealth& health,
                                                 OpenLog request);
  PartitionLog(const PartitionLog&) = delete;
  PartitionLog& operator=(const PartitionLog&) = delete;
  ~PartitionLog();

  // --- the one writer ---

  /// Validates, assigns offsets, stamps, writes. Errors of validate_produced and ProducerState;
  /// kafka_storage_error when the disk is full (nothing was written, the log goes on) or broken.
  runtime::Task<Result<Appended>> append_as_leader(LeaderAppend append);
  /// Batches with offsets and epochs already assigned. corrupt_message if one is damaged or lies
  /// below the log's end; gaps are legal (compaction leaves them).
  runtime::Task<Result<Appended>> append_as_follower(BytesView batches);
  /// On return all that was in the log at the call survives a crash. Calls at the same time share
  /// flushes.
  runtime::Task<Result<>> flush(FlushExtent extent = FlushExtent::all);
  /// A new leader's epoch begins at the log end. Saved no later than anything written in it.
  runtime::Task<Result<>> assign_epoch(Epoch epoch);
  /// Drops everything at and above `offset` (cut at the batch that holds it).
  runtime::Task<Result<>> truncate_to(Offset offset);
  /// Drops everything; the log is empty and begins and ends at `offset`.
  runtime::Task<Result<>> truncate_fully_and_start_at(Offset offset);
  /// Drops what lies below `offset` from view; whole segments go at the next retention.
  /// offset_out_of_range above the high watermark.
  runtime::Task<Result<>> advance_log_start(Offset offset);
  runtime::Task<Result<>> roll();
  /// Applies retention by time, size and log start. The number of segments that went.
  runtime::Task<Result<std::size_t>> delete_old_segments();
  /// Flushes, trims, and leaves indexes and a producer snapshot at the log end. The log can only be
  /// destroyed afterwards.
  runtime::Task<Result<>> close();
  /// Ends all use without a write: the directory is about to be renamed away.
  runtime::Task<> abandon();
  void configure(SharedLogOptions options) { options_ = std::move(options); }
  /// The directory was renamed.
  void moved_to(std::string directory) { directory_ = std::move(directory); }
  /// Housekeeping of a log that has written: index entries go to their files (synced for large
  /// segments, so that recovery can begin in their middle), idle indexes leave memory.
  runtime::Task<Result<>> spill_indexes();
  bool spill_due() const { return spill_due_; }
  std::size_t expire_producers();

  // --- readers ---

  /// offset_out_of_range outside [log start, log end]; at or above the bound it reads nothing.
  runtime::Task<Result<LogSlice>> read(LogRead request);
  /// The first record at or after the log start whose timestamp is at or above `timestamp`; none
  /// found: nothing. Looks below `bound` only.
  runtime::Task<Result<std::optional<TimestampHit>>> offset_for_timestamp(std::int64_t timestamp,
                                                                          ReadBound bound);
  /// The first record that has the largest timestamp of the log.
  runtime::Task<Result<std::optional<TimestampHit>>> offset_of_max_timestamp();
  /// Aborted transactions that overlap [from, upper_bound), in order of first offset.
  runtime::Task<Result<std::vector<log::AbortedTransaction>>> aborted_transactions(
      Offset from, Offset upper_bound);
  /// About how many bytes a read from `offset` would find below `bound`; never less, never waits.
  std::uint64_t bytes_available(Offset offset, ReadBound bound) const;
  /// Kafka's endOffsetFor (OffsetForLeaderEpoch).
  log::EpochEnd epoch_end(Epoch epoch) const { return epochs_.end_offset_for(epoch, log_end_); }

  // --- where it stands ---

  const TopicPartition& partition() const { return partition_; }
  std::optional<TopicId> topic_id() const { return topic_id_; }
  std::string directory() const;
  /// False: its directory was not made yet.
  bool on_disk() const { return on_disk_; }
  /// Valid until the next configure().
  const LogOptions& options() const { return *options_; }
  const SharedLogOptions& shared_options() const { return options_; }
  DirectoryHealth& health() const { return *health_; }
  bool healthy() const { return !poisoned_ && health_->online(); }

  Offset log_start() const { return log_start_; }
  Offset log_end() const { return log_end_; }
  Offset flushed() const { return flushed_; }
  /// What a crash need not check again, as the checkpoint may say it: lower while the log is cut.
  Offset recovery_point() const { return std::min(flushed_, recovery_limit_); }
  /// A checkpoint that says so is about to be written.
  void note_checkpointed(Offset point) { checkpointed_ = std::max(checkpointed_, point); }
  Offset high_watermark() const { return high_watermark_; }
  Offset last_stable() const;
  Offset bound_of(ReadBound bound) const;
  /// Moves the high watermark; clamped to [log start, log end].
  void set_high_watermark(Offset offset);

  const log::EpochCache& epochs() const { return epochs_; }
  const log::ProducerState& producers() const { return producers_; }
  std::uint64_t size() const;  // bytes of all segments
  std::size_t segment_count() const { return segments_.size(); }
  std::vector<Offset> segment_bases() const;
  /// Segments behind the active one wait for a flush (after a roll, without flush before ack).
  bool flush_of_old_segments_due() const;
  Instant last_flush() const { return last_flush_; }
  /// Changes with every truncation: what was read or decided before it may no longer be so.
  std::uint64_t generation() const { return generation_; }
  /// Where the last cleaning ended; nothing if it never was cleaned.
  std::optional<Offset> clean_point() const { return clean_point_; }
  /// As the checkpoint said at load; beyond the log's end it means nothing.
  void set_clean_point(Offset offset) {
    if (offset <= log_end_) clean_point_ = offset;
  }

 private:
  friend class CleaningRun;
  friend class LogMove;
  friend class LogReader;
  friend class LogRecovery;
  struct PendingAppend;
  struct Run;
  /// Where an offset lies on disk; lets reads at the tail skip the index.
  struct Position {
    Offset offset = no_offset;
    Offset segment = no_offset;
    std::uint64_t at = 0;
  };

  PartitionLog(Environment& environment, DirectoryHealth& health, OpenLog request);

  // One change at a time: begin waits its turn, end hands it on.
  runtime::Task<> begin_change();
  void end_change();
  runtime::Task<Result<Appended>> enqueue(PendingAppend& append);
  runtime::Task<> write_pending(std::vector<PendingAppend*> pending);
  bool fits(const PendingAppend& append, const Run& run) const;
  runtime::Task<Result<>> make_fit(const PendingAppend& append, Run& run);
  runtime::Task<Result<>> make_room(std::uint64_t end, record::Origin origin);
  bool roll_is_due(const PendingAppend& append, const Run& run) const;
  void admit(PendingAppend& append, Run& run);
  Result<> check_admission(PendingAppend& append, const Run& run) const;
  runtime::Task<> write_run(Run& run);
  runtime::Task<> undo_run(Run& run, Error error);
  static std::shared_ptr<Segment> unwritten_segment(Environment& environment);
  runtime::Task<Result<>> make_files();
  runtime::Task<Result<>> roll_active(Offset base);
  runtime::Task<Result<>> flush_once(FlushExtent extent);
  runtime::Task<Result<>> make_durable(bool directory_changed);
  runtime::Task<Result<>> make_durable_now(bool directory_changed);
  runtime::Task<Result<>> write_snapshot();
  runtime::Task<Result<>> write_snapshot_of(std::vector<log::ProducerEntry> entries, Offset at);
  runtime::Task<> drop_snapshots(Offset from, Offset to);
  runtime::Task<> drop_stray_snapshots();
  bool has_snapshot(Offset at) const;
  // log_producers.cpp
  runtime::Task<Result<>> rebuild_producers(Offset end);
  runtime::Task<Result<>> rebuild_aborted(std::shared_ptr<Segment> segment);
  runtime::Task<Result<>> rebuild(log::ProducerState& producers, Offset end);
  runtime::Task<Result<>> replay(log::ProducerState& producers, Offset from, Offset end);
  runtime::Task<std::optional<std::vector<log::ProducerEntry>>> read_snapshot(Offset at);
  runtime::Task<Result<>> pass_segment_start(Offset base);
  runtime::Task<Result<>> sync_snapshot(Offset at);
  runtime::Task<Result<std::vector<log::ProducerEntry>>> settle_producers(Offset at);
  runtime::Task<Result<>> delete_oldest(std::size_t count, log::RetentionReason reason);
  runtime::Task<Result<>> let_go(std::shared_ptr<Segment> segment);
  runtime::Task<Result<>> discard(std::shared_ptr<Segment> segment);
  void remove_later(const Segment& segment);
  runtime::Task<Result<>> remove_retired_files();
  runtime::Task<Result<>> lower_recovery_point(Offset cut, Offset floor);
  runtime::Task<Result<>> truncate_segments(Offset offset);
  runtime::Task<Result<>> restart_at(Offset offset);
  void set_log_start(Offset offset);
  void note_position(Offset offset);
  std::unexpected<Error> failed_read(const Error& error);
  std::unexpected<Error> poison(const Error& error, std::string_view what);
  Result<> usable() const;
  std::size_t segment_index(Offset offset) const;
  Segment& active() const { return *segments_.back(); }
  std::string path(std::string_view name) const { return directory_ + "/" + std::string(name); }

  Environment& environment_;
  DirectoryHealth* health_;  // of the directory it lies in; another after a move
  std::string directory_;    // empty while nothing is on the disk
  TopicPartition partition_;
  std::optional<TopicId> topic_id_;
  SharedLogOptions options_;
  std::vector<std::shared_ptr<Segment>> segments_;  // by base offset; never empty once open
  log::EpochCache epochs_;
  log::ProducerState producers_;
  std::vector<Offset> snapshots_;  // producer snapshots on disk, rising

  Offset log_start_{0};
  Offset log_end_{0};
  Offset flushed_{0};
  Offset recovery_limit_{INT64_MAX};  // while the log is cut
  Offset checkpointed_{0};            // the highest recovery point that a crash may find
  Offset high_watermark_{0};
  Position high_watermark_position_;
  std::vector<Position> recent_reads_;  // where the last few reads ended
  std::uint8_t recent_read_ = 0;
  Position flushed_position_;
  bool poisoned_ = false;
  bool closed_ = false;
  bool changing_ = false;  // someone has the writer's turn
  bool flushing_ = false;
  bool spill_due_ = false;       // batches were written since spill_indexes()
  bool changed_ = false;         // since it was opened: close() has work to do
  bool epochs_unsaved_ = false;  // the checkpoint is written with the next flush
  bool on_disk_ = true;
  bool directory_synced_ = false;
  bool metadata_synced_ = false;  // partition.metadata
  std::uint64_t generation_ = 0;
  std::optional<Offset> clean_point_;
  Instant last_flush_{};
  std::vector<PendingAppend*> queue_;
  std::vector<runtime::Waiter*> changes_;  // wait for their turn
  bool making_durable_ = false;
  std::vector<runtime::Waiter*> durables_;  // wait to make durable
  runtime::Event flush_ended_;
};

}  // namespace cairn::storage
