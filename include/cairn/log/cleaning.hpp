// SPDX-License-Identifier: Apache-2.0
// Which compacted logs are due for cleaning, how far, and which segments become one: decisions over
// plain values, all times given. Kafka's rules. Invariant (L33, I26): nothing is cleaned at or
// above the high watermark, the last stable offset, the active segment, what
// min.compaction.lag.ms protects, or what a crash may take: a value must not go for the sake of a
// later one that is not on disk.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <cairn/base/ids.hpp>

namespace cairn::log {

/// What a topic's configuration says of it.
struct CleaningPolicy {
  bool compact = false;          // cleanup.policy has "compact"
  double min_dirty_ratio = 0.5;  // min.cleanable.dirty.ratio
  std::int64_t min_lag_ms = 0;   // min.compaction.lag.ms
  std::int64_t max_lag_ms = std::numeric_limits<std::int64_t>::max();  // max.compaction.lag.ms
  std::int64_t delete_retention_ms = 86'400'000;

  bool needs_largest_timestamps() const { return min_lag_ms > 0; }
  bool needs_first_timestamps() const {
    return max_lag_ms < std::numeric_limits<std::int64_t>::max();
  }
};

struct CleanableSegment {
  Offset base_offset;
  std::int64_t size = 0;
  std::int64_t largest_timestamp = no_timestamp;  // if the policy needs it
  std::int64_t first_timestamp = no_timestamp;    // of its first batch; if the policy needs it
};

/// A log as it stands.
struct CleaningInput {
  std::span<const CleanableSegment> segments;  // in order; the last is the active one
  std::optional<Offset> checkpoint;            // where the last cleaning ended
  Offset log_start, log_end, high_watermark, flushed, last_stable;
};

struct CleaningRange {
  Offset first_dirty;
  Offset first_uncleanable;          // the base offset of a segment
  std::int64_t clean_bytes = 0;      // below first_dirty
  std::int64_t cleanable_bytes = 0;  // from first_dirty to first_uncleanable, whole segments
  std::int64_t overdue_ms = 0;       // how long max.compaction.lag.ms has been exceeded
  bool checkpoint_void = false;      // it lay outside the log: all of it counts as dirty

  double dirty_ratio() const;
  bool is_due(const CleaningPolicy& policy) const;
};

CleaningRange cleaning_range(const CleaningInput& log, const CleaningPolicy& policy,
                             std::int64_t now_ms);

struct GroupLimits {
  std::int64_t segment_bytes = std::int64_t{1} << 30;
  std::size_t segment_index_bytes = std::size_t{10} << 20;
  std::uint32_t index_interval_bytes = 4096;
};

/// How many segments, from the first on, become one each time: as many as fit one segment and its
/// indexes even if nothing goes, and whose offsets one base can express. `segments` are those to
/// clean; `end` is the base offset of the segment behind them.
std::vector<std::size_t> group_segments(std::span<const CleanableSegment> segments, Offset end,
                                        const GroupLimits& limits);

}  // namespace cairn::log
