// SPDX-License-Identifier: Apache-2.0
// What a broker checks of a batch that a client produced, before it stamps offset and epoch and
// appends: framing, CRC, sizes, flags, counts, offsets, sequences, timestamps, keys. Uncompressed
// records are walked; a compressed batch is opened only if a rule needs its records.
#pragma once

#include <string>

#include <cairn/record/record.hpp>

namespace cairn::record {

/// Who appends; only clients are distrusted about offsets and control batches.
enum class Origin : std::uint8_t { client, coordinator };

struct ProduceRules {
  std::int16_t produce_version = 9;  // zstd from 7 on
  Origin origin = Origin::client;
  std::size_t max_message_bytes = 1048588;           // max.message.bytes of the topic
  std::size_t segment_bytes = std::size_t{1} << 30;  // a batch must fit one segment
  bool compacted = false;                            // cleanup.policy has "compact": keys required
  TimestampType timestamp_type = TimestampType::create_time;
  std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t timestamp_after_max_ms = 3600000;
  std::optional<Codec> stored_codec = {};  // compression.type; nothing for "producer"
  std::int64_t now_ms = 0;                 // wall time of the append
};

/// A record a rule refused: goes into ProduceResponse.record_errors.
struct RecordError {
  std::int32_t batch_index = 0;  // of the record in its batch
  const char* why = "";
};

struct Produced {
  BatchView batch;
  std::int32_t record_count = 0;
  /// The largest timestamp the log shall show: the append time under LogAppendTime, else what the
  /// records say.
  std::int64_t max_timestamp = no_timestamp;
  /// Type or maximum in the header differ from what they must be: stamp_max_timestamp() is due.
  bool restamp = false;
  /// compression.type asks for another codec: recompress() is due.
  bool recompress = false;
};

/// Checks the records of one partition of a produce request. Errors as Kafka's: invalid_record (no
/// batch, more than one, old magic, control batch, bad counts, offsets or sequence, null key in a
/// compacted topic), corrupt_message (length, CRC), message_too_large, record_list_too_large,
/// invalid_timestamp, unsupported_compression_type. `errors`, if given, gets the refused records.
Result<Produced> validate_produced(BytesView records, const ProduceRules& rules,
                                   std::vector<RecordError>* errors = nullptr);

}  // namespace cairn::record
