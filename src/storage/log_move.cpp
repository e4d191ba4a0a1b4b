// SPDX-License-Identifier: Apache-2.0
#include "log_move.hpp"

#include <cairn/base/log.hpp>
#include <cairn/record/batch.hpp>

#include "segment.hpp"

namespace cairn::storage {

namespace {

constexpr std::size_t copied_at_once = std::size_t{1} << 20;

}  // namespace

// ---- the copy ----

runtime::Task<Result<bool>> LogMove::catch_up(IoThrottle& throttle) {
  CO_TRY(co_await copy_->make_durable(true));  // so that the next start finds it
  for (;;) {
    const Offset end = log_->log_end();
    CO_TRY(co_await copy_some());
    // A log that is written to without a pause is never quite caught up with.
    if (copy_->log_end() >= end) co_return true;
    if (!co_await throttle.take(copied_)) co_return false;
  }
}

/// One read of the log, appended to the copy as a follower would.
runtime::Task<Result<>> LogMove::copy_some() {
  copied_ = 0;
  CO_TRY(co_await follow_truncation());
  const std::uint64_t generation = log_->generation();
  const Offset from = std::max(copy_->log_end(), log_->log_start());
  auto slice = co_await log_->read(
      {.offset = from, .max_bytes = copied_at_once, .bound = ReadBound::log_end});
  if (generation != log_->generation()) co_return Result<>();  // what was read may be gone
  if (!slice) {
    // The log start moved on while we read.
    if (slice.error().code == ErrorCode::offset_out_of_range) co_return Result<>();
    co_return std::unexpected(slice.error());
  }
  if (slice->records.empty()) {
    if (from < log_->log_end()) {
      co_return fail(ErrorCode::corrupt_message, "the log has no batch where one should be");
    }
    if (copy_->log_end() == from) co_return Result<>();
    co_return co_await copy_->truncate_fully_and_start_at(from);  // all before it was deleted
  }
  const auto first = record::BatchView::parse(slice->records.view());
  if (!first) co_return fail(ErrorCode::corrupt_message, "the log's batch cannot be read");
  if (copy_->log_end() < log_->log_start() && copy_->log_end() != first->base_offset()) {
    CO_TRY(co_await copy_->truncate_fully_and_start_at(first->base_offset()));
  }
  const auto appended = co_await copy_->append_as_follower(slice->records.view());
  if (!appended) co_return std::unexpected(appended.error());
  copied_ = slice->records.size();
  co_return Result<>();
}

/// What was cut off the log goes from the copy too: as a follower does with its leader (KIP-101),
/// back to where the copy's last epoch ends in the log.
runtime::Task<Result<>> LogMove::follow_truncation() {
  while (generation_ != log_->generation()) {
    const std::uint64_t generation = log_->generation();
    Offset agreed = std::min(copy_->log_end(), log_->log_end());
    if (const auto latest = copy_->epochs().latest()) {
      const log::EpochEnd end = log_->epoch_end(latest->epoch);
      agreed = std::min(agreed, std::max(end.end_offset, Offset(0)));
    }
    if (agreed >= copy_->log_end()) {
      generation_ = generation;
    } else {
      CO_TRY(co_await copy_->truncate_to(agreed));
    }
  }
  co_return Result<>();
}

// ---- the swap ----

runtime::Task<Result<>> LogMove::take_over(Names names,
                                           std::function<runtime::Task<>()> before_names) {
  PartitionLog& log = *log_;
  co_await log.begin_change();
  while (log.flushing_) {
    if (!co_await log.flush_ended_.wait()) break;
  }
  Result<> done = log.usable();
  if (done && log.flushing_) done = fail(ErrorCode::request_timed_out, "cancelled");
  if (done) {
    log.flushing_ = true;  // nobody flushes files that are about to be others
    done = co_await swap(std::move(names), std::move(before_names));
    log.flushing_ = false;
    log.flush_ended_.set();
  }
  log.end_change();
  co_return done;
}

/// REQUIRES: the writer's turn, so that the log's end stands still.
runtime::Task<Result<>> LogMove::make_whole() {
  do {
    CO_TRY(co_await copy_some());  // at least once: it looks for what was cut off
  } while (!caught_up());
  copy_->set_high_watermark(log_->high_watermark());
  if (copy_->log_start() < log_->log_start()) copy_->set_log_start(log_->log_start());
  copy_->epochs_ = log_->epochs_;  // an epoch in which nothing was written yet is in no batch
  copy_->epochs_unsaved_ = true;
  CO_TRY(co_await copy_->flush());
  co_return co_await copy_->make_durable(true);
}

runtime::Task<Result<>> LogMove::swap(Names names, std::function<runtime::Task<>()> before_names) {
  runtime::Disk& disk = log_->environment_.disk;
  CO_TRY(co_await make_whole());
  co_await before_names();
  CO_TRY(copy_->usable());
  Result<> named = co_await disk.rename(copy_->directory(), names.live);
  if (named) named = co_await disk.sync_directory(runtime::parent_directory(names.live));
  // Whether the name holds is not known. The log stays where it is, and goes on being the longer.
  if (!named) co_return copy_->poison(named.error(), "the name of a moved partition");
  const std::string old_directory = log_->directory();
  DirectoryHealth& old_health = log_->health();
  adopt(std::move(names.live));
  Result<> gone = co_await disk.rename(old_directory, names.deleted);
  if (gone) gone = co_await disk.sync_directory(runtime::parent_directory(names.deleted));
  if (!gone) old_health.fail(gone.error(), "a partition that was moved away");
  co_return Result<>();
}

/// Readers that hold an old segment see that it is gone, and look again.
void LogMove::adopt(std::string directory) {
  PartitionLog& log = *log_;
  PartitionLog& copy = *copy_;
  for (const auto& segment : log.segments_) {
    segment->deleted = true;
    segment->close_file();
  }
  std::swap(log.segments_, copy.segments_);
  log.snapshots_ = std::exchange(copy.snapshots_, {});
  log.directory_ = std::move(directory);
  log.health_ = copy.health_;
  log.flushed_ = log.log_end_;
  log.recent_reads_.clear();
  log.high_watermark_position_ = {};
  log.flushed_position_ = {};
  log.directory_synced_ = log.metadata_synced_ = true;
  log.epochs_unsaved_ = false;
  log.changed_ = log.spill_due_ = true;
  log.clean_point_.reset();
  ++log.generation_;
  copy.closed_ = true;
}

runtime::Task<Result<bool>> LogMove::relocate(std::shared_ptr<PartitionLog> log,
                                              DirectoryHealth& health) {
  co_await log->begin_change();
  const Result<> usable = log->usable();
  const bool moves = usable && !log->on_disk();
  if (moves) log->health_ = &health;
  log->end_change();
  if (!usable) co_return std::unexpected(usable.error());
  co_return moves;
}

}  // namespace cairn::storage
