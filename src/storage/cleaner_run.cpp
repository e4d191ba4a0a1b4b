// SPDX-License-Identifier: Apache-2.0
#include "cleaner_run.hpp"

#include <algorithm>

#include "segment_walk.hpp"

namespace cairn::storage {

namespace {

constexpr const char interrupted_reason[] = "the log changed while it was cleaned";
constexpr const char damaged_reason[] = "a segment does not end with a whole batch";

/// Memory for the map: what is allowed, but no more than the dirty part can have keys (two bytes
/// each, when they compress well). It is touched only as far as keys come.
std::size_t map_bytes(const CleanerOptions& options, std::int64_t dirty_bytes) {
  const auto threads = static_cast<std::size_t>(std::max(options.threads, 1));
  const std::size_t keys = static_cast<std::size_t>(dirty_bytes) / 2 + 1'024;
  constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();  // as Kafka's
  return std::min({options.dedupe_buffer_size / threads, keys * log::OffsetMap::slot_size, most});
}

}  // namespace

bool is_cleaning_interrupted(const Error& error) { return error.why == interrupted_reason; }

runtime::Task<Result<log::CleaningRange>> cleaning_range_of(std::shared_ptr<PartitionLog> log) {
  auto range = co_await CleaningRun::range_of(*log);
  co_return range;
}

runtime::Task<Result<CleaningReport>> clean_log(Environment& environment,
                                                std::shared_ptr<PartitionLog> log,
                                                const CleanerOptions& options,
                                                IoThrottle& throttle) {
  CO_TRY(const log::CleaningRange range, co_await cleaning_range_of(log));
  CleaningRun run(environment, log, options, throttle);
  co_return co_await run.run(range);
}

CleaningRun::CleaningRun(Environment& environment, std::shared_ptr<PartitionLog> log,
                         const CleanerOptions& options, IoThrottle& throttle)
    : environment_(environment),
      log_(std::move(log)),
      options_(options),
      throttle_(throttle),
      directory_(log_->directory()),
      generation_(log_->generation()) {}

runtime::Task<Result<log::CleaningRange>> CleaningRun::range_of(PartitionLog& log) {
  const log::CleaningPolicy policy = log.options().cleaning;
  const Segments segments = log.segments_;
  const std::string directory = log.directory_;
  std::vector<log::CleanableSegment> all;
  for (const auto& segment : segments) {
    log::CleanableSegment each{.base_offset = segment->base_offset,
                               .size = static_cast<std::int64_t>(segment->size)};
    if (policy.needs_largest_timestamps() && segment->rolled && segment->size > 0) {
      CO_TRY(each.largest_timestamp, co_await segment->age_timestamp(directory));
    }
    if (policy.needs_first_timestamps() && segment->rolled) {
      CO_TRY(const auto first, co_await segment->first_batch_timestamp(directory));
      each.first_timestamp = first.value_or(no_timestamp);
    }
    all.push_back(each);
  }
  co_return log::cleaning_range({.segments = all,
                                 .checkpoint = log.clean_point_,
                                 .log_start = log.log_start_,
                                 .log_end = log.log_end_,
                                 .high_watermark = log.high_watermark_,
                                 .flushed = log.flushed_,
                                 .last_stable = log.last_stable()},
                                policy, log.environment_.now_ms());
}

Result<> CleaningRun::check_unchanged() const {
  if (!log_->usable() || log_->generation() != generation_ || !log_->options().cleaning.compact) {
    return fail(ErrorCode::operation_not_attempted, interrupted_reason);
  }
  return {};
}

runtime::Task<Result<>> CleaningRun::breathe(std::size_t bytes) {
  const bool going = co_await throttle_.take(bytes);
  if (!going) co_return fail(ErrorCode::operation_not_attempted, interrupted_reason);
  co_return check_unchanged();
}

runtime::Task<Result<CleaningReport>> CleaningRun::run(log::CleaningRange range) {
  const Instant began = environment_.clock.now();
  for (const auto& segment : log_->segments_) {
    if (segment->base_offset < range.first_uncleanable) segments_.push_back(segment);
  }
  report_.from = report_.to = range.first_dirty;
  Result<> done = check_unchanged();
  if (done && range.first_dirty < range.first_uncleanable) {
    done = co_await collect_keys(range);
    if (done) done = co_await clean_groups(range);
    if (done) log_->clean_point_ = report_.to;
  }
  report_.took = environment_.clock.now() - began;
  if (done) co_return report_;
  // What fails after the log has changed or closed says nothing of it.
  if (const Result<> same = check_unchanged(); !same) co_return std::unexpected(same.error());
  if (done.error().code == ErrorCode::offset_not_available) {
    co_return fail(ErrorCode::operation_not_attempted, interrupted_reason);
  }
  const bool broken =
      done.error().code == ErrorCode::kafka_storage_error && !runtime::is_no_space(done.error());
  if (broken) co_return log_->poison(done.error(), "cleaning");
  co_return std::unexpected(done.error());
}

// ---- the keys of the dirty part ----

runtime::Task<Result<>> CleaningRun::collect_keys(log::CleaningRange range) {
  const log::OffsetMap::HashKey key{environment_.random(), environment_.random()};
  map_ = std::make_unique<log::OffsetMap>(map_bytes(options_, range.cleanable_bytes),
                                          options_.load_factor, key);
  CO_TRY(const auto aborted,
         co_await log_->aborted_transactions(range.first_dirty, range.first_uncleanable));
  log::KeyCollector keys(*map_, range.first_dirty, aborted);
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const std::shared_ptr<Segment> segment = segments_[i];
    const Offset end =
        i + 1 < segments_.size() ? segments_[i + 1]->base_offset : range.first_uncleanable;
    if (end <= range.first_dirty) continue;
    std::uint64_t position = 0;
    if (segment->base_offset < range.first_dirty) {
      CO_TRY(const auto indexes, co_await segment->indexes(directory_));
      position = indexes->offsets.lookup(range.first_dirty).position;
    }
    CO_TRY(const bool room, co_await collect_segment(segment, position, keys));
    if (!room) break;
    keys.reach(end);
  }
  report_.to = keys.end();
  report_.map_utilization = map_->utilization();
  co_return Result<>();
}

/// False: the map is full.
runtime::Task<Result<bool>> CleaningRun::collect_segment(std::shared_ptr<Segment> segment,
                                                         std::uint64_t position,
                                                         log::KeyCollector& keys) {
  CO_TRY(auto file, co_await segment->file(directory_));
  SegmentWalk walk(environment_, std::move(file), position, segment->size);
  bool more = true;
  while (more) {
    const std::uint64_t before = walk.position();
    while (const auto batch = walk.next()) {
      CO_TRY(const bool room, keys.take(*batch));
      if (!room) co_return false;
    }
    report_.bytes_mapped += walk.position() - before;
    CO_TRY(co_await breathe(walk.position() - before));
    CO_TRY(more, co_await walk.fill());
  }
  if (walk.position() != segment->size) {
    co_return fail(ErrorCode::corrupt_message, damaged_reason);
  }
  co_return true;
}

// ---- the copies ----

runtime::Task<Result<>> CleaningRun::clean_groups(log::CleaningRange range) {
  std::vector<log::CleanableSegment> sizes;
  for (const auto& segment : segments_) {
    if (segment->base_offset >= report_.to) break;
    sizes.push_back({segment->base_offset, static_cast<std::int64_t>(segment->size)});
  }
  const Offset end = sizes.size() < segments_.size() ? segments_[sizes.size()]->base_offset
                                                     : range.first_uncleanable;
  const LogOptions& log_options = log_->options();
  const auto groups =
      log::group_segments(sizes, end,
                          {.segment_bytes = log_options.roll.segment_bytes,
                           .segment_index_bytes = log_options.roll.segment_index_bytes,
                           .index_interval_bytes = log_options.index_interval_bytes});
  log::BatchFilter filter(*map_,
                          {.clean_end = report_.to,
                           .first_uncleanable = range.first_uncleanable,
                           .now_ms = environment_.now_ms(),
                           .delete_retention_ms = log_options.cleaning.delete_retention_ms},
                          transactions_);
  CO_TRY(auto producers, co_await last_of_producers(range.first_uncleanable));
  filter.set_producers(std::move(producers));
  report_.segments_before = sizes.size();
  report_.segments_after = groups.size();
  std::size_t first = 0;
  for (const std::size_t count : groups) {
    const auto from = segments_.begin() + static_cast<std::ptrdiff_t>(first);
    Segments group(from, from + static_cast<std::ptrdiff_t>(count));
    first += count;
    const Offset group_end = first < sizes.size() ? sizes[first].base_offset : end;
    CO_TRY(co_await clean_group(std::move(group), group_end, filter));
  }
  report_.counts = filter.counts();
  co_return Result<>();
}

runtime::Task<Result<>> CleaningRun::clean_group(Segments group, Offset end,
                                                 log::BatchFilter& filter) {
  std::uint64_t bytes = 0;
  for (const auto& segment : group) bytes += segment->size;
  const bool room = co_await log_->health().has_room(environment_.disk, bytes);
  if (!room) co_return fail(ErrorCode::kafka_storage_error, runtime::no_space_reason);
  CleanedSegment cleaned(environment_, directory_, group.front()->base_offset);
  changed_ = group.size() > 1;
  Result<> done = co_await copy_group(group, end, filter, cleaned);
  if (done && changed_) {
    done = co_await swap_in(group, cleaned);
    if (done) co_return done;
  }
  // A .cleaned file that stayed would void the swaps of others behind it at a restart.
  if (log_->usable()) co_await cleaned.discard();
  co_return done;
}

runtime::Task<Result<>> CleaningRun::copy_group(const Segments& group, Offset end,
                                                log::BatchFilter& filter, CleanedSegment& cleaned) {
  CO_TRY(co_await cleaned.create());
  for (std::size_t i = 0; i < group.size(); ++i) {
    const Offset next = i + 1 < group.size() ? group[i + 1]->base_offset : end;
    CO_TRY(const auto aborted, co_await log_->aborted_transactions(group[i]->base_offset, next));
    transactions_.add_aborted(aborted);
    CO_TRY(co_await copy_segment(group[i], filter, cleaned));
  }
  std::vector<log::AbortedTransaction> kept = transactions_.take_kept();
  if (!changed_) co_return Result<>();
  std::string name = group.back()->path(directory_, log::FileKind::segment);
  CO_TRY(const runtime::FileStatus status, co_await environment_.disk.stat(std::move(name)));
  CO_TRY(co_await cleaned.finish(std::move(kept), status.modified));
  co_return check_unchanged();
}

runtime::Task<Result<>> CleaningRun::copy_segment(std::shared_ptr<Segment> segment,
                                                  log::BatchFilter& filter,
                                                  CleanedSegment& cleaned) {
  const std::uint32_t interval = log_->options().index_interval_bytes;
  const std::size_t write_bytes = std::max<std::size_t>(
      options_.io_buffer_size / 2 / static_cast<std::size_t>(std::max(options_.threads, 1)), 4'096);
  CO_TRY(auto file, co_await segment->file(directory_));
  SegmentWalk walk(environment_, std::move(file), 0, segment->size);
  bool more = true;
  while (more) {
    const std::uint64_t before = walk.position();
    std::size_t written = 0;
    while (const auto batch = walk.next()) {
      const std::size_t from = cleaned.buffer().size();
      CO_TRY(const auto fate, filter.clean(*batch, cleaned.buffer()));
      changed_ = changed_ || fate != log::BatchFilter::Fate::copied;
      CO_TRY(cleaned.note_added(from, interval));
      if (cleaned.buffer().size() >= write_bytes) {
        written += cleaned.buffer().size();
        CO_TRY(co_await cleaned.write_out());
      }
    }
    CO_TRY(co_await breathe(walk.position() - before + written));
    CO_TRY(more, co_await walk.fill());
  }
  if (walk.position() != segment->size) {
    co_return fail(ErrorCode::corrupt_message, damaged_reason);
  }
  co_return Result<>();
}

/// As of where the cleaning ends, and not later: what comes behind may yet be cut off.
runtime::Task<Result<log::LastOfProducers>> CleaningRun::last_of_producers(Offset end) {
  CO_TRY(const auto entries, co_await log_->settle_producers(end));
  log::LastOfProducers last;
  for (const log::ProducerEntry& entry : entries) {
    if (!log_->producers().entry(entry.id)) continue;  // expired since
    last[entry.id] = {.last_data_offset = entry.last_offset(), .epoch = entry.epoch};
  }
  co_return last;
}

}  // namespace cairn::storage
