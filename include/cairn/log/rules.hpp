// SPDX-License-Identifier: Apache-2.0
// When a log rolls, flushes and lets segments go: decisions over plain values, all times given.
// Kafka's rules, with one lock more: nothing at or above the high watermark is ever deleted.
#pragma once

#include <limits>
#include <optional>
#include <span>

#include <cairn/base/ids.hpp>

namespace cairn::log {

struct RollLimits {
  std::int64_t segment_bytes = std::int64_t{1} << 30;
  std::int64_t segment_ms = 604800000;
  std::int64_t segment_jitter_ms = 0;  // segment.jitter.ms of the topic
  std::size_t segment_index_bytes = std::size_t{10} << 20;
};

/// The active segment as it stands.
struct ActiveSegment {
  Offset base_offset;
  std::int64_t size = 0;
  std::int64_t created_ms = 0;
  /// Timestamp of its first batch; nothing while it is empty.
  std::optional<std::int64_t> first_timestamp = {};
  /// This segment's share of the jitter, drawn once: see roll_jitter.
  std::int64_t jitter_ms = 0;
  std::size_t offset_index_entries = 0;
  std::size_t time_index_entries = 0;
};

/// What is about to be appended, all batches of one turn together.
struct Incoming {
  std::int64_t bytes = 0;
  std::int64_t max_timestamp = no_timestamp;
  Offset max_offset;
};

enum class RollReason : std::uint8_t { none, size, time, index_full, offset_overflow };

/// Whether to roll before the append. An empty segment rolls only for an offset that it cannot
/// hold.
RollReason should_roll(const ActiveSegment& active, const Incoming& incoming,
                       const RollLimits& limits, std::int64_t now_ms);
/// A segment's jitter from a random number: below min(segment.jitter.ms, segment.ms).
std::int64_t roll_jitter(const RollLimits& limits, std::uint64_t random);

struct RetentionLimits {
  std::int64_t retention_ms = 604800000;  // -1: no limit
  std::int64_t retention_bytes = -1;      // -1: no limit
};

struct SegmentAge {
  Offset base_offset;
  std::int64_t size = 0;
  /// Largest timestamp of its records; if they have none, when the file was last written.
  std::int64_t largest_timestamp = no_timestamp;
};

enum class RetentionReason : std::uint8_t { none, time, size, log_start };

struct Retention {
  /// How many of the oldest segments go.
  std::size_t segments = 0;
  /// Why the first of them goes, for the log line.
  RetentionReason reason = RetentionReason::none;
  /// The active segment is among them (only ever by time): roll first, then delete.
  bool roll_active = false;
  /// The log start offset after it.
  Offset log_start;
};

/// What may go now. `segments` in order, the last is the active one. A segment goes only if all its
/// records lie below the high watermark; a gap is never left. `compact_only` topics keep all but
/// what lies below the log start.
Retention segments_to_delete(std::span<const SegmentAge> segments, Offset log_start, Offset log_end,
                             Offset high_watermark, const RetentionLimits& limits,
                             std::int64_t now_ms, bool deletes_by_policy = true);

/// flush.messages and flush.ms: whether a flush is due. flush.messages = 1 makes every append due.
struct FlushLimits {
  std::int64_t flush_messages = 1;
  std::int64_t flush_ms = std::numeric_limits<std::int64_t>::max();
};
bool should_flush(const FlushLimits& limits, Offset log_end, Offset flushed,
                  std::int64_t ms_since_flush);
/// Whether acknowledgement waits for the flush: true while flush.messages is 1.
inline bool acks_need_flush(const FlushLimits& limits) { return limits.flush_messages == 1; }

}  // namespace cairn::log
