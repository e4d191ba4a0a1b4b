// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/raft/wire.hpp>

#include "wire_topics.hpp"

namespace cairn::raft {
namespace {

std::int64_t to_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

template <class WireEndpoint>
std::vector<Endpoint> from_endpoints(const std::vector<WireEndpoint>& wire) {
  std::vector<Endpoint> endpoints;
  for (const auto& end : wire) endpoints.push_back({end.name, end.host, end.port});
  return endpoints;
}

template <class WireEndpoint>
void to_endpoints(const std::vector<Endpoint>& endpoints, std::vector<WireEndpoint>& wire) {
  for (const Endpoint& endpoint : endpoints) {
    auto& end = wire.emplace_back();
    end.name = endpoint.listener;
    end.host = endpoint.host;
    end.port = endpoint.port;
  }
}

}  // namespace

protocol::VoteRequest to_wire(const VoteRequest& request, std::int16_t version) {
  protocol::VoteRequest wire;
  wire.cluster_id = request.cluster_id;
  auto& partition = add_partition(wire);
  partition.replica_epoch = request.epoch.value();
  partition.replica_id = request.candidate.id.value();
  partition.last_offset_epoch = request.last.epoch.value();
  partition.last_offset = request.last.offset.value();
  if (version >= 1) {
    wire.voter_id = request.voter.id.value();
    partition.replica_directory_id = request.candidate.directory;
    partition.voter_directory_id = request.voter.directory;
  }
  if (version >= 2) partition.pre_vote = request.pre_vote;
  return wire;
}

Result<VoteRequest> from_wire(const protocol::VoteRequest& wire) {
  TRY(const auto* partition, only_partition(wire.topics));
  VoteRequest request;
  request.cluster_id = wire.cluster_id;
  request.voter = {BrokerId(wire.voter_id), partition->voter_directory_id};
  request.candidate = {BrokerId(partition->replica_id), partition->replica_directory_id};
  request.epoch = Epoch(partition->replica_epoch);
  request.last = {Epoch(partition->last_offset_epoch), Offset(partition->last_offset)};
  request.pre_vote = partition->pre_vote;
  return request;
}

protocol::BeginQuorumEpochRequest to_wire(const BeginQuorumEpochRequest& request,
                                          std::int16_t version) {
  protocol::BeginQuorumEpochRequest wire;
  wire.cluster_id = request.cluster_id;
  auto& partition = add_partition(wire);
  partition.leader_id = request.leader.value();
  partition.leader_epoch = request.epoch.value();
  if (version >= 1) {
    wire.voter_id = request.voter.id.value();
    partition.voter_directory_id = request.voter.directory;
    to_endpoints(request.leader_endpoints, wire.leader_endpoints);
  }
  return wire;
}

Result<BeginQuorumEpochRequest> from_wire(const protocol::BeginQuorumEpochRequest& wire) {
  TRY(const auto* partition, only_partition(wire.topics));
  BeginQuorumEpochRequest request;
  request.cluster_id = wire.cluster_id;
  request.voter = {BrokerId(wire.voter_id), partition->voter_directory_id};
  request.leader = BrokerId(partition->leader_id);
  request.epoch = Epoch(partition->leader_epoch);
  request.leader_endpoints = from_endpoints(wire.leader_endpoints);
  return request;
}

protocol::EndQuorumEpochRequest to_wire(const EndQuorumEpochRequest& request,
                                        std::int16_t version) {
  protocol::EndQuorumEpochRequest wire;
  wire.cluster_id = request.cluster_id;
  auto& partition = add_partition(wire);
  partition.leader_id = request.leader.value();
  partition.leader_epoch = request.epoch.value();
  for (const ReplicaKey& key : request.preferred_candidates) {
    if (version == 0) {
      partition.preferred_successors.push_back(key.id.value());
      continue;
    }
    auto& candidate = partition.preferred_candidates.emplace_back();
    candidate.candidate_id = key.id.value();
    candidate.candidate_directory_id = key.directory;
  }
  if (version >= 1) to_endpoints(request.leader_endpoints, wire.leader_endpoints);
  return wire;
}

Result<EndQuorumEpochRequest> from_wire(const protocol::EndQuorumEpochRequest& wire) {
  TRY(const auto* partition, only_partition(wire.topics));
  EndQuorumEpochRequest request;
  request.cluster_id = wire.cluster_id;
  request.leader = BrokerId(partition->leader_id);
  request.epoch = Epoch(partition->leader_epoch);
  for (const std::int32_t id : partition->preferred_successors) {
    request.preferred_candidates.push_back({BrokerId(id), {}});
  }
  for (const auto& candidate : partition->preferred_candidates) {
    request.preferred_candidates.push_back(
        {BrokerId(candidate.candidate_id), candidate.candidate_directory_id});
  }
  request.leader_endpoints = from_endpoints(wire.leader_endpoints);
  return request;
}

protocol::FetchRequest to_wire(const FetchRequest& request, std::int16_t version) {
  protocol::FetchRequest wire;
  wire.cluster_id = request.cluster_id;
  if (version >= 15) {
    wire.replica_state.replica_id = request.replica.id.value();
  } else {
    wire.replica_id = request.replica.id.value();
  }
  wire.max_wait_ms = static_cast<std::int32_t>(to_ms(request.max_wait));
  wire.max_bytes = request.max_bytes;
  auto& topic = wire.topics.emplace_back();
  if (version >= 13) {
    topic.topic_id = metadata_topic_id;
  } else {
    topic.topic = metadata_topic_name;
  }
  auto& partition = topic.partitions.emplace_back();
  partition.current_leader_epoch = request.epoch.value();
  partition.fetch_offset = request.fetch_offset.value();
  partition.last_fetched_epoch = request.last_fetched_epoch.value();
  if (version >= 17) partition.replica_directory_id = request.replica.directory;
  if (version >= 18) partition.high_watermark = request.high_watermark.value();
  return wire;
}

Result<FetchRequest> from_wire(const protocol::FetchRequest& wire, std::int16_t version) {
  const bool one = wire.topics.size() == 1 && wire.topics[0].partitions.size() == 1;
  if (!one) return fail(ErrorCode::invalid_request, "a fetch of the quorum names one partition");
  const auto& topic = wire.topics[0];
  const bool ours =
      version >= 13 ? topic.topic_id == metadata_topic_id : topic.topic == metadata_topic_name;
  if (!ours || topic.partitions[0].partition != 0) {
    return fail(ErrorCode::unknown_topic_or_partition, "only the metadata log can be fetched here");
  }
  const auto& partition = topic.partitions[0];
  FetchRequest request;
  request.cluster_id = wire.cluster_id;
  const std::int32_t id = version >= 15 ? wire.replica_state.replica_id : wire.replica_id;
  request.replica = {BrokerId(id), partition.replica_directory_id};
  request.epoch = Epoch(partition.current_leader_epoch);
  request.fetch_offset = Offset(partition.fetch_offset);
  request.last_fetched_epoch = Epoch(partition.last_fetched_epoch);
  request.high_watermark = Offset(partition.high_watermark);
  request.max_wait = std::chrono::milliseconds(std::max(wire.max_wait_ms, 0));
  request.max_bytes = wire.max_bytes;
  return request;
}

protocol::FetchSnapshotRequest to_wire(const FetchSnapshotRequest& request, std::int16_t version) {
  protocol::FetchSnapshotRequest wire;
  wire.cluster_id = request.cluster_id;
  wire.replica_id = request.replica.id.value();
  wire.max_bytes = request.max_bytes;
  auto& topic = wire.topics.emplace_back();
  topic.name = metadata_topic_name;
  auto& partition = topic.partitions.emplace_back();
  partition.current_leader_epoch = request.epoch.value();
  partition.snapshot_id.end_offset = request.snapshot.end_offset.value();
  partition.snapshot_id.epoch = request.snapshot.epoch.value();
  partition.position = request.position;
  if (version >= 1) partition.replica_directory_id = request.replica.directory;
  return wire;
}

Result<FetchSnapshotRequest> from_wire(const protocol::FetchSnapshotRequest& wire) {
  const bool one = wire.topics.size() == 1 && wire.topics[0].partitions.size() == 1;
  if (!one) return fail(ErrorCode::invalid_request, "a fetch of a snapshot names one partition");
  const auto& partition = wire.topics[0].partitions[0];
  if (wire.topics[0].name != metadata_topic_name || partition.partition != 0) {
    return fail(ErrorCode::unknown_topic_or_partition, "only the metadata log has snapshots");
  }
  FetchSnapshotRequest request;
  request.cluster_id = wire.cluster_id;
  request.replica = {BrokerId(wire.replica_id), partition.replica_directory_id};
  request.epoch = Epoch(partition.current_leader_epoch);
  request.snapshot = {Offset(partition.snapshot_id.end_offset), Epoch(partition.snapshot_id.epoch)};
  request.position = partition.position;
  request.max_bytes = wire.max_bytes;
  return request;
}

}  // namespace cairn::raft
