// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include <cairn/base/assert.hpp>
#include <cairn/log/index.hpp>

namespace cairn::log {
namespace {

constexpr std::int64_t largest_relative = std::numeric_limits<std::int32_t>::max();

std::uint32_t relative_to(Offset base, Offset offset) {
  ASSERT(offset >= base && offset - base <= largest_relative, "a segment spans 2^31 offsets");
  return static_cast<std::uint32_t>(offset - base);
}

bool is_zero(BytesView bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// The file without the zero tail that a preallocated index has after an unclean stop; what is left
/// is whole entries, or the file is damaged.
Result<BytesView> without_zero_tail(BytesView file, std::size_t entry_size) {
  const std::size_t whole = file.size() / entry_size * entry_size;
  if (!is_zero(file.subspan(whole))) {
    return fail(ErrorCode::corrupt_message, "an index file is not whole entries");
  }
  file = file.first(whole);
  // The very first entry of a file may be all zeros by right: it cannot be told from the tail, and
  // says no more than the segment's own beginning does.
  while (!file.empty() && is_zero(file.last(entry_size))) {
    file = file.first(file.size() - entry_size);
  }
  return file;
}

}  // namespace

Result<OffsetIndex> OffsetIndex::decode(Offset base_offset, BytesView file) {
  TRY(BytesView entries, without_zero_tail(file, entry_size));
  OffsetIndex index(base_offset);
  index.entries_.reserve(entries.size() / entry_size);
  for (; !entries.empty(); entries = entries.subspan(entry_size)) {
    const Entry entry{load_big_endian<std::uint32_t>(entries.data()),
                      load_big_endian<std::uint32_t>(entries.data() + 4)};
    const bool rises = index.entries_.empty() || (entry.relative > index.entries_.back().relative &&
                                                  entry.position > index.entries_.back().position);
    if (!rises || entry.relative > largest_relative || entry.position > largest_relative) {
      return fail(ErrorCode::corrupt_message, "the entries of an offset index do not rise");
    }
    index.entries_.push_back(entry);
  }
  return index;
}

void OffsetIndex::append(Offset offset, std::uint32_t position) {
  const std::uint32_t relative = relative_to(base_offset_, offset);
  ASSERT(entries_.empty() ||
             (relative > entries_.back().relative && position >= entries_.back().position),
         "an index only grows upwards");
  entries_.push_back({relative, position});
}

OffsetPosition OffsetIndex::lookup(Offset target) const {
  if (target < base_offset_) return {base_offset_, 0};
  const std::uint64_t relative = static_cast<std::uint64_t>(target - base_offset_);
  const auto above = std::ranges::upper_bound(
      entries_, relative, {}, [](const Entry& entry) { return std::uint64_t{entry.relative}; });
  if (above == entries_.begin()) return {base_offset_, 0};
  return entry(static_cast<std::size_t>(std::prev(above) - entries_.begin()));
}

std::optional<OffsetPosition> OffsetIndex::fetch_upper_bound(OffsetPosition from,
                                                             std::uint32_t bytes) const {
  const std::uint64_t limit = std::uint64_t{from.position} + bytes;
  const auto at = std::ranges::lower_bound(
      entries_, limit, {}, [](const Entry& entry) { return std::uint64_t{entry.position}; });
  if (at == entries_.end()) return std::nullopt;
  return entry(static_cast<std::size_t>(at - entries_.begin()));
}

void OffsetIndex::truncate_to(Offset offset) {
  while (!entries_.empty() && base_offset_ + entries_.back().relative >= offset) {
    entries_.pop_back();
  }
}

void OffsetIndex::truncate_to_position(std::uint32_t size) {
  while (!entries_.empty() && entries_.back().position >= size) entries_.pop_back();
}

OffsetPosition OffsetIndex::entry(std::size_t at) const {
  return {base_offset_ + entries_[at].relative, entries_[at].position};
}

std::optional<OffsetPosition> OffsetIndex::last() const {
  if (entries_.empty()) return std::nullopt;
  return entry(entries_.size() - 1);
}

bool OffsetIndex::is_full(std::size_t max_index_bytes) const {
  return entries_.size() >= max_index_bytes / entry_size;
}

Bytes OffsetIndex::encode(std::size_t from_entry) const {
  Bytes file((entries_.size() - from_entry) * entry_size);
  std::byte* at = file.data();
  for (std::size_t i = from_entry; i < entries_.size(); ++i, at += entry_size) {
    store_big_endian(at, entries_[i].relative);
    store_big_endian(at + 4, entries_[i].position);
  }
  return file;
}

Result<TimeIndex> TimeIndex::decode(Offset base_offset, BytesView file) {
  TRY(BytesView entries, without_zero_tail(file, entry_size));
  TimeIndex index(base_offset);
  index.entries_.reserve(entries.size() / entry_size);
  for (; !entries.empty(); entries = entries.subspan(entry_size)) {
    const Entry entry{load_big_endian<std::int64_t>(entries.data()),
                      load_big_endian<std::uint32_t>(entries.data() + 8)};
    const bool rises =
        index.entries_.empty() || (entry.timestamp > index.entries_.back().timestamp &&
                                   entry.relative >= index.entries_.back().relative);
    if (!rises || entry.relative > largest_relative) {
      return fail(ErrorCode::corrupt_message, "the entries of a time index do not rise");
    }
    index.entries_.push_back(entry);
  }
  return index;
}

bool TimeIndex::maybe_append(std::int64_t timestamp, Offset offset) {
  const std::uint32_t relative = relative_to(base_offset_, offset);
  if (timestamp <= last().timestamp) return false;
  if (!entries_.empty() && relative <= entries_.back().relative) return false;
  entries_.push_back({timestamp, relative});
  return true;
}

TimestampOffset TimeIndex::lookup(std::int64_t target) const {
  const auto above = std::ranges::upper_bound(entries_, target, {}, &Entry::timestamp);
  if (above == entries_.begin()) return {no_timestamp, base_offset_};
  return entry(static_cast<std::size_t>(std::prev(above) - entries_.begin()));
}

void TimeIndex::truncate_to(Offset offset) {
  while (!entries_.empty() && base_offset_ + entries_.back().relative >= offset) {
    entries_.pop_back();
  }
}

TimestampOffset TimeIndex::entry(std::size_t at) const {
  return {entries_[at].timestamp, base_offset_ + entries_[at].relative};
}

TimestampOffset TimeIndex::last() const {
  if (entries_.empty()) return {no_timestamp, base_offset_};
  return entry(entries_.size() - 1);
}

bool TimeIndex::is_full(std::size_t max_index_bytes) const {
  // One place is kept for the entry that is added at a roll or close.
  const std::size_t places = max_index_bytes / entry_size;
  return places == 0 || entries_.size() >= places - 1;
}

Bytes TimeIndex::encode(std::size_t from_entry) const {
  Bytes file((entries_.size() - from_entry) * entry_size);
  std::byte* at = file.data();
  for (std::size_t i = from_entry; i < entries_.size(); ++i, at += entry_size) {
    store_big_endian(at, entries_[i].timestamp);
    store_big_endian(at + 8, entries_[i].relative);
  }
  return file;
}

std::size_t index_file_capacity(std::size_t max_index_bytes, std::size_t entry_size) {
  return max_index_bytes / entry_size * entry_size;
}

}  // namespace cairn::log
