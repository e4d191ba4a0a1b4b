// SPDX-License-Identifier: Apache-2.0
// Producer state from disk: the newest snapshot that holds, and the batches behind it.
#include <algorithm>

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

}  // namespace cairn::storage
