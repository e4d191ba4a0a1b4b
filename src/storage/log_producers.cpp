// SPDX-License-Identifier: Apache-2.0
// Producer state from disk: the newest snapshot that holds, and the batches behind it.
#include <algorithm>
#include <ranges>

#include <cairn/base/log.hpp>
#include <cairn/log/producer_snapshot.hpp>

#include "pending_append.hpp"
#include "segment.hpp"
#include "segment_walk.hpp"

namespace cairn::storage {

using log::FileKind;

runtime::Task<Result<>> PartitionLog::rebuild_producers(Offset end) {
  for (;;) {
    const auto after = std::ranges::upper_bound(snapshots_, end);
    if (after == snapshots_.begin()) break;
    const Offset at = *(after - 1);
    std::string name = path(log::file_name(at, FileKind::producer_snapshot));
    const auto content = co_await runtime::read_file(environment_.disk, std::move(name));
    if (content) {
      if (const auto entries = log::decode_producer_snapshot(*content)) {
        producers_.clear(at);
        producers_.load(*entries, at, environment_.now_ms());
        co_return co_await replay_producers(at, end);
      }
    }
    logging::warn("a producer snapshot is void: partition={} offset={}", partition_, at);
    co_await drop_snapshots(at, at + 1);
  }
  const Offset start = segments_.front()->base_offset;
  producers_.clear(start);
  co_return co_await replay_producers(start, end);
}

runtime::Task<Result<>> PartitionLog::replay_producers(Offset from, Offset end) {
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
        producers_.apply(*batch);
      }
      if (from >= end) break;
      CO_TRY(more, co_await walk.fill());
    }
  }
  producers_.set_end_offset(end);
  co_return Result<>();
}

/// The transaction index of a segment whose file was damaged, from its abort markers: where their
/// transactions began, the producers as of its base say, and those come from an earlier snapshot.
runtime::Task<Result<>> PartitionLog::rebuild_aborted(std::shared_ptr<Segment> segment) {
  logging::warn("a transaction index was damaged and is made anew: file={}",
                segment->path(directory_, FileKind::transaction_index));
  log::ProducerState producers(options_.producers);
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

}  // namespace cairn::storage
