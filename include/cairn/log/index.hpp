// SPDX-License-Identifier: Apache-2.0
// A segment's offset index and time index: sparse, rebuildable caches of its batches. Here they
// live in memory as entries; encode() gives the file's bytes (storage writes them when entries are
// added), decode() takes a file back, zero tail and damage included. A wrong index may cost time,
// never data.
#pragma once

#include <optional>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::log {

struct OffsetPosition {
  Offset offset;               // last offset of a batch
  std::uint32_t position = 0;  // where that batch begins in the file

  bool operator==(const OffsetPosition&) const = default;
};

class OffsetIndex {
 public:
  static constexpr std::size_t entry_size = 8;

  explicit OffsetIndex(Offset base_offset) : base_offset_(base_offset) {}
  /// A file's entries. corrupt_message if they do not rise, or the size is no multiple of an entry
  /// (before a zero tail, which an unclean stop of Kafka leaves and which is dropped).
  static Result<OffsetIndex> decode(Offset base_offset, BytesView file);

  /// REQUIRES: offset above the last entry's, within 2^31-1 of the base; position not below it.
  void append(Offset offset, std::uint32_t position);
  /// The entry with the largest offset at or below `target`; {base offset, 0} if there is none.
  OffsetPosition lookup(Offset target) const;
  /// The entry that bounds a read of `bytes` from an entry: the smallest position at or above
  /// `from.position + bytes`; nothing if the index ends before.
  std::optional<OffsetPosition> fetch_upper_bound(OffsetPosition from, std::uint32_t bytes) const;
  /// Drops entries at or above `offset`.
  void truncate_to(Offset offset);
  /// Drops entries at or behind this file position; for a log cut in recovery.
  void truncate_to_position(std::uint32_t size);

  std::size_t entries() const { return entries_.size(); }
  OffsetPosition entry(std::size_t at) const;
  std::optional<OffsetPosition> last() const;
  /// Whether another entry would not fit segment.index.bytes.
  bool is_full(std::size_t max_index_bytes) const;
  Bytes encode(std::size_t from_entry = 0) const;

 private:
  struct Entry {
    std::uint32_t relative;
    std::uint32_t position;
  };
  Offset base_offset_;
  std::vector<Entry> entries_;
};

struct TimestampOffset {
  std::int64_t timestamp = no_timestamp;
  Offset offset;  // last offset of the batch that holds it

  bool operator==(const TimestampOffset&) const = default;
};

class TimeIndex {
 public:
  static constexpr std::size_t entry_size = 12;

  explicit TimeIndex(Offset base_offset) : base_offset_(base_offset) {}
  static Result<TimeIndex> decode(Offset base_offset, BytesView file);

  /// Adds an entry if both timestamp and offset are above the last one's (Kafka's maybeAppend),
  /// else does nothing. True if it was added.
  bool maybe_append(std::int64_t timestamp, Offset offset);
  /// The entry with the largest timestamp at or below `target`; {-1, base offset} if there is none.
  /// A search for the first record at or after `target` begins at its offset.
  TimestampOffset lookup(std::int64_t target) const;
  void truncate_to(Offset offset);

  std::size_t entries() const { return entries_.size(); }
  TimestampOffset entry(std::size_t at) const;
  /// {-1, base offset} if empty.
  TimestampOffset last() const;
  bool is_full(std::size_t max_index_bytes) const;
  Bytes encode(std::size_t from_entry = 0) const;

 private:
  struct Entry {
    std::int64_t timestamp;
    std::uint32_t relative;
  };
  Offset base_offset_;
  std::vector<Entry> entries_;
};

/// segment.index.bytes rounded down to whole entries: how large Kafka preallocates an index file.
std::size_t index_file_capacity(std::size_t max_index_bytes, std::size_t entry_size);

}  // namespace cairn::log
