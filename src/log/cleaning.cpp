// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/mutant.hpp>
#include <cairn/log/cleaning.hpp>
#include <cairn/log/index.hpp>

namespace cairn::log {

namespace {

using Segments = std::span<const CleanableSegment>;

/// The segment that holds `offset`.
std::size_t segment_of(Segments segments, Offset offset) {
  const auto after = std::ranges::upper_bound(segments, offset, {}, &CleanableSegment::base_offset);
  return after == segments.begin() ? 0 : static_cast<std::size_t>(after - segments.begin()) - 1;
}

Offset first_dirty(const CleaningInput& log, bool& checkpoint_void) {
  const Offset dirty = log.checkpoint.value_or(log.log_start);
  checkpoint_void = dirty < log.log_start || dirty > log.log_end;
  return checkpoint_void ? log.log_start : dirty;
}

/// The first offset that must not be touched; anywhere in a segment.
Offset cleaning_bound(const CleaningInput& log, const CleaningPolicy& policy, Offset dirty,
                      std::int64_t now_ms) {
  Offset bound = log.segments.back().base_offset;
  if (!MUTANT("L33-high-watermark")) bound = std::min(bound, log.high_watermark);
  if (!MUTANT("L33-flushed")) bound = std::min(bound, log.flushed);
  if (!MUTANT("L33-last-stable")) bound = std::min(bound, log.last_stable);
  if (policy.min_lag_ms <= 0 || MUTANT("L33-lag")) return bound;
  const Segments closed = log.segments.first(log.segments.size() - 1);
  for (const CleanableSegment& segment : closed.subspan(segment_of(log.segments, dirty))) {
    if (segment.largest_timestamp > now_ms - policy.min_lag_ms) {
      return std::min(bound, segment.base_offset);
    }
  }
  return bound;
}

std::int64_t overdue(Segments dirty, const CleaningPolicy& policy, std::int64_t now_ms) {
  if (!policy.needs_first_timestamps()) return 0;
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  for (const CleanableSegment& segment : dirty) {
    if (segment.first_timestamp > 0) earliest = std::min(earliest, segment.first_timestamp);
  }
  const std::int64_t clean_until = now_ms - policy.max_lag_ms;
  return earliest < clean_until ? clean_until - earliest : 0;
}

/// Most entries that batches of this many bytes can put into an index.
std::int64_t most_entries(std::int64_t bytes, std::uint32_t interval) {
  constexpr std::int64_t smallest_batch = 61;
  return bytes / std::max(std::int64_t{interval} + 1, smallest_batch) + 1;
}

}  // namespace

double CleaningRange::dirty_ratio() const {
  const std::int64_t all = clean_bytes + cleanable_bytes;
  return all == 0 ? 0 : static_cast<double>(cleanable_bytes) / static_cast<double>(all);
}

bool CleaningRange::is_due(const CleaningPolicy& policy) const {
  if (!policy.compact || cleanable_bytes == 0) return false;
  return overdue_ms > 0 || dirty_ratio() > policy.min_dirty_ratio;
}

CleaningRange cleaning_range(const CleaningInput& log, const CleaningPolicy& policy,
                             std::int64_t now_ms) {
  CleaningRange range;
  if (log.segments.empty()) return range;
  range.first_dirty = first_dirty(log, range.checkpoint_void);
  const Offset bound = cleaning_bound(log, policy, range.first_dirty, now_ms);
  const std::size_t end = segment_of(log.segments, std::max(bound, range.first_dirty));
  range.first_uncleanable = log.segments[end].base_offset;
  const std::size_t dirty = std::min(segment_of(log.segments, range.first_dirty), end);
  for (std::size_t i = 0; i < end; ++i) {
    (i < dirty ? range.clean_bytes : range.cleanable_bytes) += log.segments[i].size;
  }
  if (range.first_dirty >= range.first_uncleanable) range.cleanable_bytes = 0;
  range.overdue_ms = overdue(log.segments.first(end).subspan(dirty), policy, now_ms);
  return range;
}

std::vector<std::size_t> group_segments(Segments segments, Offset end, const GroupLimits& limits) {
  const auto index_bytes = static_cast<std::int64_t>(limits.segment_index_bytes);
  std::vector<std::size_t> groups;
  std::int64_t bytes = 0, entries = 0;
  Offset base;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const CleanableSegment& segment = segments[i];
    const Offset next = i + 1 < segments.size() ? segments[i + 1].base_offset : end;
    const std::int64_t more = most_entries(segment.size, limits.index_interval_bytes);
    const bool fits =
        !groups.empty() && bytes + segment.size <= limits.segment_bytes &&
        (entries + more) * std::int64_t{TimeIndex::entry_size} <= index_bytes &&
        (segment.size == 0 || next - base - 1 <= std::numeric_limits<std::int32_t>::max());
    if (!fits) {
      groups.push_back(0);
      bytes = entries = 0;
      base = segment.base_offset;
    }
    ++groups.back();
    bytes += segment.size;
    entries += more;
  }
  return groups;
}

}  // namespace cairn::log
