// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/log/epoch_cache.hpp>

namespace cairn::log {
namespace {

auto first_above(const std::vector<EpochEntry>& entries, Epoch epoch) {
  return std::ranges::upper_bound(entries, epoch, {}, &EpochEntry::epoch);
}

}  // namespace

EpochCache::EpochCache(std::span<const EpochEntry> entries) {
  for (const EpochEntry& entry : entries) assign(entry.epoch, entry.start_offset);
}

bool EpochCache::assign(Epoch epoch, Offset start_offset) {
  // Batches of before leader epochs carry -1 and say nothing.
  if (epoch.value() < 0 || start_offset.value() < 0) return false;
  if (!entries_.empty()) {
    const EpochEntry& last = entries_.back();
    if (last.epoch == epoch && last.start_offset <= start_offset) return false;
  }
  while (!entries_.empty() &&
         (entries_.back().epoch >= epoch || entries_.back().start_offset >= start_offset)) {
    entries_.pop_back();
  }
  entries_.push_back({epoch, start_offset});
  return true;
}

EpochEnd EpochCache::end_offset_for(Epoch epoch, Offset log_end) const {
  if (epoch == no_epoch || entries_.empty()) return {};
  if (entries_.back().epoch == epoch) return {epoch, log_end};
  const auto above = first_above(entries_, epoch);
  if (above == entries_.end()) return {};
  if (above == entries_.begin()) return {epoch, above->start_offset};
  return {std::prev(above)->epoch, above->start_offset};
}

std::optional<EpochEnd> EpochCache::diverging(Epoch last_fetched_epoch, Offset fetch_offset,
                                              Offset log_end) const {
  const EpochEnd end = end_offset_for(last_fetched_epoch, log_end);
  if (end == EpochEnd{}) return end;
  if (end.epoch < last_fetched_epoch || end.end_offset < fetch_offset) return end;
  return std::nullopt;
}

bool EpochCache::truncate_from_end(Offset end_offset) {
  const std::size_t before = entries_.size();
  while (!entries_.empty() && entries_.back().start_offset >= end_offset) entries_.pop_back();
  return entries_.size() != before;
}

bool EpochCache::truncate_from_start(Offset start_offset) {
  const auto keep = std::ranges::upper_bound(entries_, start_offset, {}, &EpochEntry::start_offset);
  if (keep == entries_.begin()) return false;
  const auto spanning = std::prev(keep);
  const bool changed = spanning != entries_.begin() || spanning->start_offset != start_offset;
  spanning->start_offset = start_offset;
  entries_.erase(entries_.begin(), spanning);
  return changed;
}

std::optional<EpochEntry> EpochCache::latest() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back();
}

std::optional<EpochEntry> EpochCache::earliest() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front();
}

std::optional<Epoch> EpochCache::previous_epoch() const {
  if (entries_.size() < 2) return std::nullopt;
  return entries_[entries_.size() - 2].epoch;
}

std::optional<Epoch> EpochCache::epoch_of(Offset offset) const {
  const auto above = std::ranges::upper_bound(entries_, offset, {}, &EpochEntry::start_offset);
  if (above == entries_.begin()) return std::nullopt;
  return std::prev(above)->epoch;
}

std::optional<EpochEntry> EpochCache::higher(Epoch epoch) const {
  const auto above = first_above(entries_, epoch);
  if (above == entries_.end()) return std::nullopt;
  return *above;
}

std::optional<EpochEntry> EpochCache::lower(Epoch epoch) const {
  const auto at = std::ranges::lower_bound(entries_, epoch, {}, &EpochEntry::epoch);
  if (at == entries_.begin()) return std::nullopt;
  return *std::prev(at);
}

}  // namespace cairn::log
