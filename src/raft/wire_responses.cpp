// SPDX-License-Identifier: Apache-2.0
#include <cairn/raft/control_records.hpp>
#include <cairn/raft/wire.hpp>
#include <cairn/record/batch.hpp>

#include "wire_topics.hpp"

namespace cairn::raft {
namespace {

/// Errors that are of the request as a whole, and stand on top of the response.
bool of_the_whole(ErrorCode error) {
  return error == ErrorCode::inconsistent_cluster_id || error == ErrorCode::unsupported_version ||
         error == ErrorCode::cluster_authorization_failed;
}

template <class Wire>
void add_endpoint(const LeaderHint& leader, Wire& wire) {
  if (leader.leader == no_broker || leader.endpoints.empty()) return;
  auto& end = wire.node_endpoints.emplace_back();
  end.node_id = leader.leader.value();
  end.host = leader.endpoints.front().host;
  end.port = leader.endpoints.front().port;
}

template <class Wire>
std::vector<Endpoint> endpoint_of(const Wire& wire, std::int32_t leader) {
  for (const auto& end : wire.node_endpoints) {
    if (end.node_id == leader) {
      return {{"", end.host, static_cast<std::uint16_t>(end.port)}};
    }
  }
  return {};
}

template <class Wire, class Response>
Wire to_common(const Response& response, std::int16_t version) {
  Wire wire;
  if (of_the_whole(response.error)) {
    wire.error_code = response.error;
    return wire;
  }
  auto& partition = add_partition(wire);
  partition.error_code = response.error;
  partition.leader_id = response.leader.leader.value();
  partition.leader_epoch = response.leader.epoch.value();
  if (version >= 1) add_endpoint(response.leader, wire);
  return wire;
}

template <class Response, class Wire>
Result<Response> from_common(const Wire& wire) {
  Response response;
  response.error = wire.error_code;
  if (response.error != ErrorCode::none) return response;
  TRY(const auto* partition, only_partition(wire.topics));
  response.error = partition->error_code;
  response.leader = {BrokerId(partition->leader_id), Epoch(partition->leader_epoch),
                     endpoint_of(wire, partition->leader_id)};
  return response;
}

/// What log matching and the voter set need of fetched records.
Result<std::vector<FetchedBatch>> batches_in(BytesView records) {
  std::vector<FetchedBatch> batches;
  record::BatchIterator all(records, record::BatchIterator::Check::crc);
  while (const auto batch = all.next()) {
    FetchedBatch& fetched = batches.emplace_back(
        FetchedBatch{batch->base_offset(), batch->next_offset(), batch->leader_epoch(), {}, {}});
    if (!batch->is_control()) continue;
    TRY(const std::vector<ControlRecord> controls, decode_control_batch(*batch));
    for (const ControlRecord& control : controls) {
      if (const auto* voters = std::get_if<VoterSet>(&control)) fetched.voters = *voters;
      if (const auto* version = std::get_if<KRaftVersion>(&control)) {
        fetched.kraft_version = version->level;
      }
    }
  }
  if (all.fault() != record::BatchFault::none && all.fault() != record::BatchFault::cut) {
    return fail(ErrorCode::corrupt_message, "a leader sent a bad batch");
  }
  return batches;
}

}  // namespace

protocol::VoteResponse to_wire(const VoteResponse& response, std::int16_t version) {
  auto wire = to_common<protocol::VoteResponse>(response, version);
  if (!wire.topics.empty()) wire.topics[0].partitions[0].vote_granted = response.granted;
  return wire;
}

Result<VoteResponse> from_wire(const protocol::VoteResponse& wire) {
  TRY(VoteResponse response, from_common<VoteResponse>(wire));
  if (!wire.topics.empty()) response.granted = wire.topics[0].partitions[0].vote_granted;
  return response;
}

protocol::BeginQuorumEpochResponse to_wire(const BeginQuorumEpochResponse& response,
                                           std::int16_t version) {
  return to_common<protocol::BeginQuorumEpochResponse>(response, version);
}

Result<BeginQuorumEpochResponse> from_wire(const protocol::BeginQuorumEpochResponse& wire) {
  return from_common<BeginQuorumEpochResponse>(wire);
}

protocol::EndQuorumEpochResponse to_wire(const EndQuorumEpochResponse& response,
                                         std::int16_t version) {
  return to_common<protocol::EndQuorumEpochResponse>(response, version);
}

Result<EndQuorumEpochResponse> from_wire(const protocol::EndQuorumEpochResponse& wire) {
  return from_common<EndQuorumEpochResponse>(wire);
}

protocol::FetchResponse to_wire(const FetchResponse& response, protocol::Records records,
                                std::int16_t version) {
  protocol::FetchResponse wire;
  if (of_the_whole(response.error)) {
    wire.error_code = response.error;
    return wire;
  }
  auto& topic = wire.responses.emplace_back();
  if (version >= 13) {
    topic.topic_id = metadata_topic_id;
  } else {
    topic.topic = metadata_topic_name;
  }
  auto& partition = topic.partitions.emplace_back();
  partition.error_code = response.error;
  partition.high_watermark = response.high_watermark.value();
  partition.log_start_offset = response.log_start.value();
  partition.current_leader.leader_id = response.leader.leader.value();
  partition.current_leader.leader_epoch = response.leader.epoch.value();
  if (response.diverging) {
    partition.diverging_epoch.epoch = response.diverging->epoch.value();
    partition.diverging_epoch.end_offset = response.diverging->offset.value();
  }
  if (response.snapshot) {
    partition.snapshot_id.end_offset = response.snapshot->end_offset.value();
    partition.snapshot_id.epoch = response.snapshot->epoch.value();
  }
  partition.records = std::move(records);
  if (version >= 16) add_endpoint(response.leader, wire);
  return wire;
}

Result<FetchResponse> from_wire(const protocol::FetchResponse& wire) {
  FetchResponse response;
  response.error = wire.error_code;
  if (response.error != ErrorCode::none) return response;
  if (wire.responses.size() != 1 || wire.responses[0].partitions.size() != 1) {
    return fail(ErrorCode::invalid_request, "a fetched answer of the quorum has one partition");
  }
  const auto& partition = wire.responses[0].partitions[0];
  response.error = partition.error_code;
  const std::int32_t leader = partition.current_leader.leader_id;
  response.leader = {BrokerId(leader), Epoch(partition.current_leader.leader_epoch),
                     endpoint_of(wire, leader)};
  response.high_watermark = Offset(partition.high_watermark);
  response.log_start = Offset(partition.log_start_offset);
  if (partition.diverging_epoch.end_offset >= 0) {
    response.diverging = LogPosition{Epoch(partition.diverging_epoch.epoch),
                                     Offset(partition.diverging_epoch.end_offset)};
  }
  if (partition.snapshot_id.end_offset >= 0) {
    response.snapshot =
        SnapshotId{Offset(partition.snapshot_id.end_offset), Epoch(partition.snapshot_id.epoch)};
  }
  if (partition.records && response.error == ErrorCode::none) {
    TRY(response.batches, batches_in(partition.records->view()));
    std::size_t whole = 0;
    record::BatchIterator all(partition.records->view());
    while (all.next()) whole = all.position();
    response.records = partition.records->view().first(whole);
  }
  return response;
}

protocol::FetchSnapshotResponse to_wire(const FetchSnapshotResponse& response,
                                        protocol::Records bytes, std::int16_t version) {
  protocol::FetchSnapshotResponse wire;
  if (of_the_whole(response.error)) {
    wire.error_code = response.error;
    return wire;
  }
  auto& topic = wire.topics.emplace_back();
  topic.name = metadata_topic_name;
  auto& partition = topic.partitions.emplace_back();
  partition.error_code = response.error;
  partition.snapshot_id.end_offset = response.snapshot.end_offset.value();
  partition.snapshot_id.epoch = response.snapshot.epoch.value();
  partition.current_leader.leader_id = response.leader.leader.value();
  partition.current_leader.leader_epoch = response.leader.epoch.value();
  partition.size = response.size;
  partition.position = response.position;
  partition.unaligned_records = std::move(bytes);
  if (version >= 1) add_endpoint(response.leader, wire);
  return wire;
}

Result<FetchSnapshotResponse> from_wire(const protocol::FetchSnapshotResponse& wire) {
  FetchSnapshotResponse response;
  response.error = wire.error_code;
  if (response.error != ErrorCode::none) return response;
  if (wire.topics.size() != 1 || wire.topics[0].partitions.size() != 1) {
    return fail(ErrorCode::invalid_request, "an answer about a snapshot has one partition");
  }
  const auto& partition = wire.topics[0].partitions[0];
  response.error = partition.error_code;
  const std::int32_t leader = partition.current_leader.leader_id;
  response.leader = {BrokerId(leader), Epoch(partition.current_leader.leader_epoch),
                     endpoint_of(wire, leader)};
  response.snapshot = {Offset(partition.snapshot_id.end_offset),
                       Epoch(partition.snapshot_id.epoch)};
  response.size = partition.size;
  response.position = partition.position;
  response.bytes = partition.unaligned_records.view();
  return response;
}

}  // namespace cairn::raft
