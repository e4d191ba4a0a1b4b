// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/mutant.hpp>
#include <cairn/log/index.hpp>
#include <cairn/log/rules.hpp>

namespace cairn::log {
namespace {

/// Kafka rolls by record time while records have timestamps, by the file's age otherwise. In 128
/// bits, since timestamps are what clients said.
__int128 waited_ms(const ActiveSegment& active, const Incoming& incoming, std::int64_t now_ms) {
  if (active.first_timestamp && *active.first_timestamp >= 0) {
    return static_cast<__int128>(incoming.max_timestamp) - *active.first_timestamp;
  }
  return static_cast<__int128>(now_ms) - active.created_ms;
}

bool indexes_are_full(const ActiveSegment& active, const RollLimits& limits) {
  const std::size_t offset_places = limits.segment_index_bytes / OffsetIndex::entry_size;
  const std::size_t time_places = limits.segment_index_bytes / TimeIndex::entry_size;
  // The time index keeps one place for the entry added when the segment is closed.
  return active.offset_index_entries >= offset_places ||
         active.time_index_entries + 1 >= time_places;
}

/// Size beyond retention.bytes that is still to go, while it is worth a whole segment.
class Excess {
 public:
  Excess(std::span<const SegmentAge> segments, std::int64_t retention_bytes) {
    if (retention_bytes < 0) return;
    excess_ = 0;
    for (const SegmentAge& segment : segments) excess_ += segment.size;
    excess_ -= retention_bytes;
  }
  bool covers(std::int64_t size) const { return excess_ >= size && excess_ >= 0; }
  void less(std::int64_t size) { excess_ -= size; }

 private:
  std::int64_t excess_ = -1;
};

bool is_too_old(const SegmentAge& segment, const RetentionLimits& limits, std::int64_t now_ms) {
  if (limits.retention_ms < 0) return false;
  return static_cast<__int128>(now_ms) - segment.largest_timestamp > limits.retention_ms;
}

}  // namespace

RollReason should_roll(const ActiveSegment& active, const Incoming& incoming,
                       const RollLimits& limits, std::int64_t now_ms) {
  if (incoming.max_offset - active.base_offset > std::numeric_limits<std::int32_t>::max()) {
    return RollReason::offset_overflow;
  }
  if (active.size == 0) return RollReason::none;
  if (active.size > limits.segment_bytes - incoming.bytes) return RollReason::size;
  if (waited_ms(active, incoming, now_ms) > limits.segment_ms - active.jitter_ms) {
    return RollReason::time;
  }
  if (indexes_are_full(active, limits)) return RollReason::index_full;
  return RollReason::none;
}

std::int64_t roll_jitter(const RollLimits& limits, std::uint64_t random) {
  const std::int64_t bound = std::min(limits.segment_jitter_ms, limits.segment_ms);
  if (bound <= 0) return 0;
  return static_cast<std::int64_t>(random % static_cast<std::uint64_t>(bound));
}

Retention segments_to_delete(std::span<const SegmentAge> segments, Offset log_start, Offset log_end,
                             Offset high_watermark, const RetentionLimits& limits,
                             std::int64_t now_ms, bool deletes_by_policy) {
  Retention result{.log_start = log_start};
  Excess excess(segments, deletes_by_policy ? limits.retention_bytes : -1);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const SegmentAge& segment = segments[i];
    const bool is_active = i + 1 == segments.size();
    const Offset end = is_active ? log_end : segments[i + 1].base_offset;
    if (end > high_watermark && !MUTANT("L34")) break;
    if (is_active && segment.size == 0) break;

    RetentionReason reason = RetentionReason::none;
    if (!is_active && end <= log_start) {
      reason = RetentionReason::log_start;
    } else if (deletes_by_policy && is_too_old(segment, limits, now_ms)) {
      reason = RetentionReason::time;
    } else if (excess.covers(segment.size)) {
      reason = RetentionReason::size;
    }
    if (reason == RetentionReason::none) break;
    if (result.segments == 0) result.reason = reason;
    ++result.segments;
    excess.less(segment.size);
    result.roll_active = is_active;
    result.log_start = std::max(log_start, end);
  }
  return result;
}

bool should_flush(const FlushLimits& limits, Offset log_end, Offset flushed,
                  std::int64_t ms_since_flush) {
  const std::int64_t unflushed = log_end - flushed;
  if (unflushed <= 0) return false;
  return unflushed >= limits.flush_messages || ms_since_flush >= limits.flush_ms;
}

}  // namespace cairn::log
