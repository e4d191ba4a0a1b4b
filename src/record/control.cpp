// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <cairn/base/assert.hpp>
#include <cairn/record/control.hpp>

namespace cairn::record {
namespace {

constexpr std::int16_t key_version = 0;
constexpr std::size_t key_size = 4;
constexpr std::int16_t marker_version = 0;
constexpr std::size_t marker_size = 6;

std::array<std::byte, key_size> encode_key(ControlType type) {
  std::array<std::byte, key_size> key;
  store_big_endian(key.data(), key_version);
  store_big_endian(key.data() + 2, static_cast<std::int16_t>(type));
  return key;
}

bool ends_transaction(ControlType type) {
  return type == ControlType::abort || type == ControlType::commit;
}

}  // namespace

Bytes control_key(ControlType type) { return to_bytes(encode_key(type)); }

Result<ControlType> parse_control_type(const RecordView& record) {
  // A later version may have more fields behind these two.
  if (!record.key || record.key->size() < key_size) {
    return fail(ErrorCode::invalid_record, "a control record's key is too short");
  }
  if (load_big_endian<std::int16_t>(record.key->data()) < 0) {
    return fail(ErrorCode::invalid_record, "a control record's key has a negative version");
  }
  const auto type = load_big_endian<std::int16_t>(record.key->data() + 2);
  if (type < 0 || type > static_cast<std::int16_t>(ControlType::kraft_voters)) {
    return fail(ErrorCode::invalid_record, "unknown type of control record");
  }
  return static_cast<ControlType>(type);
}

Bytes build_marker_batch(const EndTransactionMarker& marker, ProducerId producer,
                         ProducerEpoch producer_epoch, std::int64_t timestamp, Offset base_offset,
                         Epoch leader_epoch) {
  ASSERT(ends_transaction(marker.type), "a marker commits or aborts");
  std::array<std::byte, marker_size> value;
  store_big_endian(value.data(), marker_version);
  store_big_endian(value.data() + 2, marker.coordinator_epoch);
  BatchOptions options;
  options.base_offset = base_offset;
  options.leader_epoch = leader_epoch;
  options.producer_id = producer;
  options.producer_epoch = producer_epoch;
  options.transactional = true;
  options.control = true;
  BatchBuilder builder(options);
  builder.append(timestamp, encode_key(marker.type), value);
  return builder.build();
}

Result<EndTransactionMarker> parse_marker_batch(const BatchView& batch) {
  TRY(RecordReader reader, RecordReader::open(batch));
  const auto record = reader.next();
  TRY(reader.status());
  if (!batch.is_control() || !record) {
    return fail(ErrorCode::invalid_record, "the batch holds no control record");
  }
  TRY(const ControlType type, parse_control_type(*record));
  if (!ends_transaction(type)) {
    return fail(ErrorCode::invalid_record, "the control record ends no transaction");
  }
  if (!record->value || record->value->size() < marker_size ||
      load_big_endian<std::int16_t>(record->value->data()) < 0) {
    return fail(ErrorCode::invalid_record, "the marker of a transaction's end is malformed");
  }
  return EndTransactionMarker{
      .type = type, .coordinator_epoch = load_big_endian<std::int32_t>(record->value->data() + 2)};
}

}  // namespace cairn::record
