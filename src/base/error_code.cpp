// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <cairn/base/error_code.hpp>

namespace cairn {
namespace {

struct Row {
  std::int16_t code;
  bool retriable;
  std::string_view name;
};

// In order of code.
constexpr std::array rows{
    Row{-1, false, "UNKNOWN_SERVER_ERROR"},
    Row{0, false, "NONE"},
    Row{1, false, "OFFSET_OUT_OF_RANGE"},
    Row{2, true, "CORRUPT_MESSAGE"},
    Row{3, true, "UNKNOWN_TOPIC_OR_PARTITION"},
    Row{4, false, "INVALID_FETCH_SIZE"},
    Row{5, true, "LEADER_NOT_AVAILABLE"},
    Row{6, true, "NOT_LEADER_OR_FOLLOWER"},
    Row{7, true, "REQUEST_TIMED_OUT"},
    Row{8, false, "BROKER_NOT_AVAILABLE"},
    Row{9, true, "REPLICA_NOT_AVAILABLE"},
    Row{10, false, "MESSAGE_TOO_LARGE"},
    Row{11, false, "STALE_CONTROLLER_EPOCH"},
    Row{12, false, "OFFSET_METADATA_TOO_LARGE"},
    Row{13, true, "NETWORK_EXCEPTION"},
    Row{14, true, "COORDINATOR_LOAD_IN_PROGRESS"},
    Row{15, true, "COORDINATOR_NOT_AVAILABLE"},
    Row{16, true, "NOT_COORDINATOR"},
    Row{17, false, "INVALID_TOPIC_EXCEPTION"},
    Row{18, false, "RECORD_LIST_TOO_LARGE"},
    Row{19, true, "NOT_ENOUGH_REPLICAS"},
    Row{20, true, "NOT_ENOUGH_REPLICAS_AFTER_APPEND"},
    Row{21, false, "INVALID_REQUIRED_ACKS"},
    Row{22, false, "ILLEGAL_GENERATION"},
    Row{23, false, "INCONSISTENT_GROUP_PROTOCOL"},
    Row{24, false, "INVALID_GROUP_ID"},
    Row{25, false, "UNKNOWN_MEMBER_ID"},
    Row{26, false, "INVALID_SESSION_TIMEOUT"},
    Row{27, false, "REBALANCE_IN_PROGRESS"},
    Row{28, false, "INVALID_COMMIT_OFFSET_SIZE"},
    Row{29, false, "TOPIC_AUTHORIZATION_FAILED"},
    Row{30, false, "GROUP_AUTHORIZATION_FAILED"},
    Row{31, false, "CLUSTER_AUTHORIZATION_FAILED"},
    Row{32, false, "INVALID_TIMESTAMP"},
    Row{33, false, "UNSUPPORTED_SASL_MECHANISM"},
    Row{34, false, "ILLEGAL_SASL_STATE"},
    Row{35, false, "UNSUPPORTED_VERSION"},
    Row{36, false, "TOPIC_ALREADY_EXISTS"},
    Row{37, false, "INVALID_PARTITIONS"},
    Row{38, false, "INVALID_REPLICATION_FACTOR"},
    Row{39, false, "INVALID_REPLICA_ASSIGNMENT"},
    Row{40, false, "INVALID_CONFIG"},
    Row{41, true, "NOT_CONTROLLER"},
    Row{42, false, "INVALID_REQUEST"},
    Row{43, false, "UNSUPPORTED_FOR_MESSAGE_FORMAT"},
    Row{44, false, "POLICY_VIOLATION"},
    Row{45, false, "OUT_OF_ORDER_SEQUENCE_NUMBER"},
    Row{46, false, "DUPLICATE_SEQUENCE_NUMBER"},
    Row{47, false, "INVALID_PRODUCER_EPOCH"},
    Row{48, false, "INVALID_TXN_STATE"},
    Row{49, false, "INVALID_PRODUCER_ID_MAPPING"},
    Row{50, false, "INVALID_TRANSACTION_TIMEOUT"},
    Row{51, true, "CONCURRENT_TRANSACTIONS"},
    Row{52, false, "TRANSACTION_COORDINATOR_FENCED"},
    Row{53, false, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"},
    Row{54, false, "SECURITY_DISABLED"},
    Row{55, false, "OPERATION_NOT_ATTEMPTED"},
    Row{56, true, "KAFKA_STORAGE_ERROR"},
    Row{57, false, "LOG_DIR_NOT_FOUND"},
    Row{58, false, "SASL_AUTHENTICATION_FAILED"},
    Row{59, false, "UNKNOWN_PRODUCER_ID"},
    Row{60, false, "REASSIGNMENT_IN_PROGRESS"},
    Row{61, false, "DELEGATION_TOKEN_AUTH_DISABLED"},
    Row{62, false, "DELEGATION_TOKEN_NOT_FOUND"},
    Row{63, false, "DELEGATION_TOKEN_OWNER_MISMATCH"},
    Row{64, false, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED"},
    Row{65, false, "DELEGATION_TOKEN_AUTHORIZATION_FAILED"},
    Row{66, false, "DELEGATION_TOKEN_EXPIRED"},
    Row{67, false, "INVALID_PRINCIPAL_TYPE"},
    Row{68, false, "NON_EMPTY_GROUP"},
    Row{69, false, "GROUP_ID_NOT_FOUND"},
    Row{70, true, "FETCH_SESSION_ID_NOT_FOUND"},
    Row{71, true, "INVALID_FETCH_SESSION_EPOCH"},
    Row{72, true, "LISTENER_NOT_FOUND"},
    Row{73, false, "TOPIC_DELETION_DISABLED"},
    Row{74, true, "FENCED_LEADER_EPOCH"},
    Row{75, true, "UNKNOWN_LEADER_EPOCH"},
    Row{76, false, "UNSUPPORTED_COMPRESSION_TYPE"},
    Row{77, false, "STALE_BROKER_EPOCH"},
    Row{78, true, "OFFSET_NOT_AVAILABLE"},
    Row{79, false, "MEMBER_ID_REQUIRED"},
    Row{80, true, "PREFERRED_LEADER_NOT_AVAILABLE"},
    Row{81, false, "GROUP_MAX_SIZE_REACHED"},
    Row{82, false, "FENCED_INSTANCE_ID"},
    Row{83, true, "ELIGIBLE_LEADERS_NOT_AVAILABLE"},
    Row{84, true, "ELECTION_NOT_NEEDED"},
    Row{85, false, "NO_REASSIGNMENT_IN_PROGRESS"},
    Row{86, false, "GROUP_SUBSCRIBED_TO_TOPIC"},
    Row{87, false, "INVALID_RECORD"},
    Row{88, true, "UNSTABLE_OFFSET_COMMIT"},
    Row{89, true, "THROTTLING_QUOTA_EXCEEDED"},
    Row{90, false, "PRODUCER_FENCED"},
    Row{91, false, "RESOURCE_NOT_FOUND"},
    Row{92, false, "DUPLICATE_RESOURCE"},
    Row{93, false, "UNACCEPTABLE_CREDENTIAL"},
    Row{94, false, "INCONSISTENT_VOTER_SET"},
    Row{95, false, "INVALID_UPDATE_VERSION"},
    Row{96, false, "FEATURE_UPDATE_FAILED"},
    Row{97, false, "PRINCIPAL_DESERIALIZATION_FAILURE"},
    Row{98, false, "SNAPSHOT_NOT_FOUND"},
    Row{99, false, "POSITION_OUT_OF_RANGE"},
    Row{100, true, "UNKNOWN_TOPIC_ID"},
    Row{101, false, "DUPLICATE_BROKER_REGISTRATION"},
    Row{102, false, "BROKER_ID_NOT_REGISTERED"},
    Row{103, true, "INCONSISTENT_TOPIC_ID"},
    Row{104, false, "INCONSISTENT_CLUSTER_ID"},
    Row{105, false, "TRANSACTIONAL_ID_NOT_FOUND"},
    Row{106, true, "FETCH_SESSION_TOPIC_ID_ERROR"},
    Row{107, false, "INELIGIBLE_REPLICA"},
    Row{108, false, "NEW_LEADER_ELECTED"},
    Row{109, false, "OFFSET_MOVED_TO_TIERED_STORAGE"},
    Row{110, false, "FENCED_MEMBER_EPOCH"},
    Row{111, false, "UNRELEASED_INSTANCE_ID"},
    Row{112, false, "UNSUPPORTED_ASSIGNOR"},
    Row{113, false, "STALE_MEMBER_EPOCH"},
    Row{114, false, "MISMATCHED_ENDPOINT_TYPE"},
    Row{115, false, "UNSUPPORTED_ENDPOINT_TYPE"},
    Row{116, false, "UNKNOWN_CONTROLLER_ID"},
    Row{117, false, "UNKNOWN_SUBSCRIPTION_ID"},
    Row{118, false, "TELEMETRY_TOO_LARGE"},
    Row{119, false, "INVALID_REGISTRATION"},
    Row{120, false, "TRANSACTION_ABORTABLE"},
    Row{121, false, "INVALID_RECORD_STATE"},
    Row{122, true, "SHARE_SESSION_NOT_FOUND"},
    Row{123, true, "INVALID_SHARE_SESSION_EPOCH"},
    Row{124, false, "FENCED_STATE_EPOCH"},
    Row{125, false, "INVALID_VOTER_KEY"},
    Row{126, false, "DUPLICATE_VOTER"},
    Row{127, false, "VOTER_NOT_FOUND"},
    Row{128, false, "INVALID_REGULAR_EXPRESSION"},
    Row{129, false, "REBOOTSTRAP_REQUIRED"},
    Row{130, false, "STREAMS_INVALID_TOPOLOGY"},
    Row{131, false, "STREAMS_INVALID_TOPOLOGY_EPOCH"},
    Row{132, false, "STREAMS_TOPOLOGY_FENCED"},
    Row{133, true, "SHARE_SESSION_LIMIT_REACHED"},
};

const Row* find(ErrorCode code) {
  const auto row = std::ranges::lower_bound(rows, static_cast<std::int16_t>(code), {}, &Row::code);
  return row != rows.end() && row->code == static_cast<std::int16_t>(code) ? row : nullptr;
}

}  // namespace

std::string to_string(ErrorCode code) {
  if (const Row* row = find(code)) return std::string(row->name);
  return fmt::format("ERROR_{}", static_cast<std::int16_t>(code));
}

bool is_retriable(ErrorCode code) {
  const Row* row = find(code);
  return row != nullptr && row->retriable;
}

}  // namespace cairn
