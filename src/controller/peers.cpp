// SPDX-License-Identifier: Apache-2.0
#include "peers.hpp"

#include <algorithm>

namespace cairn::controller {
namespace {

constexpr BrokerId first_bootstrap_id{-2};
constexpr Duration longest_backoff = std::chrono::milliseconds(200);
// A host that is silent is dialled anew soon, one that is slow gets longer.
constexpr Duration first_connect = std::chrono::seconds(1);
constexpr Duration longest_connect = std::chrono::seconds(4);

/// Keeps a Peer that is no longer wanted until its tasks have ended.
runtime::Task<> let_go(std::shared_ptr<transport::Peer> peer) { co_await peer->stop(); }

}  // namespace

Peers::Peers(runtime::Shard& shard, runtime::Network& network, const config::ServerConfig& config)
    : shard_(shard), network_(network), config_(config), tasks_(shard.context()) {
  for (const config::VoterConfig& voter : config.quorum.voters) {
    if (voter.id == config.node_id) continue;
    configured_.push_back(voter.id);
    addresses_[voter.id] = {voter.host, voter.port};
  }
  BrokerId id = first_bootstrap_id;
  for (const config::HostPort& server : config.quorum.bootstrap_servers) {
    configured_.push_back(id);
    addresses_[id] = {server.host, server.port};
    id = BrokerId(id.value() - 1);
  }
}

void Peers::learn(BrokerId id, const std::vector<raft::Endpoint>& endpoints) {
  if (endpoints.empty() || id == config_.node_id || id < BrokerId(0)) return;
  for (const std::string& name : config_.controller_listener_names) {
    const auto at = std::ranges::find(endpoints, name, &raft::Endpoint::listener);
    if (at != endpoints.end()) return set(id, {at->host, at->port});
  }
  set(id, {endpoints.front().host, endpoints.front().port});
}

void Peers::learn(const raft::VoterSet& voters) {
  for (const raft::Voter& voter : voters.voters()) learn(voter.key.id, voter.endpoints);
}

void Peers::set(BrokerId id, runtime::Endpoint at) {
  if (at.host.empty() || at.port == 0) return;
  const auto known = addresses_.find(id);
  if (known != addresses_.end() && known->second == at) return;
  addresses_[id] = std::move(at);
  for (auto entry = peers_.begin(); entry != peers_.end();) {
    if (entry->first.first != id) {
      ++entry;
      continue;
    }
    tasks_.spawn(let_go(std::move(entry->second)));
    entry = peers_.erase(entry);
  }
}

std::shared_ptr<transport::Peer> Peers::find(BrokerId id, Lane lane) {
  const auto at = addresses_.find(id);
  if (at == addresses_.end() || stopped_) return nullptr;
  auto& peer = peers_[{id, lane}];
  if (peer == nullptr) {
    transport::PeerOptions options;
    options.client_id = fmt::format("node-{}", config_.node_id);
    options.connect_timeout = std::min<Duration>(config_.quorum.request_timeout, first_connect);
    options.connect_timeout_limit = longest_connect;
    options.request_timeout = config_.quorum.request_timeout;
    options.backoff_first = config_.quorum.retry_backoff;
    options.backoff_limit = longest_backoff;
    peer = std::make_shared<transport::Peer>(shard_, network_, at->second, std::move(options));
  }
  return peer;
}

std::string Peers::name_of(BrokerId id) const {
  const auto at = addresses_.find(id);
  const std::string where = at == addresses_.end() ? "?" : to_string(at->second);
  return id < BrokerId(0) ? fmt::format("the controller at {}", where)
                          : fmt::format("controller {} at {}", id, where);
}

runtime::Task<> Peers::stop() {
  stopped_ = true;
  for (auto& [key, peer] : std::exchange(peers_, {})) tasks_.spawn(let_go(peer));
  co_await tasks_.join();
}

}  // namespace cairn::controller
