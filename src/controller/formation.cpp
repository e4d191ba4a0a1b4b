// SPDX-License-Identifier: Apache-2.0
// An empty node finds its cluster: asks all controllers it is configured with, over and over, until
// raft::decide_formation knows what to do (docs/adr/0005). It asks what any tool asks:
// DescribeQuorum for voters and their directories, DescribeCluster for the cluster id, which is
// empty on a node whose directories are.
#include <cairn/base/log.hpp>
#include <cairn/raft/formation.hpp>
#include <cairn/raft/wire.hpp>

#include "core.hpp"

namespace cairn::controller {

using runtime::Task;

namespace {

constexpr Duration ask_interval = std::chrono::milliseconds(100);
constexpr Duration ask_timeout = std::chrono::seconds(1);
constexpr Duration repeat_interval = std::chrono::seconds(10);  // of the same line in the log
constexpr std::int8_t controllers = 2;                          // endpoint type of DescribeCluster

Task<Result<std::vector<raft::ReplicaKey>>> ask_voters(transport::Peer& peer, Instant deadline) {
  protocol::DescribeQuorumRequest request;
  auto& topic = request.topics.emplace_back();
  topic.topic_name = raft::metadata_topic_name;
  topic.partitions.emplace_back();
  CO_TRY(const auto response, co_await peer.call_by(std::move(request), std::nullopt, deadline));
  std::vector<raft::ReplicaKey> voters;
  if (response.topics.size() == 1 && response.topics[0].partitions.size() == 1) {
    for (const auto& voter : response.topics[0].partitions[0].current_voters) {
      voters.push_back({BrokerId(voter.replica_id), voter.replica_directory_id});
    }
  }
  co_return voters;
}

Task<Result<std::string>> ask_cluster(transport::Peer& peer, Instant deadline) {
  protocol::DescribeClusterRequest request;
  request.endpoint_type = controllers;
  CO_TRY(const auto response, co_await peer.call_by(std::move(request), std::nullopt, deadline));
  if (response.error_code != ErrorCode::none) co_return fail(response.error_code);
  co_return response.cluster_id;
}

/// The voters come before the cluster: a node that was empty when it named its cluster was so when
/// it named its voters. Those of one that is not are asked for again, for it may just have begun.
Task<> ask(std::shared_ptr<transport::Peer> peer, Instant deadline,
           std::optional<raft::FormationReport>& report) {
  auto voters = co_await ask_voters(*peer, deadline);
  if (!voters) co_return;
  auto cluster = co_await ask_cluster(*peer, deadline);
  if (!cluster) co_return;
  if (!cluster->empty()) voters = co_await ask_voters(*peer, deadline);
  if (!voters) co_return;
  report = raft::FormationReport{*std::move(cluster), *std::move(voters)};
}

}  // namespace

Task<std::map<BrokerId, std::optional<raft::FormationReport>>> Controller::Core::ask_everybody() {
  std::map<BrokerId, std::optional<raft::FormationReport>> reports;
  runtime::TaskGroup asking(shard.context());
  const Instant deadline = now() + ask_timeout;
  for (const BrokerId id : peers.configured()) {
    auto& report = reports[id];
    if (auto peer = peers.find(id, Lane::formation)) {
      asking.spawn(ask(std::move(peer), deadline, report));
    }
  }
  co_await asking.join();
  co_return reports;
}

/// Those of config, or of whoever told us, with the addresses of the configuration.
raft::VoterSet Controller::Core::voters_of(const std::vector<raft::ReplicaKey>& keys) const {
  const raft::VoterSet configured = static_voters();
  std::vector<raft::Voter> voters;
  for (const raft::ReplicaKey& key : keys) {
    raft::Voter voter;
    if (const raft::Voter* known = configured.find(key.id)) voter = *known;
    voter.key = key;
    voters.push_back(std::move(voter));
  }
  return raft::VoterSet(std::move(voters));
}

/// What this node answers to those that look: while it is empty those it is configured with, its
/// own directory alone known.
std::vector<raft::ReplicaKey> Controller::Core::known_voters() const {
  std::vector<raft::ReplicaKey> keys;
  if (node) {
    for (const raft::Voter& voter : node->voters().voters()) keys.push_back(voter.key);
  } else if (identity.cluster_id.empty()) {
    for (const config::VoterConfig& voter : config.quorum.voters) {
      const bool own = voter.id == config.node_id;
      keys.push_back({voter.id, own ? identity.directory : DirectoryId{}});
    }
  }
  return keys;
}

Task<Result<std::string>> Controller::Core::find_cluster() {
  const std::string& wanted = config.quorum.cluster_id;
  std::string said;
  Instant said_at{};
  while (!stopping && !abandoned) {
    raft::FormationView view{{config.node_id, identity.directory}, config.controller_role, {}, {}};
    for (const config::VoterConfig& voter : config.quorum.voters) {
      view.configured.push_back(voter.id);
    }
    view.reports = co_await ask_everybody();
    if (stopping || abandoned || co_await runtime::cancelled()) break;
    raft::FormationStep step = raft::decide_formation(view);
    if (const auto* form = std::get_if<raft::FormCluster>(&step)) {
      const std::string cluster_id = wanted.empty() ? Uuid::random(shard.random()).text() : wanted;
      CO_TRY(co_await log.format({voters_of(form->voters), environment.now_ms()}));
      logging::info("forming cluster {} with {} controllers", cluster_id, form->voters.size());
      co_return cluster_id;
    }
    if (const auto* join = std::get_if<raft::JoinCluster>(&step)) {
      if (!wanted.empty() && wanted != join->cluster_id) {
        logging::error("cairn.cluster.id is {}, but the controllers are of cluster {}", wanted,
                       join->cluster_id);
        co_return fail(ErrorCode::inconsistent_cluster_id,
                       "cairn.cluster.id names another cluster than that of the controllers");
      }
      if (!join->voters.empty()) {
        CO_TRY(co_await log.format({voters_of(join->voters), environment.now_ms()}));
      }
      logging::info("joining cluster {}", join->cluster_id);
      co_return join->cluster_id;
    }
    if (const auto* refuse = std::get_if<raft::RefuseToStart>(&step)) {
      logging::error("{}", refuse->why);
      co_return fail(ErrorCode::inconsistent_cluster_id,
                     "the controllers this node is configured with are of different clusters");
    }
    const auto& wait = std::get<raft::WaitForOthers>(step);
    if (wait.why != said || now() >= said_at + repeat_interval) {
      logging::info("no cluster yet: {}", wait.why);
      said = wait.why;
      said_at = now();
    }
    co_await progress.wait_until(shard.clock(), now() + ask_interval);
  }
  co_return fail(ErrorCode::request_timed_out, "stopped before there was a cluster");
}

}  // namespace cairn::controller
