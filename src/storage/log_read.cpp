// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/record/legacy.hpp>
#include <cairn/record/record.hpp>

#include "log_reader.hpp"
#include "segment_walk.hpp"

namespace cairn::storage {

namespace {

constexpr std::size_t remembered_reads = 4;

/// Whole batches of a buffer that a read may return.
struct Cut {
  std::size_t skip = 0;    // bytes of batches that end below the offset asked for
  std::size_t length = 0;  // of what follows
  Offset next_offset = no_offset;
  std::size_t needed = 0;  // size of the first batch, if it is not whole
  bool at_bound = false;
};

/// A batch of magic 2, or a message of magic 0 or 1: clients read those too, so they are served as
/// they lie there, as Kafka does.
std::optional<std::size_t> stored_size(BytesView front) {
  const auto size = record::batch_size_from_front(front);
  return size ? size : record::legacy_size_from_front(front);
}

/// How far what is about to be served is looked at. What was just written came through validation a
/// moment ago; a rolled segment, or what was there at the start, may have lain on the disk for
/// years.
enum class Scrutiny : std::uint8_t { framing, checksums };

/// Base and next offset of a batch or message that may be served; nothing if it is damaged.
std::optional<std::pair<Offset, Offset>> offsets_of(BytesView stored, Offset from, Offset after,
                                                    Scrutiny scrutiny) {
  const auto batch = record::BatchView::trusted(stored);
  const Offset base = batch.base_offset();
  if (base < after) return std::nullopt;
  if (load_big_endian<std::int8_t>(stored.data() + record::layout::magic) != record::magic_v2) {
    if (!record::legacy_crc_matches(stored)) return std::nullopt;
    return std::pair(base, base + 1);  // a message has the offset of the last in it
  }
  if (batch.last_offset_delta() < 0) return std::nullopt;
  const bool wanted = batch.next_offset() > from;
  if (wanted && scrutiny == Scrutiny::checksums && !batch.crc_matches()) return std::nullopt;
  return std::pair(base, batch.next_offset());
}

/// `base`: of the segment the bytes are from.
Cut cut_batches(BytesView bytes, Offset base, Offset from, Offset bound, Scrutiny scrutiny) {
  Cut cut;
  std::size_t position = 0;
  Offset after = base;
  std::optional<std::size_t> size;
  for (;; position += *size) {
    const BytesView rest = bytes.subspan(position);
    size = stored_size(rest);
    if (!size || *size > rest.size()) break;
    const auto offsets = offsets_of(rest.first(*size), from, after, scrutiny);
    if (!offsets) return cut;
    if (offsets->first >= bound) {
      cut.at_bound = true;
      return cut;
    }
    after = offsets->second;
    if (after <= from) {
      cut.skip = position + *size;
      continue;
    }
    cut.length = position + *size - cut.skip;
    cut.next_offset = after;
  }
  const std::size_t left = bytes.size() - position;
  if (cut.length == 0 && left > 0) {
    cut.needed = left < record::batch_front_size ? record::batch_header_size : size.value_or(0);
  }
  return cut;
}

}  // namespace

const LogReader::Position* LogReader::position_of(Offset offset) const {
  for (const Position& position : log_.recent_reads_) {
    if (position.offset == offset) return &position;
  }
  return nullptr;
}

/// Where a walk for `offset` may begin: at the batch that holds it, or a little before.
runtime::Task<Result<>> LogReader::find_position(Span& span, Offset offset) {
  const Segment& segment = *span.segment;
  if (offset <= segment.base_offset || span.segment == walked_whole_) co_return Result<>();
  if (const Position* recent = position_of(offset);
      recent != nullptr && recent->segment == segment.base_offset && recent->at <= segment.size) {
    span.from = recent->at;
    co_return Result<>();
  }
  CO_TRY(const auto indexes, co_await span.segment->indexes(log_.directory_));
  const log::OffsetPosition entry = indexes->offsets.lookup(offset);
  span.from = entry.position;
  if (entry.position > 0) span.indexed = entry.offset;
  co_return Result<>();
}

/// An index led to no batch, or too far: it is made anew. That of the segment being written is the
/// writer's; this read goes without.
runtime::Task<Result<>> LogReader::distrust_index(std::shared_ptr<Segment> segment) {
  logging::error("an offset index is wrong: file={}",
                 segment->path(log_.directory_, log::FileKind::offset_index));
  walked_whole_ = segment;
  if (segment->rolled) co_return co_await segment->renew_indexes(log_.directory_);
  co_return Result<>();
}

runtime::Task<Result<LogReader::Span>> LogReader::locate(Offset offset, Offset bound,
                                                         ReadBound kind) {
  Span span;
  span.segment = log_.segments_[log_.segment_index(offset)];
  span.bound = bound;
  CO_TRY(co_await find_position(span, offset));
  if (cut_meanwhile()) co_return fail(ErrorCode::offset_not_available, "cut");
  const Segment& active = log_.active();
  const Offset base = span.segment->base_offset;
  const Position& mark = log_.high_watermark_position_;
  span.to = span.segment->size;
  if (kind == ReadBound::log_end || bound == log_.log_end_) {
    span.exact = true;
  } else if (bound == mark.offset) {
    span.exact = mark.segment >= base;
    if (mark.segment == base) span.to = mark.at;
  } else {
    span.exact = base != active.base_offset && bound >= active.base_offset;
  }
  co_return span;
}

void LogReader::remember(Offset next, const Segment& segment, std::uint64_t at) {
  if (position_of(next) != nullptr) return;
  const Position position{next, segment.base_offset, at};
  if (log_.recent_reads_.size() < remembered_reads) {
    log_.recent_reads_.reserve(remembered_reads);
    log_.recent_reads_.push_back(position);
    return;
  }
  log_.recent_reads_[log_.recent_read_] = position;
  log_.recent_read_ = (log_.recent_read_ + 1) % remembered_reads;
}

/// Nothing behind damage is served: who reads there is told, and the log says where it is.
std::unexpected<Error> LogReader::damaged(Segment& segment, std::uint64_t position, Offset offset) {
  if (std::exchange(segment.damage_reported, position) != position) {
    logging::error("damaged, not served: file={} position={} reading offset {}",
                   segment.path(log_.directory_, log::FileKind::segment), position, offset);
  }
  return fail(ErrorCode::corrupt_message, "the segment is damaged");
}

/// True: done. False: this segment holds nothing at or above the offset.
runtime::Task<Result<bool>> LogReader::read_span(const LogRead& request, const Span& span,
                                                 LogSlice& slice) {
  if (span.from >= span.to) co_return false;
  std::shared_ptr<runtime::File> file = span.segment->open_file();
  if (!file) {
    CO_TRY(file, co_await span.segment->file(log_.directory_));
  }
  const Offset bound = span.exact ? Offset(INT64_MAX) : span.bound;
  std::uint64_t from = span.from;
  std::size_t wanted = std::max(request.max_bytes, record::batch_header_size);
  for (;;) {
    wanted = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, span.to - from));
    const BufferPool::Lent buffer = log_.environment_.buffers->lend(wanted);
    CO_TRY(const std::size_t got, co_await file->read_once(from, buffer.bytes));
    if (cut_meanwhile() || span.segment->gone())
      co_return fail(ErrorCode::offset_not_available, "cut");
    const BytesView bytes = BytesView(buffer.bytes).first(got);
    const bool by_index = span.indexed && from == span.from;
    if (by_index && got >= sizeof(std::int64_t) &&
        Offset(load_big_endian<std::int64_t>(bytes.data())) > *span.indexed) {
      co_return fail(ErrorCode::corrupt_message, "the index is wrong");
    }
    const Cut cut =
        cut_batches(bytes, span.segment->base_offset, request.offset, bound,
                    span.segment->rolled || from < span.segment->unproven ? Scrutiny::checksums
                                                                          : Scrutiny::framing);
    if (cut.length > 0) {
      const bool too_large = cut.length > request.max_bytes;
      if (too_large && request.first_batch == FirstBatch::if_it_fits) {
        slice.first_batch_left_out = true;
        co_return true;
      }
      slice.records = protocol::Records(bytes.subspan(cut.skip, cut.length), buffer.owner);
      slice.next_offset = cut.next_offset;
      remember(cut.next_offset, *span.segment, from + cut.skip + cut.length);
      co_return true;
    }
    if (cut.at_bound) co_return true;
    from += cut.skip;
    if (from >= span.to) co_return false;
    if (cut.needed == 0) {
      if (cut.skip == 0 && by_index) {
        co_return fail(ErrorCode::corrupt_message, "the index is wrong, or the segment is damaged");
      }
      if (cut.skip == 0) co_return damaged(*span.segment, from, request.offset);
      wanted = std::max(request.max_bytes, record::batch_header_size);
      continue;
    }
    if (cut.needed > span.to - from && by_index) {
      co_return fail(ErrorCode::corrupt_message, "the index is wrong, or the segment is damaged");
    }
    if (cut.needed > span.to - from) {
      co_return damaged(*span.segment, from, request.offset);
    }
    if (cut.needed > request.max_bytes && request.first_batch == FirstBatch::if_it_fits) {
      slice.first_batch_left_out = true;
      co_return true;
    }
    wanted = std::max(request.max_bytes, cut.needed);
  }
}

runtime::Task<Result<LogSlice>> LogReader::read(const LogRead& request) {
  for (;;) {
    CO_TRY(log_.usable());
    generation_ = log_.generation_;
    LogSlice slice;
    slice.next_offset = request.offset;
    slice.log_start = log_.log_start_;
    slice.log_end = log_.log_end_;
    slice.high_watermark = log_.high_watermark_;
    slice.last_stable = log_.last_stable();
    if (request.offset < slice.log_start || request.offset > slice.log_end) {
      co_return fail(ErrorCode::offset_out_of_range, "the offset lies outside the log");
    }
    const Offset bound = log_.bound_of(request.bound);
    Offset offset = request.offset;
    bool again = false;
    while (offset < bound) {
      auto span = co_await locate(offset, bound, request.bound);
      Result<bool> done = false;
      if (span) {
        done = co_await read_span(request, *span, slice);
      } else {
        done = std::unexpected(span.error());
      }
      // Cut, or retention or the cleaner took the segment: look again at what there is then.
      again = cut_meanwhile() || (span ? span->segment->gone() : look_again(span.error()));
      if (again) break;
      if (!done && span && span->indexed && walked_whole_ != span->segment &&
          done.error().code == ErrorCode::corrupt_message) {
        CO_TRY(co_await distrust_index(span->segment));
        again = true;
        break;
      }
      if (!done) {
        co_return log_.failed_read(done.error());
      }
      if (*done) break;
      const std::size_t next = log_.segment_index(offset) + 1;
      if (next >= log_.segments_.size()) break;
      offset = log_.segments_[next]->base_offset;  // the rest of the segment was a gap
    }
    if (!again) co_return slice;
    co_await await_change();
  }
}

runtime::Task<> LogReader::await_change() {
  co_await log_.begin_change();
  log_.end_change();
}

runtime::Task<Result<LogSlice>> PartitionLog::read(LogRead request) {
  LogReader reader(*this);
  co_return co_await reader.read(request);
}

std::uint64_t PartitionLog::bytes_available(Offset offset, ReadBound bound) const {
  if (offset >= bound_of(bound)) return 0;
  std::uint64_t from = 0;
  const Segment& segment = *segments_[segment_index(offset)];
  for (const Position& position : recent_reads_) {
    if (position.offset == offset && position.segment == segment.base_offset) from = position.at;
  }
  std::uint64_t bytes = segment.size - std::min(from, segment.size);
  if (&segment != &active()) bytes += active().size;
  return std::max<std::uint64_t>(bytes, 1);
}

/// A broken disk ends the log; a file that retention has just renamed does not.
std::unexpected<Error> PartitionLog::failed_read(const Error& error) {
  if (error.code == ErrorCode::kafka_storage_error && !runtime::is_not_found(error)) {
    return poison(error, "read");
  }
  return std::unexpected(error);
}

// ---- by time ----

runtime::Task<Result<std::optional<TimestampHit>>> LogReader::search(
    std::shared_ptr<Segment> segment, std::int64_t timestamp, Offset bound) {
  CO_TRY(const auto indexes, co_await segment->indexes(log_.directory_));
  const log::TimestampOffset near = indexes->times.lookup(timestamp);
  const std::uint64_t from = indexes->offsets.lookup(near.offset).position;
  CO_TRY(auto file, co_await segment->file(log_.directory_));
  SegmentWalk walk(log_.environment_, std::move(file), from, segment->size);
  bool more = true;
  while (more) {
    while (const auto batch = walk.next()) {
      if (batch->base_offset() >= bound) co_return std::nullopt;
      if (batch->max_timestamp() < timestamp || batch->next_offset() <= log_.log_start_) continue;
      CO_TRY(record::RecordReader records, record::RecordReader::open(*batch));
      while (const auto record = records.next()) {
        if (record->timestamp >= timestamp && record->offset >= log_.log_start_) {
          if (record->offset >= bound) co_return std::nullopt;
          co_return TimestampHit{record->timestamp, record->offset, batch->leader_epoch()};
        }
      }
    }
    CO_TRY(more, co_await walk.fill());
  }
  co_return std::nullopt;
}

runtime::Task<Result<std::optional<TimestampHit>>> LogReader::first_at(std::int64_t timestamp,
                                                                       Offset bound) {
  const std::vector<std::shared_ptr<Segment>> segments = log_.segments_;
  for (const auto& segment : segments) {
    if (segment->base_offset >= bound && segment->base_offset > log_.log_start_) break;
    if (segment->gone()) co_return fail(ErrorCode::offset_not_available, "deleted or replaced");
    const auto largest = co_await segment->largest_timestamp(log_.directory_);
    if (largest && (largest->timestamp < timestamp || segment->size == 0)) continue;
    auto hit = co_await search(segment, timestamp, bound);
    if (!hit || *hit) co_return hit;
  }
  co_return std::nullopt;
}

runtime::Task<Result<std::optional<TimestampHit>>> LogReader::at_max_timestamp() {
  const std::vector<std::shared_ptr<Segment>> segments = log_.segments_;
  std::shared_ptr<Segment> latest;
  std::int64_t timestamp = no_timestamp;
  for (const auto& segment : segments) {
    CO_TRY(const auto largest, co_await segment->largest_timestamp(log_.directory_));
    if (largest.timestamp > timestamp) {
      timestamp = largest.timestamp;
      latest = segment;
    }
  }
  if (!latest) co_return std::nullopt;
  co_return co_await search(latest, timestamp, log_.log_end_);
}

runtime::Task<Result<std::optional<TimestampHit>>> PartitionLog::offset_for_timestamp(
    std::int64_t timestamp, ReadBound bound) {
  for (;;) {
    CO_TRY(usable());
    LogReader reader(*this);
    auto hit = co_await reader.first_at(timestamp, bound_of(bound));
    if (hit) co_return hit;
    if (!LogReader::look_again(hit.error())) co_return failed_read(hit.error());
    co_await reader.await_change();
  }
}

runtime::Task<Result<std::optional<TimestampHit>>> PartitionLog::offset_of_max_timestamp() {
  for (;;) {
    CO_TRY(usable());
    LogReader reader(*this);
    auto hit = co_await reader.at_max_timestamp();
    if (hit) co_return hit;
    if (!LogReader::look_again(hit.error())) co_return failed_read(hit.error());
    co_await reader.await_change();
  }
}

// ---- aborted transactions ----

runtime::Task<Result<std::vector<log::AbortedTransaction>>> LogReader::aborted(Offset from,
                                                                               Offset upper_bound) {
  std::vector<log::AbortedTransaction> all;
  const std::vector<std::shared_ptr<Segment>> segments = log_.segments_;
  for (std::size_t i = log_.segment_index(from); i < segments.size(); ++i) {
    const Segment& segment = *segments[i];
    const SegmentIndexes* in_memory = segment.indexes_in_memory();
    if (!segment.has_transaction_index && (!in_memory || in_memory->aborted.empty())) continue;
    CO_TRY(auto indexes, co_await segments[i]->indexes(log_.directory_));
    if (segment.transactions_lost) {
      CO_TRY(co_await log_.rebuild_aborted(segments[i]));
      CO_TRY(indexes, co_await segments[i]->indexes(log_.directory_));
    }
    const auto found = log::collect_aborted(indexes->aborted, from, upper_bound);
    all.insert(all.end(), found.transactions.begin(), found.transactions.end());
    if (found.complete) break;
  }
  std::ranges::sort(all, {}, [](const log::AbortedTransaction& transaction) {
    return std::pair(transaction.first_offset, transaction.last_offset);
  });
  co_return all;
}

runtime::Task<Result<std::vector<log::AbortedTransaction>>> PartitionLog::aborted_transactions(
    Offset from, Offset upper_bound) {
  for (;;) {
    CO_TRY(usable());
    LogReader reader(*this);
    auto all = co_await reader.aborted(from, upper_bound);
    if (all) co_return all;
    if (!LogReader::look_again(all.error())) co_return failed_read(all.error());
    co_await reader.await_change();
  }
}

}  // namespace cairn::storage
