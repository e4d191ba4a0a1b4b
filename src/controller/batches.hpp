// SPDX-License-Identifier: Apache-2.0
// Metadata records as batches of the metadata log, and back. A decision's records go into one
// batch, which a crash keeps whole or not at all; what is too large for one is bracketed by a
// metadata transaction. Pure bytes.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/result.hpp>
#include <cairn/metadata/record.hpp>
#include <cairn/raft/control_records.hpp>
#include <cairn/record/batch.hpp>

namespace cairn::controller {

inline constexpr std::size_t max_batch_records = 10'000;
inline constexpr std::size_t max_batch_bytes = std::size_t{7} << 20;  // Kafka reads up to 8 MiB

struct EncodedBatch {
  Bytes bytes;
  std::size_t records = 0;
  Offset last_offset;
};

/// Batches back to back from `base_offset`.
std::vector<EncodedBatch> encode_batches(std::span<const metadata::Record> records,
                                         Offset base_offset, Epoch epoch, std::int64_t timestamp);
/// Whether encode_batches would need more than one batch.
bool needs_transaction(std::span<const metadata::Record> records);

/// One batch of the log or of a snapshot: either kind of records, never both.
struct DecodedBatch {
  std::vector<metadata::Record> records;
  std::vector<raft::ControlRecord> control;
};
/// corrupt_message or unsupported_version: the log cannot be read by this version, which is fatal.
Result<DecodedBatch> decode_batch(const record::BatchView& batch);

}  // namespace cairn::controller
