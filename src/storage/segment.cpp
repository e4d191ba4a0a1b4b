// SPDX-License-Identifier: Apache-2.0
#include "segment.hpp"

#include <cairn/base/assert.hpp>
#include <cairn/base/log.hpp>

#include "segment_walk.hpp"

namespace cairn::storage {

using log::FileKind;

namespace {

constexpr std::uint32_t default_index_interval = 4096;

/// The files of that name may be another's by now: look for the segment anew.
std::unexpected<Error> replaced() {
  return fail(ErrorCode::offset_not_available, "the segment was deleted or replaced");
}

}  // namespace

runtime::Task<Result<std::shared_ptr<runtime::File>>> Segment::file(const std::string& directory,
                                                                    runtime::OpenMode mode) {
  if (auto open = open_file()) co_return open;
  std::string name = path(directory, FileKind::segment);
  auto opened =
      co_await environment_.open_files.open(slot_, environment_.disk, std::move(name), mode);
  if (gone()) co_return replaced();
  co_return opened;
}

runtime::Task<Result<std::shared_ptr<SegmentIndexes>>> Segment::indexes(
    const std::string& directory) {
  if (indexes_) co_return indexes_;
  auto read = co_await read_indexes(directory);
  if (gone()) co_return replaced();
  if (!read && !indexes_) {
    logging::info("rebuilding the indexes of {}: {}", path(directory, FileKind::segment),
                  read.error().why);
    read = co_await rebuild_indexes(directory);
  }
  if (gone()) co_return replaced();
  if (indexes_) co_return indexes_;  // another task was quicker
  CO_TRY(indexes_, std::move(read));
  if (!max_timestamp_known) {
    max_timestamp = indexes_->times.last();
    max_timestamp_known = true;
  }
  co_return indexes_;
}

runtime::Task<Result<std::shared_ptr<SegmentIndexes>>> Segment::read_indexes(
    std::string directory) {
  auto fresh = std::make_shared<SegmentIndexes>(base_offset);
  if (size == 0) co_return fresh;
  std::string name = path(directory, FileKind::offset_index);
  CO_TRY(const Bytes offsets, co_await runtime::read_file(environment_.disk, std::move(name)));
  name = path(directory, FileKind::time_index);
  CO_TRY(const Bytes times, co_await runtime::read_file(environment_.disk, std::move(name)));
  CO_TRY(fresh->offsets, log::OffsetIndex::decode(base_offset, offsets));
  CO_TRY(fresh->times, log::TimeIndex::decode(base_offset, times));
  if (const auto last = fresh->offsets.last(); last && last->position >= size && !MUTANT("L30")) {
    co_return fail(ErrorCode::corrupt_message, "the offset index points behind the segment");
  }
  if (fresh->times.entries() == 0) {
    co_return fail(ErrorCode::corrupt_message, "the time index is empty");
  }
  if (has_transaction_index) {
    name = path(directory, FileKind::transaction_index);
    CO_TRY(const Bytes aborted, co_await runtime::read_file(environment_.disk, std::move(name)));
    CO_TRY(fresh->aborted, log::decode_transaction_index(aborted, base_offset));
  }
  fresh->offsets_written = fresh->offsets.entries();
  fresh->times_written = fresh->times.entries();
  fresh->aborted_written = fresh->aborted.size();
  co_return fresh;
}

runtime::Task<Result<std::shared_ptr<SegmentIndexes>>> Segment::rebuild_indexes(
    std::string directory) {
  CO_TRY(auto log_file, co_await file(directory));
  Segment scratch(environment_, base_offset, size);
  scratch.indexes_ = std::make_shared<SegmentIndexes>(base_offset);
  SegmentWalk walk(environment_, log_file, 0, size);
  bool more = true;
  while (more) {
    while (const auto batch = walk.next()) {
      scratch.note_batch(*batch, walk.batch_position(), default_index_interval);
    }
    CO_TRY(more, co_await walk.fill());
  }
  walk.report_damage(path(directory, FileKind::segment));
  scratch.finish_time_index();
  // The transaction index needs producer state to rebuild: recovery does that. What the file holds
  // is kept as long as it reads.
  if (has_transaction_index) {
    std::string name = path(directory, FileKind::transaction_index);
    const auto aborted = co_await runtime::read_file(environment_.disk, std::move(name));
    if (aborted) {
      auto decoded = log::decode_transaction_index(*aborted, base_offset);
      if (decoded) scratch.indexes_->aborted = std::move(*decoded);
      transactions_lost = !decoded;
    }
  }
  indexes_synced = false;
  co_return scratch.indexes_;
}

runtime::Task<Result<>> Segment::renew_indexes(const std::string& directory) {
  CO_TRY(auto fresh, co_await rebuild_indexes(directory));
  if (gone()) co_return replaced();
  indexes_ = std::move(fresh);
  co_return Result<>();
}

runtime::Task<Result<>> Segment::spill_one(std::string path, std::uint64_t offset, Bytes more,
                                           Durability durability) {
  CO_TRY(auto index_file,
         co_await environment_.disk.open(std::move(path), runtime::OpenMode::create));
  const BytesView parts[] = {more};
  CO_TRY(co_await index_file->write_at(offset, parts));
  CO_TRY(co_await index_file->truncate(offset + more.size()));
  if (durability == Durability::synced) {
    CO_TRY(co_await index_file->sync());
  }
  co_return Result<>();
}

runtime::Task<Result<>> Segment::spill(const std::string& directory, Durability durability) {
  const auto held = indexes_;
  const bool sync_due = durability == Durability::synced && !indexes_synced;
  if (!held || (held->all_written() && !sync_due && !stale_index_files)) co_return Result<>();
  // Kafka expects both files, also empty ones.
  Bytes more = held->offsets.encode(held->offsets_written);
  CO_TRY(co_await spill_one(path(directory, FileKind::offset_index),
                            held->offsets_written * log::OffsetIndex::entry_size, std::move(more),
                            durability));
  held->offsets_written = held->offsets.entries();
  more = held->times.encode(held->times_written);
  CO_TRY(co_await spill_one(path(directory, FileKind::time_index),
                            held->times_written * log::TimeIndex::entry_size, std::move(more),
                            durability));
  held->times_written = held->times.entries();
  if (!held->aborted.empty() || has_transaction_index) {
    const std::span<const log::AbortedTransaction> all(held->aborted);
    more = log::encode_transaction_index(all.subspan(held->aborted_written));
    CO_TRY(co_await spill_one(path(directory, FileKind::transaction_index),
                              held->aborted_written * log::AbortedTransaction::encoded_size,
                              std::move(more), durability));
    held->aborted_written = held->aborted.size();
    has_transaction_index = true;
  }
  stale_index_files = false;
  if (durability == Durability::synced) indexes_synced = true;
  co_return Result<>();
}

runtime::Task<Result<>> Segment::sync_indexes(const std::string& directory) {
  if (indexes_synced) co_return Result<>();
  for (const FileKind kind :
       {FileKind::offset_index, FileKind::time_index, FileKind::transaction_index}) {
    if (kind == FileKind::transaction_index && !has_transaction_index) continue;
    std::string name = path(directory, kind);
    CO_TRY(auto index_file,
           co_await environment_.disk.open(std::move(name), runtime::OpenMode::write));
    CO_TRY(co_await index_file->sync());
  }
  indexes_synced = true;
  co_return Result<>();
}

void Segment::note_batch(const record::BatchView& batch, std::uint64_t position,
                         std::uint32_t interval) {
  ASSERT(indexes_ != nullptr, "a batch is noted in indexes that are in memory");
  const std::int64_t timestamp = batch.max_timestamp();
  if (!first_timestamp && position == 0) first_timestamp = timestamp;
  if (timestamp > max_timestamp.timestamp) max_timestamp = {timestamp, batch.last_offset()};
  max_timestamp_known = true;
  if (bytes_since_index > interval) {
    indexes_->offsets.append(batch.last_offset(), static_cast<std::uint32_t>(position));
    indexes_->times.maybe_append(max_timestamp.timestamp, max_timestamp.offset);
    bytes_since_index = 0;
    indexes_synced = false;
  }
  bytes_since_index += static_cast<std::uint32_t>(batch.size());
}

void Segment::note_aborted(const log::AbortedTransaction& transaction) {
  indexes_->aborted.push_back(transaction);
  indexes_synced = false;
}

void Segment::finish_time_index() {
  if (max_timestamp.timestamp == no_timestamp) return;
  if (indexes_->times.maybe_append(max_timestamp.timestamp, max_timestamp.offset)) {
    indexes_synced = false;
  }
}

runtime::Task<Result<>> Segment::truncate(const std::string& directory, std::uint64_t to,
                                          Offset end) {
  CO_TRY(auto log_file, co_await file(directory));
  CO_TRY(co_await log_file->truncate(to));
  CO_TRY(co_await log_file->sync());
  size = to;
  allocated = to;
  indexes_->offsets.truncate_to(end);
  indexes_->offsets.truncate_to_position(static_cast<std::uint32_t>(to));
  indexes_->times.truncate_to(end);
  log::truncate_transaction_index(indexes_->aborted, end);
  indexes_->offsets_written = std::min(indexes_->offsets_written, indexes_->offsets.entries());
  indexes_->times_written = std::min(indexes_->times_written, indexes_->times.entries());
  indexes_->aborted_written = std::min(indexes_->aborted_written, indexes_->aborted.size());
  indexes_synced = false;
  bytes_since_index = 0;
  max_timestamp = indexes_->times.last();
  if (to == 0) first_timestamp.reset();
  // The files must not keep entries that no longer hold: their sizes are cut now.
  CO_TRY(co_await spill_one(path(directory, FileKind::offset_index),
                            indexes_->offsets_written * log::OffsetIndex::entry_size, {},
                            Durability::written));
  CO_TRY(co_await spill_one(path(directory, FileKind::time_index),
                            indexes_->times_written * log::TimeIndex::entry_size, {},
                            Durability::written));
  // Batches behind the last time index entry may have larger timestamps.
  const auto last = indexes_->offsets.last();
  SegmentWalk walk(environment_, log_file, last ? last->position : 0, to);
  bool more = true;
  while (more) {
    while (const auto batch = walk.next()) {
      if (batch->max_timestamp() > max_timestamp.timestamp) {
        max_timestamp = {batch->max_timestamp(), batch->last_offset()};
      }
    }
    CO_TRY(more, co_await walk.fill());
  }
  max_timestamp_known = true;
  co_return Result<>();
}

runtime::Task<Result<>> Segment::trim(const std::string& directory) {
  if (allocated <= size) co_return Result<>();
  CO_TRY(auto log_file, co_await file(directory));
  CO_TRY(co_await log_file->truncate(size));
  allocated = size;
  co_return Result<>();
}

runtime::Task<Result<log::TimestampOffset>> Segment::largest_timestamp(
    const std::string& directory) {
  if (!max_timestamp_known && size > 0) {
    CO_TRY(co_await indexes(directory));
  }
  co_return max_timestamp;
}

runtime::Task<Result<std::int64_t>> Segment::age_timestamp(const std::string& directory) {
  CO_TRY(const log::TimestampOffset largest, co_await largest_timestamp(directory));
  if (largest.timestamp >= 0) co_return largest.timestamp;
  std::string name = path(directory, FileKind::segment);
  CO_TRY(const runtime::FileStatus status, co_await environment_.disk.stat(std::move(name)));
  co_return to_timestamp(status.modified);
}

runtime::Task<Result<std::optional<std::int64_t>>> Segment::first_batch_timestamp(
    const std::string& directory) {
  if (first_timestamp || size == 0) co_return first_timestamp;
  CO_TRY(auto log_file, co_await file(directory));
  std::byte header[record::batch_header_size];
  const MutableBytes into(header);
  CO_TRY(const std::size_t got, co_await log_file->read_at(0, into));
  if (got < record::batch_front_size + 9) co_return first_timestamp;
  const auto magic = load_big_endian<std::int8_t>(header + record::layout::magic);
  if (magic == record::magic_v2 && got == sizeof header) {
    first_timestamp = load_big_endian<std::int64_t>(header + record::layout::max_timestamp);
  } else if (magic == 1) {  // magic 0 has none
    first_timestamp = load_big_endian<std::int64_t>(header + record::batch_front_size + 1);
  }
  co_return first_timestamp;
}

}  // namespace cairn::storage
