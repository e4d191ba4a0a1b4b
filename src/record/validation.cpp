// SPDX-License-Identifier: Apache-2.0
#include <cairn/record/validation.hpp>

#include "cursor.hpp"

namespace cairn::record {
namespace {

constexpr std::int16_t first_version_with_zstd = 7;
constexpr std::size_t most_record_errors = 1000;  // a response names no more than these

/// What the walk over the records found.
struct Walked {
  std::int64_t max_timestamp = no_timestamp;
  bool bad_timestamp = false;
  std::size_t refused = 0;
};

/// The one batch, if there is exactly one (KIP-98: from version 3 on). Kafka answers
/// invalid_record, which no client retries, wherever the bytes do not add up to a batch.
Result<BatchView> only_batch(BytesView records) {
  BatchIterator batches(records);
  auto batch = batches.next();
  if (!batch) {
    switch (batches.fault()) {
      case BatchFault::bad_length:
        return fail(ErrorCode::corrupt_message, to_string(BatchFault::bad_length));
      case BatchFault::bad_magic:
        return fail(ErrorCode::invalid_record, "record batches must be of magic 2");
      default:
        return fail(ErrorCode::invalid_record, "there must be one record batch a partition");
    }
  }
  if (batch->size() != records.size()) {
    return fail(ErrorCode::invalid_record, "there must be exactly one record batch a partition");
  }
  return *batch;
}

Result<> check_codec(const BatchView& batch, const ProduceRules& rules) {
  const auto codec = batch.codec();
  if (!codec) return fail(ErrorCode::unsupported_compression_type, "unknown codec");
  if (*codec == Codec::zstd && rules.produce_version < first_version_with_zstd) {
    return fail(ErrorCode::unsupported_compression_type, "zstd needs Produce version 7 or later");
  }
  return {};
}

Result<> check_size(const BatchView& batch, const ProduceRules& rules) {
  if (batch.size() > rules.max_message_bytes) {
    return fail(ErrorCode::message_too_large, "the batch is larger than max.message.bytes");
  }
  if (batch.size() > rules.segment_bytes) {
    return fail(ErrorCode::record_list_too_large, "the batch is larger than segment.bytes");
  }
  return {};
}

Result<> check_header(const BatchView& batch, const ProduceRules& rules) {
  const std::int64_t offsets = std::int64_t{batch.last_offset_delta()} + 1;
  if (offsets <= 0) return fail(ErrorCode::invalid_record, "the batch spans no offsets");
  if (offsets != batch.record_count()) {
    return fail(ErrorCode::invalid_record, "record count and last offset delta do not agree");
  }
  if (rules.origin != Origin::client) return {};
  if (batch.base_offset() != Offset(0)) {
    return fail(ErrorCode::invalid_record, "the base offset of a produced batch must be 0");
  }
  if (batch.is_control()) {
    return fail(ErrorCode::invalid_record, "clients may not write control records");
  }
  if (batch.has_producer() && (batch.base_sequence() < 0 || batch.producer_epoch().value() < 0)) {
    return fail(ErrorCode::invalid_record, "a producer id needs a sequence number and an epoch");
  }
  if (batch.is_transactional() && !batch.has_producer()) {
    return fail(ErrorCode::invalid_record, "a transactional batch needs a producer id");
  }
  return {};
}

bool timestamp_is_out_of_range(std::int64_t timestamp, const ProduceRules& rules) {
  if (timestamp == no_timestamp || rules.timestamp_type == TimestampType::log_append_time) {
    return false;
  }
  // 128 bits: both the limits and a client's timestamps may lie anywhere.
  const __int128 ahead = static_cast<__int128>(timestamp) - rules.now_ms;
  return ahead > rules.timestamp_after_max_ms || -ahead > rules.timestamp_before_max_ms;
}

/// Checks each record of a block that is not compressed (any more).
class Walk {
 public:
  Walk(const BatchView& batch, const ProduceRules& rules, std::vector<RecordError>* errors)
      : rules_(rules),
        errors_(errors),
        base_timestamp_(batch.base_timestamp()),
        count_(batch.record_count()),
        // A client may set the bit; then each record's timestamp is the batch's maximum.
        fixed_(batch.timestamp_type() == TimestampType::log_append_time),
        fixed_timestamp_(batch.max_timestamp()) {}

  Result<Walked> over(BytesView records) {
    Cursor cursor(records);
    RawRecord record;
    for (std::int32_t index = 0; index < count_; ++index) {
      if (cursor.left() == 0) return fail(ErrorCode::invalid_record, "records are missing");
      if (const char* why = read_record(cursor, record)) {
        return fail(ErrorCode::invalid_record, why);
      }
      if (record.offset_delta != index) {
        return fail(ErrorCode::invalid_record, "offset deltas must count up from 0");
      }
      check(record, index);
    }
    if (cursor.left() != 0) {
      return fail(ErrorCode::invalid_record, "bytes follow the last record");
    }
    return walked_;
  }

 private:
  void check(const RawRecord& record, std::int32_t index) {
    const std::int64_t timestamp =
        fixed_ ? fixed_timestamp_ : add_wrapping(base_timestamp_, record.timestamp_delta);
    if (timestamp > walked_.max_timestamp) walked_.max_timestamp = timestamp;
    if (rules_.compacted && record.key_size < 0) {
      refuse(index, "a compacted topic accepts no record without a key");
    } else if (timestamp_is_out_of_range(timestamp, rules_)) {
      walked_.bad_timestamp = true;
      refuse(index, "the timestamp is out of the range that the topic allows");
    }
  }
  void refuse(std::int32_t index, const char* why) {
    ++walked_.refused;
    if (errors_ != nullptr && errors_->size() < most_record_errors) {
      errors_->push_back({index, why});
    }
  }

  const ProduceRules& rules_;
  std::vector<RecordError>* errors_;
  std::int64_t base_timestamp_;
  std::int32_t count_;
  bool fixed_;
  std::int64_t fixed_timestamp_;
  Walked walked_;
};

bool must_open(const BatchView& batch, const ProduceRules& rules) {
  if (!batch.is_compressed()) return true;
  const bool has_lower_bound =
      rules.timestamp_type == TimestampType::create_time &&
      rules.timestamp_before_max_ms != std::numeric_limits<std::int64_t>::max();
  return rules.compacted || has_lower_bound ||
         (rules.stored_codec && rules.stored_codec != batch.codec());
}

Result<Walked> walk(const BatchView& batch, const ProduceRules& rules,
                    std::vector<RecordError>* errors) {
  Walk steps(batch, rules, errors);
  if (!batch.is_compressed()) return steps.over(batch.payload());
  const auto limit = DecompressionLimit::for_topic(rules.max_message_bytes);
  TRY(Bytes records, decompress(*batch.codec(), batch.payload(), limit));
  return steps.over(records);
}

Result<Walked> check_records(const BatchView& batch, const ProduceRules& rules,
                             std::vector<RecordError>* errors) {
  Walked walked{.max_timestamp = batch.max_timestamp()};
  if (must_open(batch, rules)) {
    TRY(walked, walk(batch, rules, errors));
  } else if (timestamp_is_out_of_range(batch.max_timestamp(), rules)) {
    walked.bad_timestamp = true;
    walked.refused = 1;
  }
  if (walked.bad_timestamp) {
    return fail(ErrorCode::invalid_timestamp,
                "One or more records have been rejected due to invalid timestamp");
  }
  if (walked.refused != 0) {
    return fail(ErrorCode::invalid_record, "One or more records have been rejected");
  }
  return walked;
}

}  // namespace

Result<Produced> validate_produced(BytesView records, const ProduceRules& rules,
                                   std::vector<RecordError>* errors) {
  TRY(const BatchView batch, only_batch(records));
  TRY(check_codec(batch, rules));
  TRY(check_size(batch, rules));
  if (!batch.crc_matches()) {
    return fail(ErrorCode::corrupt_message, "the record batch does not match its CRC");
  }
  TRY(check_header(batch, rules));
  TRY(const Walked walked, check_records(batch, rules, errors));

  Produced produced{.batch = batch, .record_count = batch.record_count()};
  produced.max_timestamp =
      rules.timestamp_type == TimestampType::log_append_time ? rules.now_ms : walked.max_timestamp;
  produced.restamp = batch.timestamp_type() != rules.timestamp_type ||
                     batch.max_timestamp() != produced.max_timestamp;
  produced.recompress = rules.stored_codec && rules.stored_codec != batch.codec();
  return produced;
}

}  // namespace cairn::record
