// SPDX-License-Identifier: Apache-2.0
// Control records: what transaction coordinators and the quorum write among the data. The key says
// the type; values are protocol's generated structs, except the marker that ends a transaction,
// whose layout is fixed. Control batches hold only control records.
#pragma once

#include <cairn/record/builder.hpp>

namespace cairn::protocol {
struct LeaderChangeMessage;
struct SnapshotHeaderRecord;
struct SnapshotFooterRecord;
struct KRaftVersionRecord;
struct VotersRecord;
}  // namespace cairn::protocol

namespace cairn::record {

enum class ControlType : std::int16_t {
  abort = 0,
  commit = 1,
  leader_change = 2,
  snapshot_header = 3,
  snapshot_footer = 4,
  kraft_version = 5,
  kraft_voters = 6,
};

/// The 4 bytes of a control record's key.
Bytes control_key(ControlType type);
/// The type a control record's key names: invalid_record if it is malformed or newer than we know.
/// Brokers pass over unknown types; the quorum must not.
Result<ControlType> parse_control_type(const RecordView& record);

/// Ends the transaction of the batch's producer.
struct EndTransactionMarker {
  ControlType type = ControlType::abort;  // abort or commit
  std::int32_t coordinator_epoch = 0;

  bool operator==(const EndTransactionMarker&) const = default;
};

/// A whole batch of one marker: flags transactional and control, producer and epoch, no sequence.
Bytes build_marker_batch(const EndTransactionMarker& marker, ProducerId producer,
                         ProducerEpoch producer_epoch, std::int64_t timestamp,
                         Offset base_offset = Offset(0), Epoch leader_epoch = no_epoch);
/// The marker a control batch holds: invalid_record if it is another control type or malformed.
Result<EndTransactionMarker> parse_marker_batch(const BatchView& batch);

/// Appends one control record with the builder's next offset. REQUIRES: the builder's batch is a
/// control batch.
void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::LeaderChangeMessage& value);
void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::SnapshotHeaderRecord& value);
void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::SnapshotFooterRecord& value);
void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::KRaftVersionRecord& value);
void append_control(BatchBuilder& builder, std::int64_t timestamp,
                    const protocol::VotersRecord& value);

/// The value of a control record of the type named. invalid_record if key or value are something
/// else.
Result<protocol::LeaderChangeMessage> parse_leader_change(const RecordView& record);
Result<protocol::SnapshotHeaderRecord> parse_snapshot_header(const RecordView& record);
Result<protocol::SnapshotFooterRecord> parse_snapshot_footer(const RecordView& record);
Result<protocol::KRaftVersionRecord> parse_kraft_version(const RecordView& record);
Result<protocol::VotersRecord> parse_voters(const RecordView& record);

}  // namespace cairn::record
