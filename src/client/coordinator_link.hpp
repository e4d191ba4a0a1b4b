// SPDX-License-Identifier: Apache-2.0
// The way to a group's coordinator: looked up when needed, forgotten when it proves wrong.
// Owner: whoever talks for the group (a membership, a commit, an admin call).
#pragma once

#include <cairn/client/cluster.hpp>

#include "errors.hpp"

namespace cairn::client {

class CoordinatorLink {
 public:
  CoordinatorLink(Cluster& cluster, std::string group)
      : cluster_(cluster), group_(std::move(group)) {}

  const std::string& group() const { return group_; }
  Cluster& cluster() { return cluster_; }
  std::optional<BrokerId> broker() const { return broker_; }

  /// The connection to the coordinator, looking it up if it is not known.
  runtime::Task<Result<std::shared_ptr<transport::Peer>>> connect(Instant deadline) {
    if (!broker_) {
      CO_TRY(broker_, co_await cluster_.find_group_coordinator(group_, deadline));
    }
    auto peer = cluster_.peer(*broker_, Channel::group);
    if (!peer) {
      broker_.reset();
      co_return std::unexpected(peer.error());
    }
    const auto ready = co_await (*peer)->ready(deadline);
    if (!ready) {
      broker_.reset();
      co_return std::unexpected(ready.error());
    }
    co_return *std::move(peer);
  }

  template <class Request>
  runtime::Task<Result<typename Request::Response>> call(Request request, Instant deadline) {
    CO_TRY(auto peer, co_await connect(deadline));
    auto response = co_await peer->call_by(std::move(request), std::nullopt, deadline);
    if (!response) noticed(response.error().code);
    co_return response;
  }

  /// Tells of an error that an answer carried; forgets the coordinator if that says it has moved.
  void noticed(ErrorCode code) {
    if (wants_coordinator(code)) broker_.reset();
  }

 private:
  Cluster& cluster_;
  std::string group_;
  std::optional<BrokerId> broker_;
};

}  // namespace cairn::client
