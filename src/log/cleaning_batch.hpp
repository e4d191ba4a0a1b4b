// SPDX-License-Identifier: Apache-2.0
// What a cleaned batch looks like in bytes: the original's header with other records behind it, or
// with none. Base offset, last offset delta, leader epoch, producer and sequence always stay, so
// nothing that is derived from them moves. Owner: BatchFilter.
#pragma once

#include <cairn/record/batch.hpp>

namespace cairn::log {

/// Only the header of `original`: no records, no codec, no delete horizon.
void append_empty_batch(const record::BatchView& original, Bytes& to);

/// Appends an encoded record with another timestamp delta.
void append_with_timestamp_delta(BytesView encoded, std::int64_t timestamp_delta, Bytes& to);

struct CleanedRecords {
  BytesView records;  // not compressed; deltas as in the original, or from the new horizon
  std::int32_t count = 0;
  std::int64_t max_timestamp = no_timestamp;  // of the records
  std::optional<std::int64_t> new_horizon;    // becomes the base timestamp
};
/// `original` with these records, in its codec.
void append_cleaned_batch(const record::BatchView& original, const CleanedRecords& cleaned,
                          Bytes& to);

}  // namespace cairn::log
