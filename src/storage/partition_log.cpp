// SPDX-License-Identifier: Apache-2.0
// Where the log stands, flushing, rolling, closing. Appending: log_append.cpp; reading:
// log_read.cpp; cutting: log_truncate.cpp; opening: log_recovery.cpp.
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/log/checkpoint.hpp>
#include <cairn/storage/partition_log.hpp>

#include "pending_append.hpp"
#include "segment.hpp"

namespace cairn::storage {

using log::FileKind;

PartitionLog::PartitionLog(Environment& environment, DirectoryHealth& health, OpenLog request)
    : environment_(environment),
      health_(&health),
      directory_(std::move(request.directory)),
      partition_(std::move(request.partition)),
      topic_id_(request.topic_id),
      options_(std::move(request.options)),
      producers_(options_->producers),
      checkpointed_(request.recovery_point) {}

PartitionLog::~PartitionLog() = default;

// ---- where it stands ----

Result<> PartitionLog::usable() const {
  if (!healthy() && !MUTANT("L27")) {
    return fail(ErrorCode::kafka_storage_error, "the log directory is offline");
  }
  if (closed_) return fail(ErrorCode::kafka_storage_error, "the log is closed");
  return {};
}

std::unexpected<Error> PartitionLog::poison(const Error& error, std::string_view what) {
  if (!poisoned_ && !closed_) {  // what fails after the end says nothing of the disk
    poisoned_ = true;
    logging::error("log broken: partition={} cause={}: {}", partition_, what, error.why);
    health_->fail(error, what);
  }
  return fail(ErrorCode::kafka_storage_error, error.why);
}

Offset PartitionLog::last_stable() const {
  const auto unstable = producers_.first_unstable_offset();
  return unstable ? std::min(*unstable, high_watermark_) : high_watermark_;
}

Offset PartitionLog::bound_of(ReadBound bound) const {
  switch (bound) {
    case ReadBound::log_end:
      return log_end_;
    case ReadBound::high_watermark:
      return high_watermark_;
    case ReadBound::last_stable:
      return last_stable();
  }
  return log_start_;
}

void PartitionLog::set_high_watermark(Offset offset) {
  const Offset clamped = std::clamp(offset, log_start_, log_end_);
  if (clamped == high_watermark_) return;
  high_watermark_ = clamped;
  ++environment_.high_watermark_moves;
  producers_.on_high_watermark(clamped);
  if (clamped == log_end_) {
    high_watermark_position_ = {log_end_, active().base_offset, active().size};
  } else if (clamped == flushed_position_.offset) {
    high_watermark_position_ = flushed_position_;
  }
}

void PartitionLog::set_log_start(Offset offset) {
  log_start_ = offset;
  if (high_watermark_ < offset) high_watermark_ = offset;
  if (epochs_.truncate_from_start(offset)) epochs_unsaved_ = true;
  producers_.on_log_start(offset);
  changed_ = true;
}

std::uint64_t PartitionLog::size() const {
  std::uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment->size;
  return bytes;
}

std::vector<Offset> PartitionLog::segment_bases() const {
  std::vector<Offset> bases;
  for (const auto& segment : segments_) bases.push_back(segment->base_offset);
  return bases;
}

bool PartitionLog::flush_of_old_segments_due() const { return flushed_ < active().base_offset; }

std::size_t PartitionLog::segment_index(Offset offset) const {
  const auto after = std::ranges::upper_bound(
      segments_, offset, {}, [](const auto& segment) { return segment->base_offset; });
  return after == segments_.begin() ? 0 : static_cast<std::size_t>(after - segments_.begin()) - 1;
}

std::size_t PartitionLog::expire_producers() { return producers_.expire(environment_.now_ms()); }

// ---- flush ----

runtime::Task<Result<>> PartitionLog::flush(FlushExtent extent) {
  const Offset target = extent == FlushExtent::all ? log_end_ : active().base_offset;
  const std::uint64_t generation = generation_;
  while (flushed_ < target && generation == generation_) {
    CO_TRY(usable());
    if (flushing_) {
      if (!co_await flush_ended_.wait()) {
        co_return fail(ErrorCode::request_timed_out, "cancelled while waiting for a flush");
      }
      continue;
    }
    flushing_ = true;
    Result<> flushed = co_await flush_once(extent);
    flushing_ = false;
    flush_ended_.set();
    if (!flushed) co_return flushed;
  }
  co_return Result<>();
}

runtime::Task<Result<>> PartitionLog::flush_once(FlushExtent extent) {
  DirectoryHealth& health = *health_;  // the log may move meanwhile
  const bool turn = co_await health.begin_flush();
  if (!turn) co_return fail(ErrorCode::request_timed_out, "cancelled while waiting for a flush");
  // What counts is where the log ends now: one flush covers all that was appended while this one
  // waited.
  const std::uint64_t generation = generation_;
  const bool all = extent == FlushExtent::all;
  const Offset base = active().base_offset;
  const Position end = all ? Position{log_end_, base, active().size} : Position{base, base, 0};
  const std::vector<std::shared_ptr<Segment>> dirty(
      segments_.begin() + static_cast<std::ptrdiff_t>(segment_index(flushed_)),
      all ? segments_.end() : segments_.end() - 1);
  bool directory_changed = false;
  Result<> result;
  for (const auto& segment : dirty) {
    auto file = co_await segment->file(directory_);
    if (!file) {
      result = std::unexpected(file.error());
    } else {
      result = co_await (*file)->sync();
    }
    if (!result && segment->deleted) result = Result<>();  // retention was quicker
    if (!result) break;
    directory_changed = directory_changed || !segment->entry_synced;
  }
  health.end_flush();
  // A failure counts whatever was cut meanwhile: what stayed may be lost with it.
  if (!result && !MUTANT("L31")) co_return poison(result.error(), "flush");
  if (generation != generation_) co_return Result<>();  // cut meanwhile: what was flushed is gone
  CO_TRY(co_await make_durable(directory_changed));
  // Indexes of what was rolled go with it, also of what was rolled while this waited: from here to
  // the new `flushed_` nothing waits any more. roll_active() sees to those that it rolls later.
  for (auto next = dirty.begin(); next != dirty.end();) {
    const std::shared_ptr<Segment> segment = *next;
    if (!segment->rolled || segment->indexes_synced || segment->deleted) {
      ++next;
      continue;
    }
    result = co_await segment->sync_indexes(directory_);
    if (!result && !segment->deleted) co_return poison(result.error(), "flush");
    next = dirty.begin();
  }
  for (const auto& segment : dirty) segment->entry_synced = true;
  if (generation != generation_) co_return Result<>();
  flushed_ = std::max(flushed_, end.offset);
  flushed_position_ = end;
  last_flush_ = environment_.clock.now();
  co_return Result<>();
}

/// One at a time: a flush runs beside the writer, and the temporary file has one name.
runtime::Task<Result<>> PartitionLog::make_durable(bool directory_changed) {
  if (std::exchange(making_durable_, true)) {
    runtime::Waiter waiter;
    durables_.push_back(&waiter);
    co_await waiter.suspend(runtime::Cancellation::ignored);  // whoever ends hands the turn over
  }
  Result<> made = co_await make_durable_now(directory_changed);
  making_durable_ = !durables_.empty();
  if (making_durable_) {
    runtime::Waiter* const next = durables_.front();
    durables_.erase(durables_.begin());
    next->wake(runtime::Wake::woken);
  }
  co_return made;
}

/// What must survive a crash beside the batches: directory entries, partition.metadata, epochs.
runtime::Task<Result<>> PartitionLog::make_durable_now(bool directory_changed) {
  if (!metadata_synced_ && topic_id_) {
    std::string name = path(log::file_names::partition_metadata);
    auto file = co_await environment_.disk.open(std::move(name), runtime::OpenMode::write);
    Result<> synced = file ? Result<>() : std::unexpected(file.error());
    if (synced) synced = co_await (*file)->sync();
    if (!synced) co_return poison(synced.error(), "flush of partition.metadata");
    metadata_synced_ = true;
    directory_changed = true;
  }
  if (epochs_unsaved_) {
    epochs_unsaved_ = false;
    std::string name = path(log::file_names::leader_epochs);
    Bytes content = log::encode_epoch_checkpoint(epochs_.entries());
    const Result<> saved =
        co_await runtime::replace_file(environment_.disk, std::move(name), std::move(content));
    if (!saved) {
      epochs_unsaved_ = true;
      if (runtime::is_no_space(saved.error())) co_return std::unexpected(saved.error());
      co_return poison(saved.error(), "leader epochs");
    }
    directory_changed = false;  // the replacement has synced the directory
  }
  if (directory_changed && !MUTANT("L28")) {
    const Result<> synced = co_await environment_.disk.sync_directory(directory_);
    if (!synced) co_return poison(synced.error(), "directory sync");
  }
  if (!directory_synced_) {
    std::string parent = runtime::parent_directory(directory_);
    const Result<> synced = co_await environment_.disk.sync_directory(std::move(parent));
    if (!synced) co_return poison(synced.error(), "directory sync");
    directory_synced_ = true;
  }
  co_return Result<>();
}

runtime::Task<Result<>> PartitionLog::assign_epoch(Epoch epoch) {
  co_await begin_change();
  Result<> good = usable();
  if (good && epochs_.assign(epoch, log_end_)) {
    epochs_unsaved_ = true;
    changed_ = true;
  }
  end_change();
  co_return good;
}

// ---- roll ----

runtime::Task<Result<>> PartitionLog::roll() {
  co_await begin_change();
  Result<> rolled = usable();
  if (rolled) rolled = co_await roll_active(log_end_);
  end_change();
  co_return rolled;
}

runtime::Task<Result<>> PartitionLog::roll_active(Offset base) {
  const std::shared_ptr<Segment> old = segments_.back();
  if (old->base_offset == base) co_return Result<>();  // nothing in it yet
  changed_ = true;  // the new file's name must be flushed, also if nothing is written to it
  CO_TRY(co_await old->indexes(directory_));
  old->finish_time_index();
  if (options_->cleaning.compact && flushed_ < base && !MUTANT("L33-roll")) {
    // A hole before a segment is taken for the cleaner's: a crash must not leave one.
    Result<> kept = co_await old->trim(directory_);
    auto last = co_await old->file(directory_);
    if (kept && !last) kept = std::unexpected(last.error());
    if (kept) kept = co_await (*last)->sync();
    if (kept && !old->entry_synced) kept = co_await environment_.disk.sync_directory(directory_);
    if (!kept) co_return poison(kept.error(), "roll");
  }
  if (!segments_.front()->entry_synced && !MUTANT("L28")) {
    // Nothing but the first segment's name says where the log begins: were it lost and a later one
    // kept, the log would begin there, and have nothing to catch up on.
    const Result<> kept = co_await environment_.disk.sync_directory(directory_);
    if (!kept) co_return poison(kept.error(), "roll");
    for (const auto& segment : segments_) segment->entry_synced = true;
  }
  auto fresh = std::make_shared<Segment>(environment_, base, 0);
  fresh->created_ms = environment_.now_ms();
  fresh->jitter_ms = log::roll_jitter(options_->roll, environment_.random());
  fresh->set_indexes(std::make_shared<SegmentIndexes>(base));
  fresh->max_timestamp.offset = base;
  // The indexes are flushed with the batches, or, if those are flushed already, now: below the
  // recovery point nobody builds them anew, and a time index cut short makes a segment look older.
  const bool last_chance = flushed_ >= base;
  Result<> made =
      co_await old->spill(directory_, last_chance ? Durability::synced : Durability::written);
  if (made) made = co_await old->trim(directory_);
  if (made) made = co_await write_snapshot();
  // The file comes last: one that is left empty when the disk is full would pass for a segment at
  // the next start, and hide what the old one goes on to take.
  if (made) {
    auto file = co_await fresh->file(directory_, runtime::OpenMode::create);
    made = file ? co_await (*file)->truncate(0) : std::unexpected(file.error());
  }
  if (!made) {
    if (runtime::is_no_space(made.error())) co_return made;
    co_return poison(made.error(), "roll");
  }
  old->rolled = true;
  if (!last_chance && flushed_ >= base) {  // a flush beside this took it for the active one
    if (const auto kept = co_await old->sync_indexes(directory_); !kept) {
      co_return poison(kept.error(), "roll");
    }
  }
  old->drop_written_indexes();
  segments_.push_back(std::move(fresh));
  co_return Result<>();
}

runtime::Task<Result<>> PartitionLog::write_snapshot() {
  co_return co_await write_snapshot_of(producers_.entries(), producers_.end_offset());
}

// ---- housekeeping and the end ----

runtime::Task<Result<>> PartitionLog::spill_indexes() {
  co_await begin_change();
  Result<> done = usable();
  spill_due_ = false;
  if (done && changed_) {
    Segment& last = active();
    const bool synced =
        last.size >= environment_.limits.scanned_whole && flushed_ > last.base_offset;
    done = co_await last.spill(directory_, synced ? Durability::synced : Durability::written);
    if (!done && !runtime::is_no_space(done.error())) done = poison(done.error(), "index");
  }
  for (const auto& segment : segments_) {
    if (done && segment->rolled && segment->has_indexes()) {  // made anew: a file was damaged
      done = co_await segment->spill(directory_, Durability::synced);
    }
    if (segment.get() != &active() || !segment->open_file()) segment->drop_written_indexes();
  }
  end_change();
  co_return done;
}

runtime::Task<Result<>> PartitionLog::close() {
  if (closed_) co_return Result<>();
  Result<> done = usable();
  if (done) done = co_await flush();
  co_await begin_change();
  if (done && changed_ && on_disk_) {
    Segment& last = active();
    auto indexes = co_await last.indexes(directory_);
    done = indexes ? Result<>() : std::unexpected(indexes.error());
    if (done) {
      last.finish_time_index();
      done = co_await last.spill(directory_, Durability::synced);
    }
    if (done) done = co_await last.trim(directory_);
    if (done) done = co_await write_snapshot();
    if (done) done = co_await make_durable(true);
    if (!done && !runtime::is_no_space(done.error())) done = poison(done.error(), "close");
  }
  closed_ = true;
  for (const auto& segment : segments_) segment->close_file();
  end_change();
  co_return done;
}

runtime::Task<> PartitionLog::abandon() {
  closed_ = true;  // what is queued is refused from here on
  co_await begin_change();
  while (flushing_) {
    if (!co_await flush_ended_.wait()) break;
  }
  for (const auto& segment : segments_) segment->close_file();
  end_change();
}

}  // namespace cairn::storage
