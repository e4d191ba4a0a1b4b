// SPDX-License-Identifier: Apache-2.0
// The quorum's control records: protocol's structs under a control key.
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/protocol/message.hpp>
#include <cairn/protocol/records/control/kraft_version_record.hpp>
#include <cairn/protocol/records/control/leader_change_message.hpp>
#include <cairn/protocol/records/control/snapshot_footer_record.hpp>
#include <cairn/protocol/records/control/snapshot_header_record.hpp>
#include <cairn/protocol/records/control/voters_record.hpp>
#include <cairn/record/control.hpp>

namespace cairn::record {
namespace {

/// The schema version of a value stands in its first two bytes; it is written as the struct says.
template <class M>
void append_value(BatchBuilder& builder, std::int64_t timestamp, ControlType type, const M& value) {
  const Bytes key = control_key(type);
  const Bytes encoded = protocol::encode(value, value.version);
  builder.append(timestamp, key, encoded);
}

template <class M>
Result<M> parse_value(const RecordView& record, ControlType expected) {
  TRY(const ControlType type, parse_control_type(record));
  if (type != expected) return fail(ErrorCode::invalid_record, "another type of control record");
  if (!record.value || record.value->size() < 2) {
    return fail(ErrorCode::invalid_record, "a control record without a value");
  }
  const auto written = load_big_endian<std::int16_t>(record.value->data());
  if (written < M::versions.min || written > M::versions.max) {
    return fail(ErrorCode::invalid_record, "unknown version of a control record");
  }
  auto value = protocol::decode<M>(*record.value, written);
  if (!value) return fail(ErrorCode::invalid_record, "a control record's value is malformed");
  return value;
}

}  // namespace

void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::LeaderChangeMessage& value) {
  append_value(builder, timestamp, ControlType::leader_change, value);
}

void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::SnapshotHeaderRecord& value) {
  append_value(builder, timestamp, ControlType::snapshot_header, value);
}

void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::SnapshotFooterRecord& value) {
  append_value(builder, timestamp, ControlType::snapshot_footer, value);
}

void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::KRaftVersionRecord& value) {
  append_value(builder, timestamp, ControlType::kraft_version, value);
}

void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::VotersRecord& value) {
  append_value(builder, timestamp, ControlType::kraft_voters, value);
}

Result<protocol::LeaderChangeMessage> parse_leader_change(const RecordView& record) {
  return parse_value<protocol::LeaderChangeMessage>(record, ControlType::leader_change);
}

Result<protocol::SnapshotHeaderRecord> parse_snapshot_header(const RecordView& record) {
  return parse_value<protocol::SnapshotHeaderRecord>(record, ControlType::snapshot_header);
}

Result<protocol::SnapshotFooterRecord> parse_snapshot_footer(const RecordView& record) {
  return parse_value<protocol::SnapshotFooterRecord>(record, ControlType::snapshot_footer);
}

Result<protocol::KRaftVersionRecord> parse_kraft_version(const RecordView& record) {
  return parse_value<protocol::KRaftVersionRecord>(record, ControlType::kraft_version);
}

Result<protocol::VotersRecord> parse_voters(const RecordView& record) {
  return parse_value<protocol::VotersRecord>(record, ControlType::kraft_voters);
}

}  // namespace cairn::record
