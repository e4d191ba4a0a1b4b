// SPDX-License-Identifier: Apache-2.0
// The way in: validate, wait for the writer's turn, admit (offsets, epochs, producers), write all
// that waits in one go, then tell everyone. Whoever gets the turn writes for those behind it.
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>

#include "pending_append.hpp"
#include "segment.hpp"

namespace cairn::storage {

namespace {

constexpr std::uint64_t first_allocation = std::uint64_t{16} << 10;
constexpr std::uint64_t largest_allocation = std::uint64_t{32} << 20;

}  // namespace

// ---- validation, before the turn ----

runtime::Task<Result<Appended>> PartitionLog::append_as_leader(LeaderAppend append) {
  PendingAppend pending;
  pending.origin = append.origin;
  pending.bytes = append.batches;
  pending.leader_epoch = append.leader_epoch;
  CO_TRY(usable());
  if (append.origin == record::Origin::client) {
    record::ProduceRules rules = options_->rules;
    rules.produce_version = append.produce_version;
    rules.now_ms = environment_.now_ms();
    CO_TRY(const record::Produced produced,
           record::validate_produced(append.batches, rules, append.errors));
    const bool log_append_time = rules.timestamp_type == record::TimestampType::log_append_time;
    if (produced.recompress) {
      const auto limit = record::DecompressionLimit::for_topic(rules.max_message_bytes);
      CO_TRY(pending.recompressed, record::recompress(produced.batch, *rules.stored_codec,
                                                      options_->compression_level, limit));
      pending.bytes = pending.recompressed;
    }
    if (produced.restamp) {
      record::stamp_max_timestamp(pending.bytes, rules.timestamp_type, produced.max_timestamp);
    }
    pending.offsets = std::int64_t{produced.batch.last_offset_delta()} + 1;
    pending.max_timestamp = produced.max_timestamp;
    if (log_append_time) pending.append_time = produced.max_timestamp;
  } else {
    record::BatchIterator batches(append.batches);
    while (const auto batch = batches.next()) {
      pending.offsets += std::int64_t{batch->last_offset_delta()} + 1;
      pending.max_timestamp = std::max(pending.max_timestamp, batch->max_timestamp());
    }
    CO_TRY(batches.status());
  }
  co_return co_await enqueue(pending);
}

runtime::Task<Result<Appended>> PartitionLog::append_as_follower(BytesView batches) {
  PendingAppend pending;
  pending.kind = PendingAppend::Kind::follower;
  pending.origin = record::Origin::coordinator;
  pending.follower_bytes = batches;
  CO_TRY(usable());
  record::BatchIterator all(batches, record::BatchIterator::Check::crc);
  Offset first = no_offset, next = no_offset;
  while (const auto batch = all.next()) {
    if (first == no_offset) first = batch->base_offset();
    if (batch->base_offset() < next || batch->last_offset_delta() < 0) {
      co_return fail(ErrorCode::corrupt_message, "offsets of replicated batches do not rise");
    }
    next = batch->next_offset();
    pending.max_timestamp = std::max(pending.max_timestamp, batch->max_timestamp());
  }
  CO_TRY(all.status());
  if (first == no_offset) co_return Appended{.log_start = log_start_};
  pending.offsets = next - first;
  co_return co_await enqueue(pending);
}

// ---- the turn ----

runtime::Task<> PartitionLog::begin_change() {
  if (!changing_ || MUTANT("L32")) {
    changing_ = true;
    co_return;
  }
  runtime::Waiter waiter;
  changes_.push_back(&waiter);
  co_await waiter.suspend(runtime::Cancellation::ignored);  // whoever ends hands the turn over
}

void PartitionLog::end_change() {
  if (!changes_.empty()) {
    runtime::Waiter* next = changes_.front();
    changes_.erase(changes_.begin());
    next->wake(runtime::Wake::woken);
  } else if (!queue_.empty()) {
    queue_.front()->waiter->wake(runtime::Wake::woken);
  } else {
    changing_ = false;
  }
}

runtime::Task<Result<Appended>> PartitionLog::enqueue(PendingAppend& append) {
  runtime::Waiter waiter;
  append.waiter = &waiter;
  queue_.push_back(&append);
  if (changing_) {
    co_await waiter.suspend(runtime::Cancellation::ignored);
    if (append.done) co_return std::move(append.result);
  }
  // This one has the turn: it writes for all that wait.
  changing_ = true;
  const std::vector<PendingAppend*> pending = std::exchange(queue_, {});
  co_await write_pending(pending);
  for (PendingAppend* written : pending) {
    written->done = true;
    if (written != &append) written->waiter->wake(runtime::Wake::woken);
  }
  end_change();
  co_return std::move(append.result);
}

runtime::Task<> PartitionLog::write_pending(std::vector<PendingAppend*> pending) {
  Run run;
  run.next_offset = log_end_;
  for (PendingAppend* append : pending) {
    if (const auto good = usable(); !good) {
      append->result = std::unexpected(good.error());
      continue;
    }
    if (!fits(*append, run)) {
      const Result<> made = co_await make_fit(*append, run);
      if (!made) {
        append->result = runtime::is_no_space(made.error()) ? std::unexpected(made.error())
                                                            : poison(made.error(), "append");
        continue;
      }
    }
    Result<> admitted = check_admission(*append, run);
    if (append->done && append->result->last_offset >= log_end_) {
      // It repeats what this run has yet to write, and shares its fate.
      append->done = false;
      co_await write_run(run);
      admitted = check_admission(*append, run);
      if (admitted && !append->done) {
        admitted = fail(ErrorCode::kafka_storage_error, runtime::no_space_reason);
      }
    }
    if (!admitted) {
      append->result = std::unexpected(admitted.error());
    } else if (!append->done) {
      admit(*append, run);
    }
  }
  co_await write_run(run);
}

// ---- room: the right segment, and space in it ----

bool PartitionLog::roll_is_due(const PendingAppend& append, const Run& run) const {
  const Segment& segment = active();
  log::ActiveSegment state{.base_offset = segment.base_offset,
                           .size = static_cast<std::int64_t>(segment.size + run.bytes),
                           .created_ms = segment.created_ms,
                           .first_timestamp = segment.first_timestamp,
                           .jitter_ms = segment.jitter_ms};
  if (const SegmentIndexes* indexes = segment.indexes_in_memory()) {
    state.offset_index_entries = indexes->offsets.entries();
    state.time_index_entries = indexes->times.entries();
  }
  const log::Incoming incoming{.bytes = static_cast<std::int64_t>(append.view().size()),
                               .max_timestamp = append.max_timestamp,
                               .max_offset = run.next_offset + (append.offsets - 1)};
  return log::should_roll(state, incoming, options_->roll, environment_.now_ms()) !=
         log::RollReason::none;
}

bool PartitionLog::fits(const PendingAppend& append, const Run& run) const {
  const Segment& segment = active();
  return segment.has_indexes() && (segment.size == 0 || segment.first_timestamp) &&
         !roll_is_due(append, run) &&
         segment.size + run.bytes + append.view().size() <= segment.allocated;
}

runtime::Task<Result<>> PartitionLog::make_fit(const PendingAppend& append, Run& run) {
  if (!on_disk_) {
    CO_TRY(co_await make_files());
  }
  CO_TRY(co_await active().indexes(directory_));
  CO_TRY(co_await active().first_batch_timestamp(directory_));
  if (roll_is_due(append, run)) {
    co_await write_run(run);
    CO_TRY(usable());
    CO_TRY(co_await roll_active(log_end_));
  }
  co_return co_await make_room(active().size + run.bytes + append.view().size(), append.origin);
}

runtime::Task<Result<>> PartitionLog::make_room(std::uint64_t end, record::Origin origin) {
  Segment& segment = active();
  if (end <= segment.allocated) co_return Result<>();
  // Steps grow with the segment: a partition with little in it holds little.
  const std::uint64_t step = std::clamp(segment.size, first_allocation, largest_allocation);
  const auto most = static_cast<std::uint64_t>(options_->roll.segment_bytes);
  std::uint64_t goal = options_->preallocate ? most : std::min(segment.size + step, most);
  goal = std::max(goal, end);
  if (origin == record::Origin::client) {
    const bool room = co_await health_->has_room(environment_.disk, goal - segment.allocated);
    if (!room) {
      co_return fail(ErrorCode::kafka_storage_error, runtime::no_space_reason);
    }
  }
  CO_TRY(auto file, co_await segment.file(directory_));
  Result<> allocated = co_await file->allocate(segment.allocated, goal - segment.allocated);
  if (!allocated && runtime::is_no_space(allocated.error()) && goal > end) {
    goal = end;  // what is needed may still fit
    allocated = co_await file->allocate(segment.allocated, goal - segment.allocated);
  }
  if (!allocated) {
    if (runtime::is_no_space(allocated.error())) co_return std::unexpected(allocated.error());
    co_return poison(allocated.error(), "allocate");
  }
  segment.allocated = goal;
  co_return Result<>();
}

// ---- admission: what the batch becomes; nothing is on disk yet ----

Result<> PartitionLog::check_admission(PendingAppend& append, const Run& run) const {
  if (append.kind == PendingAppend::Kind::follower) {
    const auto first = record::BatchView::parse(append.view());
    if (!first || first->base_offset() < run.next_offset) {
      return fail(ErrorCode::corrupt_message, "a replicated batch lies below the log's end");
    }
    return {};
  }
  // It waited for its turn while this leader got a newer epoch.
  if (const auto latest = epochs_.latest(); latest && append.leader_epoch < latest->epoch) {
    return fail(ErrorCode::not_leader_or_follower, "the leader epoch has passed");
  }
  if (append.origin != record::Origin::client) return {};
  const auto batch = record::BatchView::trusted(append.bytes);
  TRY(const auto duplicate, producers_.check(batch));
  if (duplicate) {
    append.done = true;
    append.result = Appended{
        .first_offset = duplicate->first_offset,
        .last_offset = duplicate->last_offset,
        .log_append_time = append.append_time == no_timestamp ? no_timestamp : duplicate->timestamp,
        .max_timestamp = duplicate->timestamp,
        .log_start = log_start_,
        .duplicate = true};
  }
  return {};
}

void PartitionLog::admit(PendingAppend& append, Run& run) {
  Appended appended{.log_append_time = append.append_time,
                    .max_timestamp = append.max_timestamp,
                    .log_start = log_start_};
  const bool leading = append.kind == PendingAppend::Kind::leader;
  record::BatchIterator batches(append.view());
  std::size_t at = 0;
  while (auto batch = batches.next()) {
    if (leading) {
      const MutableBytes header = append.bytes.subspan(at, record::batch_header_size);
      record::stamp_base_offset(header, run.next_offset);
      record::stamp_leader_epoch(header, append.leader_epoch);
    }
    at = batches.position();
    if (appended.first_offset == no_offset) appended.first_offset = batch->base_offset();
    if (batch->leader_epoch() > no_epoch &&
        epochs_.assign(batch->leader_epoch(), batch->base_offset())) {
      epochs_unsaved_ = true;
    }
    if (const auto completed = producers_.apply(*batch); completed && completed->aborted) {
      run.aborted.push_back({completed->producer_id, completed->first_offset,
                             completed->last_offset, producers_.last_stable_offset(*completed)});
    }
    run.next_offset = batch->next_offset();
  }
  appended.last_offset = run.next_offset - 1;
  append.result = appended;
  run.parts.push_back(append.view());
  run.appends.push_back(&append);
  run.bytes += append.view().size();
}

// ---- the write ----

runtime::Task<> PartitionLog::write_run(Run& run) {
  if (run.parts.empty()) co_return;
  Segment& segment = active();
  std::shared_ptr<runtime::File> file = segment.open_file();
  Result<> written;
  if (!file) {
    auto opened = co_await segment.file(directory_);
    if (opened) {
      file = std::move(*opened);
    } else {
      written = std::unexpected(opened.error());
    }
  }
  if (written) written = co_await file->write_at(segment.size, run.parts);
  if (!written) {
    co_await undo_run(run, written.error());
    co_return;
  }
  changed_ = spill_due_ = true;
  std::uint64_t position = segment.size;
  for (const BytesView part : run.parts) {
    record::BatchIterator batches(part);
    while (const auto batch = batches.next()) {
      segment.note_batch(*batch, position, options_->index_interval_bytes);
      position += batch->size();
    }
  }
  for (const auto& transaction : run.aborted) segment.note_aborted(transaction);
  segment.size = position;
  log_end_ = run.next_offset;
  run.restart(log_end_);
}

runtime::Task<> PartitionLog::undo_run(Run& run, Error error) {
  for (PendingAppend* append : run.appends) append->result = std::unexpected(error);
  run.restart(log_end_);
  if (!runtime::is_no_space(error)) {
    poison(error, "append");
    co_return;
  }
  // The file system could not allocate beforehand, and a part may have been written: cut it off and
  // take back what was admitted.
  logging::warn("no space left: partition={} an append of clients was refused", partition_);
  auto file = co_await active().file(directory_);
  if (!file) {
    poison(file.error(), "open");
    co_return;
  }
  Result<> cut;
  if (!MUTANT("L27-end")) cut = co_await (*file)->truncate(active().size);
  active().allocated = active().size;
  if (cut) cut = co_await rebuild_producers(log_end_);
  if (!cut) poison(cut.error(), "undo of an append");
  if (epochs_.truncate_from_end(log_end_ + 1)) epochs_unsaved_ = true;
}

}  // namespace cairn::storage
