// SPDX-License-Identifier: Apache-2.0
// What other members of the quorum ask this node (facts: kraft.md §3.1): the wire's form on both
// sides, the quorum node in the middle. And the other way round: what this node's broker asks of
// the active controller.
#include <cairn/controller/controller.hpp>
#include <cairn/raft/wire.hpp>

#include "core.hpp"
#include "refusals.hpp"

namespace cairn::controller {

using runtime::Task;

namespace {

/// The same answer as the node would give, to a message that it never sees.
template <class Response>
Response refused(ErrorCode error) {
  Response response;
  response.error = error;
  return response;
}

template <class Response, class Request, class Core>
Task<Response> ask(Core& core, Result<Request> request) {
  if (!request) co_return refused<Response>(request.error().code);
  const auto question = co_await core.ask_node(*std::move(request));
  if (question == nullptr) co_return refused<Response>(ErrorCode::broker_not_available);
  co_return std::get<Response>(std::move(*question->response));
}

}  // namespace

Task<protocol::VoteResponse> Controller::vote(protocol::VoteRequest request, std::int16_t version) {
  auto asking = ask<raft::VoteResponse>(*core_, raft::from_wire(request));
  const raft::VoteResponse response = co_await std::move(asking);
  co_return raft::to_wire(response, version);
}

Task<protocol::BeginQuorumEpochResponse> Controller::begin_quorum_epoch(
    protocol::BeginQuorumEpochRequest request, std::int16_t version) {
  auto asking = ask<raft::BeginQuorumEpochResponse>(*core_, raft::from_wire(request));
  const raft::BeginQuorumEpochResponse response = co_await std::move(asking);
  co_return raft::to_wire(response, version);
}

Task<protocol::EndQuorumEpochResponse> Controller::end_quorum_epoch(
    protocol::EndQuorumEpochRequest request, std::int16_t version) {
  auto asking = ask<raft::EndQuorumEpochResponse>(*core_, raft::from_wire(request));
  const raft::EndQuorumEpochResponse response = co_await std::move(asking);
  co_return raft::to_wire(response, version);
}

Task<protocol::FetchResponse> Controller::fetch(protocol::FetchRequest request,
                                                std::int16_t version) {
  Result<raft::FetchRequest> fetch = raft::from_wire(request, version);
  if (!fetch) {
    co_return raft::to_wire(refused<raft::FetchResponse>(fetch.error().code), {}, version);
  }
  const auto question = co_await core_->ask_node(*std::move(fetch));
  if (question == nullptr) {
    const auto response = refused<raft::FetchResponse>(ErrorCode::broker_not_available);
    co_return raft::to_wire(response, {}, version);
  }
  const auto& response = std::get<raft::FetchResponse>(*question->response);
  co_return raft::to_wire(response, std::move(question->records), version);
}

Task<protocol::FetchSnapshotResponse> Controller::fetch_snapshot(
    protocol::FetchSnapshotRequest request, std::int16_t version) {
  Result<raft::FetchSnapshotRequest> fetch = raft::from_wire(request);
  if (!fetch) {
    co_return raft::to_wire(refused<raft::FetchSnapshotResponse>(fetch.error().code), {}, version);
  }
  const auto question = co_await core_->ask_node(*std::move(fetch));
  if (question == nullptr) {
    const auto response = refused<raft::FetchSnapshotResponse>(ErrorCode::broker_not_available);
    co_return raft::to_wire(response, {}, version);
  }
  const auto& response = std::get<raft::FetchSnapshotResponse>(*question->response);
  co_return raft::to_wire(response, std::move(question->records), version);
}

Task<Result<protocol::AllocateProducerIdsResponse>> Controller::ask_producer_ids(
    protocol::AllocateProducerIdsRequest request) {
  if (core_->active()) co_return co_await allocate_producer_ids(request);
  co_return co_await core_->call_active(Lane::changes, request, core_->heartbeat_timeout());
}

Task<Result<protocol::AlterPartitionResponse>> Controller::ask_alter_partition(
    protocol::AlterPartitionRequest request) {
  if (core_->active()) {
    co_return co_await alter_partition(std::move(request),
                                       protocol::AlterPartitionRequest::versions.max);
  }
  co_return co_await core_->call_active(Lane::changes, std::move(request),
                                        core_->heartbeat_timeout());
}

Task<Result<protocol::AssignReplicasToDirsResponse>> Controller::ask_assign_replicas_to_dirs(
    protocol::AssignReplicasToDirsRequest request) {
  if (core_->active()) co_return co_await assign_replicas_to_dirs(std::move(request));
  co_return co_await core_->call_active(Lane::changes, std::move(request),
                                        core_->heartbeat_timeout());
}

Task<Result<protocol::EnvelopeResponse>> Controller::forward(protocol::EnvelopeRequest request) {
  co_return co_await core_->call_active(Lane::forwarding, std::move(request),
                                        core_->config.socket.request_timeout);
}

}  // namespace cairn::controller
