// SPDX-License-Identifier: Apache-2.0
// The ways a log gets shorter: truncation from the end, a restart elsewhere, the log start, and
// retention. Each has the writer's turn from its first look to its last write (L32).
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>

#include "pending_append.hpp"
#include "segment.hpp"
#include "segment_walk.hpp"

namespace cairn::storage {

using log::FileKind;
using log::FileState;

// ---- from the end ----

runtime::Task<Result<>> PartitionLog::truncate_to(Offset offset) {
  co_await begin_change();
  Result<> done = usable();
  if (done && offset < log_end_) {
    ++generation_;
    const Offset base = segments_[segment_index(offset)]->base_offset;
    done = co_await lower_recovery_point(offset, std::min(base, offset));
    if (done) {
      const bool anew = offset <= segments_.front()->base_offset;
      done = anew ? co_await restart_at(offset) : co_await truncate_segments(offset);
      if (!done) done = poison(done.error(), "truncate");
    }
    recovery_limit_ = Offset(INT64_MAX);
  } else if (done && epochs_.truncate_from_end(log_end_)) {
    // A leader's epoch that began here and got no records: it must not be claimed as a follower.
    epochs_unsaved_ = changed_ = true;
  }
  end_change();
  co_return done;
}

runtime::Task<Result<>> PartitionLog::truncate_fully_and_start_at(Offset offset) {
  co_await begin_change();
  Result<> done = usable();
  if (done) {
    ++generation_;
    const Offset base = segments_.front()->base_offset;
    done = co_await lower_recovery_point(base, std::min(base, offset));
    if (done) {
      done = co_await restart_at(offset);
      if (!done) done = poison(done.error(), "restart");
    }
    recovery_limit_ = Offset(INT64_MAX);
  }
  end_change();
  co_return done;
}

/// Before anything above `cut` goes: a recovery point above it, if a checkpoint may hold one, must
/// not be found by a crash, or what is appended here next would be believed unchecked. Followers
/// mostly cut what is younger than the checkpoint, which costs nothing. Until the cut is done no
/// checkpoint says more than `floor`: a batch may reach across the cut, and a crash in the midst of
/// it keeps any of its deletions.
runtime::Task<Result<>> PartitionLog::lower_recovery_point(Offset cut, Offset floor) {
  recovery_limit_ = floor;
  if (checkpointed_ <= cut || !health_->save_recovery_points) co_return Result<>();
  CO_TRY(co_await health_->save_recovery_points());
  checkpointed_ = floor;
  co_return Result<>();
}

runtime::Task<Result<>> PartitionLog::truncate_segments(Offset offset) {
  logging::info("truncating: partition={} from={} to={}", partition_, log_end_, offset);
  recent_reads_.clear();
  high_watermark_position_ = {};
  flushed_position_ = {};
  changed_ = true;
  while (segments_.back()->base_offset > offset) {
    const std::shared_ptr<Segment> last = segments_.back();
    segments_.pop_back();
    CO_TRY(co_await discard(last));
  }
  Segment& segment = active();
  segment.rolled = false;
  CO_TRY(const auto indexes, co_await segment.indexes(directory_));
  CO_TRY(auto file, co_await segment.file(directory_));
  const log::OffsetPosition near = indexes->offsets.lookup(offset);
  SegmentWalk walk(environment_, std::move(file), near.position, segment.size);
  std::uint64_t cut = segment.size;
  Offset end = offset;
  bool more = true;
  while (more && cut == segment.size) {
    while (const auto batch = walk.next()) {
      if (batch->next_offset() <= offset) continue;
      cut = walk.batch_position();
      end = std::min(end, batch->base_offset());
      break;
    }
    if (cut == segment.size) {
      CO_TRY(more, co_await walk.fill());
    }
  }
  CO_TRY(co_await segment.truncate(directory_, cut, end));
  log_end_ = end;
  if (!MUTANT("L10")) ++generation_;  // a flush that began meanwhile saw the old end
  if (clean_point_ && *clean_point_ > end) clean_point_ = end;
  flushed_ = std::min(flushed_, end);
  high_watermark_ = std::min(high_watermark_, end);
  if (log_start_ > end) log_start_ = end;
  if (epochs_.truncate_from_end(end)) epochs_unsaved_ = true;
  co_await drop_snapshots(end + 1, Offset(INT64_MAX));
  CO_TRY(co_await rebuild_producers(end));
  co_return co_await make_durable(true);
}

runtime::Task<Result<>> PartitionLog::restart_at(Offset offset) {
  if (!on_disk_) {
    CO_TRY(co_await make_files());
  }
  logging::info("starting anew: partition={} end={} at={}", partition_, log_end_, offset);
  recent_reads_.clear();
  high_watermark_position_ = {};
  flushed_position_ = {};
  changed_ = true;
  // Whoever looks while the files go finds the log as it will be: never without a segment.
  auto fresh = std::make_shared<Segment>(environment_, offset, 0);
  fresh->created_ms = environment_.now_ms();
  fresh->set_indexes(std::make_shared<SegmentIndexes>(offset));
  fresh->max_timestamp.offset = offset;
  const auto gone = std::exchange(segments_, {fresh});
  epochs_.clear();
  epochs_unsaved_ = true;
  clean_point_.reset();
  producers_.clear(offset);
  log_start_ = log_end_ = flushed_ = high_watermark_ = offset;
  if (!MUTANT("L10")) ++generation_;
  for (std::size_t i = gone.size(); i > 0; --i) {
    const std::shared_ptr<Segment> last = gone[i - 1];
    CO_TRY(co_await discard(last));
  }
  CO_TRY(co_await remove_retired_files());
  co_await drop_snapshots(Offset(0), Offset(INT64_MAX));
  CO_TRY(auto file, co_await fresh->file(directory_, runtime::OpenMode::create));
  CO_TRY(co_await file->truncate(0));
  CO_TRY(co_await make_durable(true));
  fresh->entry_synced = true;
  co_return Result<>();
}

// ---- from the start ----

runtime::Task<Result<>> PartitionLog::advance_log_start(Offset offset) {
  co_await begin_change();
  Result<> done = usable();
  if (done && offset > high_watermark_) {
    done = fail(ErrorCode::offset_out_of_range, "the new log start is above the high watermark");
  } else if (done && offset > log_start_) {
    set_log_start(offset);
  }
  end_change();
  co_return done;
}

runtime::Task<Result<std::size_t>> PartitionLog::delete_old_segments() {
  co_await begin_change();
  Result<> done = usable();
  std::vector<log::SegmentAge> ages;
  for (std::size_t i = 0; done && i < segments_.size(); ++i) {
    const std::shared_ptr<Segment> segment = segments_[i];
    log::SegmentAge age{.base_offset = segment->base_offset,
                        .size = static_cast<std::int64_t>(segment->size)};
    if (segment->size > 0 && options_->retention.retention_ms >= 0 && options_->deletes_by_policy) {
      const auto timestamp = co_await segment->age_timestamp(directory_);
      if (timestamp) {
        age.largest_timestamp = *timestamp;
      } else {
        done = std::unexpected(timestamp.error());
      }
    }
    ages.push_back(age);
  }
  std::size_t count = 0;
  if (done) {
    const log::Retention retention =
        log::segments_to_delete(ages, log_start_, log_end_, high_watermark_, options_->retention,
                                environment_.now_ms(), options_->deletes_by_policy);
    if (retention.roll_active) done = co_await roll_active(log_end_);
    if (done) done = co_await delete_oldest(retention.segments, retention.reason);
    if (done) count = retention.segments;
  }
  end_change();
  if (!done) {
    if (!healthy() || runtime::is_no_space(done.error())) co_return std::unexpected(done.error());
    co_return poison(done.error(), "retention");
  }
  co_return count;
}

runtime::Task<Result<>> PartitionLog::delete_oldest(std::size_t count,
                                                    log::RetentionReason reason) {
  if (count == 0) co_return Result<>();
  const Offset start = segments_[count]->base_offset;
  const auto after = std::ranges::upper_bound(snapshots_, start);
  const Offset kept = after == snapshots_.begin() ? no_offset : *(after - 1);
  CO_TRY(co_await sync_snapshot(kept));  // producers outlive their batches (KIP-360)
  // The segments leave together with the log start, without a turn for anybody in between: whoever
  // reads is told the offset is gone. Then the files.
  const std::vector<std::shared_ptr<Segment>> gone(segments_.begin(),
                                                   segments_.begin() + std::ptrdiff_t(count));
  segments_.erase(segments_.begin(), segments_.begin() + std::ptrdiff_t(count));
  if (start > log_start_) set_log_start(start);
  static constexpr const char* names[] = {"none", "time", "size", "log start"};
  logging::info("retention: partition={} segments={} reason={} log_start={}", partition_, count,
                names[static_cast<std::size_t>(reason)], log_start_);
  for (const auto& segment : gone) {
    CO_TRY(co_await let_go(segment));
  }
  CO_TRY(co_await environment_.disk.sync_directory(directory_));
  for (const auto& segment : gone) remove_later(*segment);
  co_await drop_snapshots(Offset(0), kept);
  co_return Result<>();
}

namespace {

constexpr FileKind segment_files[] = {FileKind::segment, FileKind::offset_index,
                                      FileKind::time_index, FileKind::transaction_index};

}  // namespace

/// Renames a segment's files to ....deleted. Of the oldest segments only: recovery takes all up to
/// a .deleted one as gone.
runtime::Task<Result<>> PartitionLog::let_go(std::shared_ptr<Segment> segment) {
  segment->deleted = true;
  for (const FileKind kind : segment_files) {
    std::string from = segment->path(directory_, kind);
    std::string to = segment->path(directory_, kind, FileState::deleted);
    const Result<> renamed = co_await environment_.disk.rename(std::move(from), std::move(to));
    if (!renamed && (kind == FileKind::segment || !runtime::is_not_found(renamed.error()))) {
      co_return renamed;
    }
  }
  segment->close_file();
  co_return Result<>();
}

void PartitionLog::remove_later(const Segment& segment) {
  for (const FileKind kind : segment_files) {
    environment_.deletes.add(segment.path(directory_, kind, FileState::deleted),
                             options_->file_delete_delay);
  }
}

/// Removes a segment that was cut off.
runtime::Task<Result<>> PartitionLog::discard(std::shared_ptr<Segment> segment) {
  segment->deleted = true;
  for (const FileKind kind : segment_files) {
    std::string name = segment->path(directory_, kind);
    const Result<> removed = co_await environment_.disk.remove(std::move(name));
    if (!removed && !runtime::is_not_found(removed.error())) co_return removed;
  }
  segment->close_file();
  co_return Result<>();
}

/// Before the log begins anew, perhaps below what retention took.
runtime::Task<Result<>> PartitionLog::remove_retired_files() {
  CO_TRY(const auto entries, co_await environment_.disk.list(directory_));
  for (const runtime::DirectoryEntry& entry : entries) {
    const auto file = log::parse_file_name(entry.name);
    if (!file || file->state != FileState::deleted) continue;
    std::string name = path(entry.name);
    CO_TRY(co_await environment_.disk.remove(std::move(name)));
  }
  co_return co_await environment_.disk.sync_directory(directory_);
}

}  // namespace cairn::storage
