// SPDX-License-Identifier: Apache-2.0
// Message sets of magic 0 and 1, which Kafka wrote before 0.11 and whose segments a log may still
// hold. Read only: nothing here writes them. A compressed wrapper holds the messages; with magic 1
// their offsets are relative to the last one.
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

/// Bytes of the message of magic 0 or 1 (a wrapper counts as one) that begins with `front`; nothing
/// if none does. REQUIRES: batch_front_size bytes, as for batch_size_from_front().
std::optional<std::size_t> legacy_size_from_front(BytesView front);
/// The offset of the last record in it.
inline Offset legacy_last_offset(BytesView message) {
  return Offset(load_big_endian<std::int64_t>(message.data()));
}
/// Whether a whole message has the CRC-32 it says.
bool legacy_crc_matches(BytesView message);

/// One whole message as a batch of magic 2, in the way of Kafka's cleaner: same offsets, keys,
/// values and timestamps (none in magic 0), no producer, no leader epoch. Errors as above;
/// corrupt_message too if its offsets do not rise.
Result<Bytes> up_convert(BytesView message, Codec codec = Codec::none,
                         const DecompressionLimit& limit = {});
/// A run that begins with such a message, every one of them converted; batches of magic 2, and what
/// cannot be read (a message cut at the end, damage and all behind it) as they were.
Bytes up_convert_all(BytesView run);

}  // namespace cairn::record
