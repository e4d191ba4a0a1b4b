// SPDX-License-Identifier: Apache-2.0
// A record of the metadata log with the schema version it has, or is to have, in the log. On disk
// the value is: uvarint frame version 1, uvarint type, uvarint version, body. Invariant: every one
// of the 26 types can be held, read and written, with the tagged fields this code does not know.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/result.hpp>
#include <cairn/protocol/records/metadata/abort_transaction_record.hpp>
#include <cairn/protocol/records/metadata/access_control_entry_record.hpp>
#include <cairn/protocol/records/metadata/begin_transaction_record.hpp>
#include <cairn/protocol/records/metadata/broker_registration_change_record.hpp>
#include <cairn/protocol/records/metadata/clear_elr_record.hpp>
#include <cairn/protocol/records/metadata/client_quota_record.hpp>
#include <cairn/protocol/records/metadata/config_record.hpp>
#include <cairn/protocol/records/metadata/delegation_token_record.hpp>
#include <cairn/protocol/records/metadata/end_transaction_record.hpp>
#include <cairn/protocol/records/metadata/feature_level_record.hpp>
#include <cairn/protocol/records/metadata/fence_broker_record.hpp>
#include <cairn/protocol/records/metadata/no_op_record.hpp>
#include <cairn/protocol/records/metadata/partition_change_record.hpp>
#include <cairn/protocol/records/metadata/partition_record.hpp>
#include <cairn/protocol/records/metadata/producer_ids_record.hpp>
#include <cairn/protocol/records/metadata/register_broker_record.hpp>
#include <cairn/protocol/records/metadata/register_controller_record.hpp>
#include <cairn/protocol/records/metadata/remove_access_control_entry_record.hpp>
#include <cairn/protocol/records/metadata/remove_delegation_token_record.hpp>
#include <cairn/protocol/records/metadata/remove_topic_record.hpp>
#include <cairn/protocol/records/metadata/remove_user_scram_credential_record.hpp>
#include <cairn/protocol/records/metadata/topic_record.hpp>
#include <cairn/protocol/records/metadata/unfence_broker_record.hpp>
#include <cairn/protocol/records/metadata/unregister_broker_record.hpp>
#include <cairn/protocol/records/metadata/user_scram_credential_record.hpp>
#include <cairn/protocol/records/metadata/zk_migration_state_record.hpp>

namespace cairn::metadata {

using RecordBody = std::variant<
    protocol::RegisterBrokerRecord, protocol::UnregisterBrokerRecord, protocol::TopicRecord,
    protocol::PartitionRecord, protocol::ConfigRecord, protocol::PartitionChangeRecord,
    protocol::FenceBrokerRecord, protocol::UnfenceBrokerRecord, protocol::RemoveTopicRecord,
    protocol::DelegationTokenRecord, protocol::UserScramCredentialRecord,
    protocol::FeatureLevelRecord, protocol::ClientQuotaRecord, protocol::ProducerIdsRecord,
    protocol::BrokerRegistrationChangeRecord, protocol::AccessControlEntryRecord,
    protocol::RemoveAccessControlEntryRecord, protocol::NoOpRecord,
    protocol::ZkMigrationStateRecord, protocol::RemoveUserScramCredentialRecord,
    protocol::BeginTransactionRecord, protocol::EndTransactionRecord,
    protocol::AbortTransactionRecord, protocol::RemoveDelegationTokenRecord,
    protocol::RegisterControllerRecord, protocol::ClearElrRecord>;

struct Record {
  RecordBody body;
  std::int16_t version = 0;

  bool operator==(const Record&) const = default;
};

/// The value of a log record. Errors: corrupt_message for cut or trailing bytes,
/// unsupported_version for a frame, type or version that 4.3.1 does not know.
Result<Record> decode_record(BytesView value);
Bytes encode_record(const Record& record);

/// "PartitionChangeRecord", for people.
std::string_view record_name(const Record& record);
std::int16_t record_type(const Record& record);

}  // namespace cairn::metadata
