// SPDX-License-Identifier: Apache-2.0
#include "producer_tail.hpp"

#include <algorithm>
#include <array>

namespace cairn::storage {

using Header = log::ProducerRecall::Header;
using log::OffsetPosition;

namespace {

/// What the end of an index file says of batches that begin below `size`. A zero tail, or damage,
/// ends it.
void append_entries(BytesView file, Offset base, std::uint64_t size,
                    std::vector<OffsetPosition>& to) {
  for (; file.size() >= log::OffsetIndex::entry_size;
       file = file.subspan(log::OffsetIndex::entry_size)) {
    const OffsetPosition entry{base + load_big_endian<std::uint32_t>(file.data()),
                               load_big_endian<std::uint32_t>(file.data() + 4)};
    if (entry.position >= size || (!to.empty() && entry.position <= to.back().position)) return;
    to.push_back(entry);
  }
}

}  // namespace

runtime::Task<Result<>> ProducerTail::read(std::vector<std::shared_ptr<Segment>> segments,
                                           Offset end) {
  while (!segments.empty() && !enough() && !lost_) {
    const std::shared_ptr<Segment> segment = segments.back();
    segments.pop_back();
    if (segment->size == 0) continue;
    CO_TRY(co_await read_segment(segment, end));
  }
  co_return Result<>();
}

runtime::Task<Result<>> ProducerTail::read_segment(std::shared_ptr<Segment> segment, Offset end) {
  CO_TRY(std::vector<OffsetPosition> starts, co_await known_starts(segment));
  CO_TRY(const auto file, co_await segment->file(directory_));
  std::uint64_t to = segment->size;
  while (!starts.empty()) {
    const OffsetPosition from = starts.back();
    starts.pop_back();
    if (from.offset < end) {
      CO_TRY(const bool going, co_await read_stretch(file, from.position, to, end));
      if (!going) co_return Result<>();
    }
    to = from.position;
  }
  lost_ = to > 0;  // the index does not go back as far
  co_return Result<>();
}

runtime::Task<Result<std::vector<OffsetPosition>>> ProducerTail::known_starts(
    std::shared_ptr<Segment> segment) {
  const OffsetPosition front{segment->base_offset - 1, 0};
  std::vector<OffsetPosition> starts;
  if (const SegmentIndexes* indexes = segment->indexes_in_memory()) {
    const std::size_t count = std::min(indexes->offsets.entries(), most_blocks);
    const std::size_t first = indexes->offsets.entries() - count;
    if (first == 0) starts.push_back(front);
    for (std::size_t i = 0; i < count; ++i) starts.push_back(indexes->offsets.entry(first + i));
    co_return starts;
  }
  // The end of the file is enough: the index of a large segment has megabytes.
  std::string name = segment->path(directory_, log::FileKind::offset_index);
  const auto index = co_await environment_.disk.open(std::move(name), runtime::OpenMode::read);
  if (!index) {
    starts.push_back(front);
    co_return starts;
  }
  constexpr std::uint64_t most_bytes = most_blocks * log::OffsetIndex::entry_size;
  CO_TRY(std::uint64_t size, co_await (*index)->size());
  size -= size % log::OffsetIndex::entry_size;
  Bytes entries(static_cast<std::size_t>(std::min(size, most_bytes)));
  CO_TRY(const std::size_t got, co_await (*index)->read_at(size - entries.size(), entries));
  if (entries.size() == size) starts.push_back(front);
  append_entries(BytesView(entries).first(got), segment->base_offset, segment->size, starts);
  co_return starts;
}

runtime::Task<Result<bool>> ProducerTail::read_stretch(std::shared_ptr<runtime::File> file,
                                                       std::uint64_t from, std::uint64_t to,
                                                       Offset end) {
  std::array<std::byte, block> buffer;
  std::vector<Header> headers;
  for (std::uint64_t position = from; position < to;) {
    if (++blocks_ > most_blocks) co_return false;  // the stretch is not whole: none of it counts
    const std::uint64_t size = std::min<std::uint64_t>(block, to - position);
    const MutableBytes into = MutableBytes(buffer).first(static_cast<std::size_t>(size));
    CO_TRY(const std::size_t got, co_await file->read_at(position, into));
    std::size_t at = 0;
    while (at + record::batch_header_size <= got) {
      const BytesView rest = BytesView(into).subspan(at, got - at);
      const auto batch_size = record::batch_size_from_front(rest);
      if (!batch_size) break;
      headers.push_back(Header::read(rest));
      at += *batch_size;
    }
    if (at == 0) {
      lost_ = true;
      co_return false;
    }
    position += at;
  }
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (header->base_offset < end) recall_.take(*header);
  }
  co_return !enough();
}

}  // namespace cairn::storage
