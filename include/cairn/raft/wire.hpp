// SPDX-License-Identifier: Apache-2.0
// Between what the quorum's members say (messages.hpp) and Kafka's requests and responses, which
// carry arrays of topics and partitions although only __cluster_metadata-0 is ever meant. A message
// that names anything else, or more than one partition, is refused here, before the core. Pure.
#pragma once

#include <cairn/base/result.hpp>
#include <cairn/protocol/messages/begin_quorum_epoch.hpp>
#include <cairn/protocol/messages/end_quorum_epoch.hpp>
#include <cairn/protocol/messages/fetch.hpp>
#include <cairn/protocol/messages/fetch_snapshot.hpp>
#include <cairn/protocol/messages/vote.hpp>
#include <cairn/raft/messages.hpp>

namespace cairn::raft {

inline constexpr TopicId metadata_topic_id{0, 1};
inline constexpr std::string_view metadata_topic_name = "__cluster_metadata";

// Requests: `version` says which fields the peer knows. Errors: unknown_topic_or_partition,
// invalid_request.
protocol::VoteRequest to_wire(const VoteRequest& request, std::int16_t version);
protocol::BeginQuorumEpochRequest to_wire(const BeginQuorumEpochRequest& request,
                                          std::int16_t version);
protocol::EndQuorumEpochRequest to_wire(const EndQuorumEpochRequest& request, std::int16_t version);
protocol::FetchRequest to_wire(const FetchRequest& request, std::int16_t version);
protocol::FetchSnapshotRequest to_wire(const FetchSnapshotRequest& request, std::int16_t version);

Result<VoteRequest> from_wire(const protocol::VoteRequest& request);
Result<BeginQuorumEpochRequest> from_wire(const protocol::BeginQuorumEpochRequest& request);
Result<EndQuorumEpochRequest> from_wire(const protocol::EndQuorumEpochRequest& request);
Result<FetchRequest> from_wire(const protocol::FetchRequest& request, std::int16_t version);
Result<FetchSnapshotRequest> from_wire(const protocol::FetchSnapshotRequest& request);

// Responses. An error of the whole is in the partition's field as well, as Kafka's leaders do.
protocol::VoteResponse to_wire(const VoteResponse& response, std::int16_t version);
protocol::BeginQuorumEpochResponse to_wire(const BeginQuorumEpochResponse& response,
                                           std::int16_t version);
protocol::EndQuorumEpochResponse to_wire(const EndQuorumEpochResponse& response,
                                         std::int16_t version);
/// `records` are what the actor read for it; they are spliced into the frame.
protocol::FetchResponse to_wire(const FetchResponse& response, protocol::Records records,
                                std::int16_t version);
protocol::FetchSnapshotResponse to_wire(const FetchSnapshotResponse& response,
                                        protocol::Records bytes, std::int16_t version);

Result<VoteResponse> from_wire(const protocol::VoteResponse& response);
Result<BeginQuorumEpochResponse> from_wire(const protocol::BeginQuorumEpochResponse& response);
Result<EndQuorumEpochResponse> from_wire(const protocol::EndQuorumEpochResponse& response);
/// Looks into the records for what log matching needs; corrupt_message if they are no whole batches
/// with good CRCs. The views live as long as the response.
Result<FetchResponse> from_wire(const protocol::FetchResponse& response);
Result<FetchSnapshotResponse> from_wire(const protocol::FetchSnapshotResponse& response);

}  // namespace cairn::raft
