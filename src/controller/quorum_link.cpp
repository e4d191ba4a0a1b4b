// SPDX-License-Identifier: Apache-2.0
#include "quorum_link.hpp"

#include <cairn/raft/wire.hpp>

namespace cairn::controller {
namespace {

using runtime::Task;

constexpr std::int16_t first_vote_with_pre_vote = 2;

/// The response as values, with whatever its views point into.
struct Answered {
  raft::Response response;
  std::shared_ptr<const void> owner;
};

template <class Wire>
struct Kept {
  transport::Answer<Wire> answer;
};

template <class WireRequest>
Task<Result<Answered>> ask_wire(transport::Peer& peer, WireRequest request, std::int16_t version,
                                Instant deadline) {
  using Wire = typename WireRequest::Response;
  CO_TRY(transport::Answer<Wire> answer, co_await peer.ask(std::move(request), version, deadline));
  auto kept = std::make_shared<Kept<Wire>>(Kept<Wire>{std::move(answer)});
  CO_TRY(raft::Response response, raft::from_wire(kept->answer.response));
  co_return Answered{std::move(response), std::move(kept)};
}

template <class Request>
Task<Result<Answered>> ask(transport::Peer& peer, Request request, Instant deadline) {
  using WireRequest = decltype(raft::to_wire(request, std::int16_t{0}));
  CO_TRY(co_await peer.ready(deadline));
  CO_TRY(const std::int16_t version,
         peer.common_version(WireRequest::api_key, WireRequest::versions));
  if constexpr (std::is_same_v<Request, raft::VoteRequest>) {
    if (request.pre_vote && version < first_vote_with_pre_vote) {
      raft::VoteResponse unknown;
      unknown.error = ErrorCode::unsupported_version;
      co_return Answered{std::move(unknown), nullptr};
    }
  }
  WireRequest wire = raft::to_wire(request, version);
  co_return co_await ask_wire(peer, std::move(wire), version, deadline);
}

Lane lane_of(const raft::Request& request) {
  const bool fetches = std::holds_alternative<raft::FetchRequest>(request) ||
                       std::holds_alternative<raft::FetchSnapshotRequest>(request);
  return fetches ? Lane::fetches : Lane::votes;
}

Task<Result<Answered>> ask_any(transport::Peer& peer, raft::Request request, Instant deadline) {
  if (auto* vote = std::get_if<raft::VoteRequest>(&request)) {
    co_return co_await ask(peer, std::move(*vote), deadline);
  }
  if (auto* begin = std::get_if<raft::BeginQuorumEpochRequest>(&request)) {
    co_return co_await ask(peer, std::move(*begin), deadline);
  }
  if (auto* end = std::get_if<raft::EndQuorumEpochRequest>(&request)) {
    co_return co_await ask(peer, std::move(*end), deadline);
  }
  if (auto* fetch = std::get_if<raft::FetchRequest>(&request)) {
    co_return co_await ask(peer, std::move(*fetch), deadline);
  }
  co_return co_await ask(peer, std::get<raft::FetchSnapshotRequest>(std::move(request)), deadline);
}

}  // namespace

void QuorumLink::send(runtime::TaskGroup& tasks, raft::Send send, Duration timeout) {
  ++open_;
  tasks.spawn(exchange(std::move(send), shard_.clock().now() + timeout));
}

Task<> QuorumLink::exchange(raft::Send send, Instant deadline) {
  QuorumAnswer answer{send.number, send.to, std::nullopt, nullptr, false};
  if (const auto peer = peers_.find(send.to, lane_of(send.request))) {
    Result<Answered> answered = co_await ask_any(*peer, std::move(send.request), deadline);
    if (answered) {
      answer.response = std::move(answered->response);
      answer.owner = std::move(answered->owner);
    } else {
      answer.refused = runtime::is_refused(answered.error());
    }
  }
  --open_;
  take_(std::move(answer));
}

}  // namespace cairn::controller
