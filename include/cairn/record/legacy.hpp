// SPDX-License-Identifier: Apache-2.0
// Message sets of magic 0 and 1, which Kafka wrote before 0.11. Read only: nothing here writes
// them. A compressed wrapper holds the messages; with magic 1 their offsets are relative to the
// last one.
#pragma once

#include <cairn/record/compression.hpp>

namespace cairn::record {

struct LegacyRecord {
  Offset offset;
  std::int8_t magic = 0;
  std::int64_t timestamp = no_timestamp;  // magic 1 only
  TimestampType timestamp_type = TimestampType::create_time;
  std::optional<Bytes> key = {};
  std::optional<Bytes> value = {};

  bool operator==(const LegacyRecord&) const = default;
};

/// All messages of a message set, wrappers opened. A message cut at the end is left out, as readers
/// of a fetch expect. corrupt_message (length, CRC-32, nested wrappers), message_too_large.
Result<std::vector<LegacyRecord>> read_message_set(BytesView bytes,
                                                   const DecompressionLimit& limit = {});

}  // namespace cairn::record
