// SPDX-License-Identifier: Apache-2.0
// Producer state and its snapshots on disk. A snapshot at an offset says what every batch below it
// said, also those that were cleaned away or let go since: so it is believed before the batches.
// That holds because a snapshot above a cut is gone for good before anything is appended there.
#include <algorithm>
#include <ranges>

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/log/producer_snapshot.hpp>

#include "pending_append.hpp"
#include "producer_tail.hpp"
#include "segment.hpp"
#include "segment_walk.hpp"

namespace cairn::storage {

using log::FileKind;
using Entries = std::vector<log::ProducerEntry>;

// ---- from disk: the newest snapshot that holds, and the batches behind it ----

runtime::Task<Result<>> PartitionLog::rebuild_producers(Offset end) {
  co_return co_await rebuild(producers_, end);
}

runtime::Task<Result<>> PartitionLog::rebuild(log::ProducerState& producers, Offset end) {
  for (;;) {
    const auto after = std::ranges::upper_bound(snapshots_, end);
    if (after == snapshots_.begin()) break;
    const Offset at = *(after - 1);
    auto entries = co_await read_snapshot(at);
    if (!entries) continue;
    log::ProducerRecall recall(std::move(*entries));
    ProducerTail tail(environment_, directory_, recall);
    const auto behind =
        std::ranges::lower_bound(segments_, at, {}, [](const auto& s) { return s->base_offset; });
    std::vector<std::shared_ptr<Segment>> before(segments_.begin(), behind);
    CO_TRY(co_await tail.read(std::move(before), at));
    const Entries known = recall.take_entries();
    producers.clear(at);
    producers.load(known, at, environment_.now_ms());
    co_return co_await replay(producers, at, end);
  }
  const Offset start = segments_.front()->base_offset;
  producers.clear(start);
  co_return co_await replay(producers, start, end);
}

runtime::Task<Result<>> PartitionLog::replay(log::ProducerState& producers, Offset from,
                                             Offset end) {
  for (std::size_t i = segment_index(from); from < end && i < segments_.size(); ++i) {
    const std::shared_ptr<Segment> segment = segments_[i];
    if (segment->base_offset >= end) break;
    std::uint64_t position = 0;
    if (from > segment->base_offset) {
      CO_TRY(const auto indexes, co_await segment->indexes(directory_));
      position = indexes->offsets.lookup(from).position;
    }
    CO_TRY(auto file, co_await segment->file(directory_));
    SegmentWalk walk(environment_, std::move(file), position, segment->size);
    bool more = true;
    while (more) {
      while (const auto batch = walk.next()) {
        if (batch->next_offset() <= from) continue;
        from = batch->next_offset();
        if (batch->base_offset() >= end) break;
        producers.apply(*batch);
      }
      if (from >= end) break;
      CO_TRY(more, co_await walk.fill());
    }
  }
  producers.set_end_offset(end);
  co_return Result<>();
}

/// The transaction index of a segment whose file was damaged, from its abort markers: where their
/// transactions began, the producers as of its base say, and those come from an earlier snapshot.
runtime::Task<Result<>> PartitionLog::rebuild_aborted(std::shared_ptr<Segment> segment) {
  logging::warn("a transaction index was damaged and is made anew: file={}",
                segment->path(directory_, FileKind::transaction_index));
  log::ProducerState producers(options_->producers);
  Offset from = segments_.front()->base_offset;
  const std::vector<Offset> snapshots = snapshots_;
  for (const Offset at : std::views::reverse(snapshots)) {
    if (at > segment->base_offset) continue;
    std::string name = path(log::file_name(at, FileKind::producer_snapshot));
    const auto content = co_await runtime::read_file(environment_.disk, std::move(name));
    const auto entries =
        content ? log::decode_producer_snapshot(*content)
                : Result<std::vector<log::ProducerEntry>>(std::unexpected(content.error()));
    if (!entries) continue;
    producers.load(*entries, at, 0);  // none has expired: it is history
    from = at;
    break;
  }
  std::vector<log::AbortedTransaction> aborted;
  const std::vector<std::shared_ptr<Segment>> segments = segments_;
  for (const auto& one : segments) {
    if (one->base_offset > segment->base_offset) break;
    CO_TRY(auto file, co_await one->file(directory_));
    SegmentWalk walk(environment_, std::move(file), 0, one->size);
    bool more = true;
    while (more) {
      while (const auto batch = walk.next()) {
        if (batch->next_offset() <= from) continue;
        const auto completed = producers.apply(*batch);
        if (one == segment && completed && completed->aborted) {
          aborted.push_back({completed->producer_id, completed->first_offset,
                             completed->last_offset, producers.last_stable_offset(*completed)});
        }
      }
      CO_TRY(more, co_await walk.fill());
    }
  }
  CO_TRY(const auto indexes, co_await segment->indexes(directory_));
  indexes->aborted = std::move(aborted);
  indexes->aborted_written = 0;
  segment->indexes_synced = false;
  segment->transactions_lost = false;
  co_return Result<>();
}

/// The scan of a recovery comes to the start of a segment, all below which was found sound. What
/// batches no longer tell a snapshot knows; where there is none, one is taken.
runtime::Task<Result<>> PartitionLog::pass_segment_start(Offset base) {
  producers_.set_end_offset(base);
  if (has_snapshot(base) && !MUTANT("L33-snapshot")) {
    const auto entries = co_await read_snapshot(base);
    if (entries) producers_.load(*entries, base, environment_.now_ms());
  }
  const Result<> written = co_await write_snapshot();
  // No room for it is no reason not to start.
  if (!written && !runtime::is_no_space(written.error())) co_return written;
  co_return Result<>();
}

// ---- the snapshots ----

bool PartitionLog::has_snapshot(Offset at) const {
  return std::ranges::binary_search(snapshots_, at);
}

/// Nothing: it is void, and gone now.
runtime::Task<std::optional<Entries>> PartitionLog::read_snapshot(Offset at) {
  std::string name = path(log::file_name(at, FileKind::producer_snapshot));
  const auto content = co_await runtime::read_file(environment_.disk, std::move(name));
  if (content) {
    auto entries = log::decode_producer_snapshot(*content);
    if (entries) co_return std::move(*entries);
  }
  logging::warn("a producer snapshot is void: partition={} offset={}", partition_, at);
  co_await drop_snapshots(at, at + 1);
  co_return std::nullopt;
}

runtime::Task<Result<>> PartitionLog::write_snapshot_of(Entries entries, Offset at) {
  if (has_snapshot(at)) co_return Result<>();
  const Bytes content = log::encode_producer_snapshot(entries);
  const std::string name = path(log::file_name(at, FileKind::producer_snapshot));
  CO_TRY(auto file, co_await environment_.disk.open(name, runtime::OpenMode::create));
  const BytesView parts[] = {content};
  Result<> written = co_await file->write_at(0, parts);
  if (written) written = co_await file->truncate(content.size());
  if (!written) {  // half of one would pass for damage when somebody looks
    co_await environment_.disk.remove(name);
    co_return written;
  }
  if (!has_snapshot(at)) snapshots_.insert(std::ranges::upper_bound(snapshots_, at), at);
  co_return Result<>();
}

/// Removes snapshots in [from, to).
runtime::Task<> PartitionLog::drop_snapshots(Offset from, Offset to) {
  std::vector<Offset> gone;
  std::erase_if(snapshots_, [&](Offset at) {
    if (at < from || at >= to) return false;
    gone.push_back(at);
    return true;
  });
  for (const Offset at : gone) {
    const std::string name = path(log::file_name(at, FileKind::producer_snapshot));
    const Result<> removed = co_await environment_.disk.remove(name);
    if (!removed) logging::warn("cannot remove {}: {}", name, removed.error().why);
  }
}

/// Every clean stop leaves one; only those at the start of a segment, and the last, are of use. Who
/// is killed in a stop may leave half of one: after an unclean one the last is read, and goes if
/// void.
runtime::Task<> PartitionLog::drop_stray_snapshots() {
  const std::vector<Offset> all = snapshots_;
  for (const Offset at : all) {
    if (at == all.back() || segments_[segment_index(at)]->base_offset == at) continue;
    co_await drop_snapshots(at, at + 1);
  }
}

/// The snapshot at `at` survives a crash, if there is one.
runtime::Task<Result<>> PartitionLog::sync_snapshot(Offset at) {
  if (!has_snapshot(at) || MUTANT("L33-snapshot-sync")) co_return Result<>();
  std::string name = path(log::file_name(at, FileKind::producer_snapshot));
  auto file = co_await environment_.disk.open(std::move(name), runtime::OpenMode::write);
  if (!file && runtime::is_not_found(file.error())) co_return Result<>();
  if (!file) co_return std::unexpected(file.error());
  CO_TRY(co_await (*file)->sync());
  co_return co_await environment_.disk.sync_directory(directory_);
}

/// The producers as of `at`, a segment's start, in a snapshot that survives a crash: whoever takes
/// batches below it away calls this first.
runtime::Task<Result<Entries>> PartitionLog::settle_producers(Offset at) {
  const std::uint64_t generation = generation_;
  std::optional<Entries> entries;
  if (has_snapshot(at)) entries = co_await read_snapshot(at);
  if (!entries) {
    log::ProducerState producers(options_->producers);
    CO_TRY(co_await rebuild(producers, at));
    entries = producers.entries();
    co_await begin_change();
    Result<> written = usable();
    if (written && generation != generation_) {
      written = fail(ErrorCode::offset_not_available, "the log was cut meanwhile");
    }
    if (written) written = co_await write_snapshot_of(*entries, at);
    end_change();
    if (!written) co_return std::unexpected(written.error());
  }
  CO_TRY(co_await sync_snapshot(at));
  co_return std::move(*entries);
}

}  // namespace cairn::storage
