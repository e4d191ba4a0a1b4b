// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/mutant.hpp>
#include <cairn/base/varint.hpp>
#include <cairn/log/cleaning_filter.hpp>

#include "cleaning_batch.hpp"

namespace cairn::log {

using record::BatchView;
using record::RecordView;

namespace {

/// What is in the log was accepted, perhaps under other limits than today's.
constexpr record::DecompressionLimit stored_limit{
    .max_output = std::size_t{256} << 20, .max_ratio = std::numeric_limits<std::size_t>::max()};

/// Damage must neither count as keys nor get a CRC that fits.
Result<> check_sound(const BatchView& batch) {
  if (batch.crc_matches()) return {};
  return fail(ErrorCode::corrupt_message, "a batch does not match its CRC");
}

/// Takes the next record's bytes, its length included, off a run of records that a reader accepted.
BytesView take_encoded(BytesView& records) {
  BytesView rest = records;
  const std::int32_t length = read_varint32(rest).value_or(0);
  const std::size_t size = records.size() - rest.size() + static_cast<std::size_t>(length);
  const BytesView encoded = records.first(size);
  records = records.subspan(size);
  return encoded;
}

}  // namespace

// ---- the map ----

KeyCollector::KeyCollector(OffsetMap& map, Offset first_dirty,
                           std::span<const AbortedTransaction> aborted)
    : map_(map), first_dirty_(first_dirty), end_(first_dirty) {
  transactions_.add_aborted(aborted);
}

Result<bool> KeyCollector::take(const BatchView& batch) {
  TRY(check_sound(batch));
  bool counts = true;
  if (batch.is_control()) {
    transactions_.take_control(batch);
    transactions_.take_kept();
    counts = MUTANT("L33-control-keys");
  } else if (transactions_.take_data(batch)) {
    counts = MUTANT("L33-aborted-keys");
  }
  if (batch.next_offset() <= first_dirty_) return true;
  if (counts && batch.record_count() > 0) {
    TRY(auto records, record::RecordReader::open(batch, stored_limit));
    while (const auto record = records.next()) {
      if (!record->key || record->offset < first_dirty_) continue;
      if (!map_.put(*record->key, record->offset)) {
        reach(record->offset);
        return false;
      }
    }
    TRY(records.status());
  }
  reach(batch.next_offset());
  return true;
}

// ---- the filter ----

bool BatchFilter::keeps_header(const BatchView& batch) const {
  // The end of what is cleaned must stay visible to whoever copies the log (KAFKA-17076).
  if (batch.next_offset() == round_.first_uncleanable && !MUTANT("L33-last-batch")) return true;
  if (!batch.has_producer() || MUTANT("L33-sequence")) return false;
  const auto last = producers_.find(batch.producer_id());
  if (last == producers_.end()) return false;
  if (last->second.last_data_offset != no_offset) {
    return batch.last_offset() == last->second.last_data_offset;
  }
  return batch.is_control() && batch.producer_epoch() == last->second.epoch;
}

bool BatchFilter::keeps_record(const BatchView& batch, const RecordView& record) {
  if (record.offset >= round_.clean_end || batch.is_control()) return true;
  if (!record.key) {
    ++counts_.records_without_key;
    return false;
  }
  if (record.offset < map_.find(*record.key)) return false;
  if (record.value) return true;
  const auto horizon = batch.delete_horizon();
  if (MUTANT("L33-tombstone")) return false;
  return !horizon || round_.now_ms < *horizon;
}

Result<BatchFilter::Fate> BatchFilter::clean(const BatchView& batch, Bytes& to) {
  TRY(check_sound(batch));
  counts_.bytes_read += batch.size();
  counts_.records_read += static_cast<std::uint64_t>(std::max(batch.record_count(), 0));
  const bool control = batch.is_control();
  const bool given_up =
      control ? transactions_.take_control(batch) : transactions_.take_data(batch);
  const auto horizon = batch.delete_horizon();
  const bool marker_expired = horizon && *horizon <= round_.now_ms;
  if (given_up &&
      (!control || marker_expired || batch.record_count() == 0 || MUTANT("L33-marker-horizon"))) {
    return drop(batch, to);
  }
  TRY(auto records, record::RecordReader::open(batch, stored_limit));
  BytesView rest = records.bytes();
  bool tombstones = false;
  kept_.clear();
  while (const auto record = records.next()) {
    const BytesView encoded = take_encoded(rest);
    if (!keeps_record(batch, *record)) continue;
    kept_.push_back({encoded, record->timestamp});
    tombstones = tombstones || (!control && !record->value);
  }
  TRY(records.status());
  if (kept_.empty()) return drop(batch, to);
  counts_.records_kept += kept_.size();
  // A batch that this round covers in part waits: the clock starts for all of it at once.
  const bool covered = batch.next_offset() <= round_.clean_end;
  const bool clock_starts = !horizon && ((tombstones && covered) || given_up);
  if (kept_.size() == static_cast<std::size_t>(batch.record_count()) && !clock_starts) {
    append(to, batch.bytes());
    counts_.bytes_kept += batch.size();
    return Fate::copied;
  }
  return rewrite(
      batch,
      clock_starts ? std::optional(round_.now_ms + round_.delete_retention_ms) : std::nullopt, to);
}

BatchFilter::Fate BatchFilter::drop(const BatchView& batch, Bytes& to) {
  if (!keeps_header(batch)) return Fate::dropped;
  const std::size_t before = to.size();
  append_empty_batch(batch, to);
  counts_.bytes_kept += to.size() - before;
  return batch.size() == to.size() - before ? Fate::copied : Fate::emptied;
}

BatchFilter::Fate BatchFilter::rewrite(const BatchView& batch,
                                       std::optional<std::int64_t> new_horizon, Bytes& to) {
  const std::size_t before = to.size();
  Bytes records;
  std::int64_t max_timestamp = no_timestamp;
  for (const Kept& kept : kept_) {
    max_timestamp = std::max(max_timestamp, kept.timestamp);
    if (new_horizon) {
      append_with_timestamp_delta(kept.bytes, kept.timestamp - *new_horizon, records);
    } else {
      append(records, kept.bytes);
    }
  }
  append_cleaned_batch(batch,
                       {.records = records,
                        .count = static_cast<std::int32_t>(kept_.size()),
                        .max_timestamp = max_timestamp,
                        .new_horizon = new_horizon},
                       to);
  counts_.bytes_kept += to.size() - before;
  return Fate::rewritten;
}

}  // namespace cairn::log
