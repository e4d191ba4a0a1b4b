// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include <cairn/base/mutant.hpp>
#include <cairn/log/recovery.hpp>
#include <cairn/record/legacy.hpp>

namespace cairn::log {
namespace {

using record::BatchView;

bool starts_with_zeros(BytesView bytes) {
  const BytesView front = bytes.first(std::min(bytes.size(), record::batch_header_size));
  return std::ranges::all_of(front, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Whether offsets go on from `next` and stay within what the segment's indexes can express.
ScanFault check_offsets(const BatchView& batch, Offset segment_base, Offset next) {
  if (batch.base_offset() < next || batch.last_offset_delta() < 0) return ScanFault::offset_gap;
  const std::uint64_t relative = static_cast<std::uint64_t>(batch.base_offset().value()) -
                                 static_cast<std::uint64_t>(segment_base.value());
  const auto delta = static_cast<std::uint64_t>(batch.last_offset_delta());
  if (relative > std::numeric_limits<std::int32_t>::max() ||
      relative + delta > std::numeric_limits<std::int32_t>::max()) {
    return ScanFault::outside;
  }
  if (batch.base_offset().value() > std::numeric_limits<std::int64_t>::max() -
                                        std::numeric_limits<std::int32_t>::max() -
                                        std::int64_t{1}) {
    return ScanFault::outside;
  }
  return ScanFault::none;
}

}  // namespace

const char* to_string(ScanFault fault) {
  switch (fault) {
    case ScanFault::none:
      return "none";
    case ScanFault::torn:
      return "a batch was not written whole";
    case ScanFault::zeros:
      return "zeros where a batch should be";
    case ScanFault::offset_gap:
      return "offsets do not go on";
    case ScanFault::outside:
      return "an offset outside the segment";
    case ScanFault::epoch_regress:
      return "an older leader epoch after a newer one";
  }
  return "unknown fault";
}

SegmentScan::SegmentScan(Offset base_offset, Offset next_offset, Epoch epoch)
    : base_offset_(base_offset),
      next_offset_(std::max(base_offset, next_offset)),
      epoch_(epoch),
      needed_(record::batch_front_size) {}

std::optional<BatchView> SegmentScan::next(BytesView bytes, bool at_end) {
  if (done_) return std::nullopt;
  if (bytes.empty() && at_end) return stop(ScanFault::none);
  if (bytes.size() < record::batch_front_size) {
    if (at_end) return stop(starts_with_zeros(bytes) ? ScanFault::zeros : ScanFault::torn);
    needed_ = record::batch_front_size;
    return std::nullopt;
  }
  const auto batch_size = record::batch_size_from_front(bytes);
  const auto size = batch_size ? batch_size : record::legacy_size_from_front(bytes);
  if (!size) return stop(starts_with_zeros(bytes) ? ScanFault::zeros : ScanFault::torn);
  if (*size > bytes.size()) {
    if (at_end) return stop(ScanFault::torn);
    needed_ = *size;
    return std::nullopt;
  }
  if (!batch_size) {
    auto converted = record::up_convert(bytes.first(*size));  // checks its CRC
    if (!converted) return stop(ScanFault::torn);
    converted_ = *std::move(converted);
  }
  const BatchView batch = BatchView::trusted(batch_size ? bytes.first(*size) : converted_);
  if (batch_size && !batch.crc_matches() && !MUTANT("L39")) return stop(ScanFault::torn);
  if (const auto fault = check_offsets(batch, base_offset_, next_offset_);
      fault != ScanFault::none) {
    return stop(fault);
  }
  // Batches older than leader epochs carry -1 and prove nothing.
  if (batch.leader_epoch() != no_epoch && batch.leader_epoch() < epoch_) {
    return stop(ScanFault::epoch_regress);
  }
  epoch_ = std::max(epoch_, batch.leader_epoch());
  next_offset_ = batch.next_offset();
  position_ += *size;
  stored_size_ = *size;
  needed_ = record::batch_front_size;
  return batch;
}

std::optional<BatchView> SegmentScan::stop(ScanFault fault) {
  fault_ = fault;
  done_ = true;
  return std::nullopt;
}

Truncation truncation_for(const EpochCache& epochs, EpochEnd leader, Offset log_end,
                          Offset high_watermark) {
  if (leader.end_offset == no_offset) return {.offset = std::min(high_watermark, log_end)};
  const Offset leader_end = std::min(leader.end_offset, log_end);
  if (leader.epoch == no_epoch) return {.offset = leader_end};
  const EpochEnd own = epochs.end_offset_for(leader.epoch, log_end);
  if (own == EpochEnd{}) return {.offset = leader_end};
  if (own.epoch != leader.epoch) {
    // We lack the epoch the leader names: cut to the end of what we share at most, and ask again.
    return {.offset = std::min(own.end_offset, log_end), .final = false};
  }
  return {.offset = std::min(own.end_offset, leader_end)};
}

}  // namespace cairn::log
