// SPDX-License-Identifier: Apache-2.0
// What the members of the quorum say to one another, as plain values: the wire's arrays of topics
// and partitions hold exactly one, __cluster_metadata-0 (wire.hpp converts). The directory ids are
// zero where a peer's version has none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/error_code.hpp>
#include <cairn/raft/types.hpp>

namespace cairn::raft {

struct VoteRequest {
  std::optional<std::string> cluster_id;
  ReplicaKey voter;  // who is asked; id -1 where the version has none
  ReplicaKey candidate;
  Epoch epoch;  // a pre-vote's is the candidate's present one
  LogPosition last;
  bool pre_vote = false;
};

struct BeginQuorumEpochRequest {
  std::optional<std::string> cluster_id;
  ReplicaKey voter;
  BrokerId leader;
  Epoch epoch;
  std::vector<Endpoint> leader_endpoints;
};

struct EndQuorumEpochRequest {
  std::optional<std::string> cluster_id;
  BrokerId leader;
  Epoch epoch;
  std::vector<ReplicaKey> preferred_candidates;  // the best first
  std::vector<Endpoint> leader_endpoints;
};

struct FetchRequest {
  static constexpr std::int64_t no_high_watermark_feature = INT64_MAX;  // KIP-1166: not sent

  std::optional<std::string> cluster_id;
  ReplicaKey replica;
  Epoch epoch;
  Offset fetch_offset;
  Epoch last_fetched_epoch;
  Offset high_watermark{no_high_watermark_feature};  // -1: unknown
  Duration max_wait{};
  std::int32_t max_bytes = 0;
};

struct FetchSnapshotRequest {
  std::optional<std::string> cluster_id;
  ReplicaKey replica;
  Epoch epoch;
  SnapshotId snapshot;
  std::int64_t position = 0;
  std::int32_t max_bytes = 0;
};

using Request = std::variant<VoteRequest, BeginQuorumEpochRequest, EndQuorumEpochRequest,
                             FetchRequest, FetchSnapshotRequest>;

/// What every reply names.
struct LeaderHint {
  BrokerId leader = no_broker;
  Epoch epoch = no_epoch;
  std::vector<Endpoint> endpoints;
};

struct VoteResponse {
  ErrorCode error = ErrorCode::none;
  LeaderHint leader;
  bool granted = false;
};
struct BeginQuorumEpochResponse {
  ErrorCode error = ErrorCode::none;
  LeaderHint leader;
};
struct EndQuorumEpochResponse {
  ErrorCode error = ErrorCode::none;
  LeaderHint leader;
};

/// A batch inside fetched bytes, as far as log matching needs it.
struct FetchedBatch {
  Offset base_offset;
  Offset next_offset;
  Epoch epoch;
  std::optional<VoterSet> voters;  // of a KRaftVoters control record in it
  std::optional<std::int16_t> kraft_version;
};
struct FetchResponse {
  ErrorCode error = ErrorCode::none;
  LeaderHint leader;
  Offset high_watermark = no_offset;
  Offset log_start;
  std::optional<LogPosition> diverging;
  std::optional<SnapshotId> snapshot;
  /// At the receiver: the records and what stands in them. At the sender the actor reads them from
  /// `read_from` on, up to the log end, after the core has decided.
  BytesView records;
  std::vector<FetchedBatch> batches;
  std::optional<Offset> read_from;
};
struct FetchSnapshotResponse {
  ErrorCode error = ErrorCode::none;
  LeaderHint leader;
  SnapshotId snapshot;
  std::int64_t size = 0;
  std::int64_t position = 0;
  BytesView bytes;
};

using Response = std::variant<VoteResponse, BeginQuorumEpochResponse, EndQuorumEpochResponse,
                              FetchResponse, FetchSnapshotResponse>;

}  // namespace cairn::raft
