// SPDX-License-Identifier: Apache-2.0
// From an opened directory to an active controller, and back to rest.
#include <algorithm>

#include <cairn/base/log.hpp>

#include "core.hpp"

namespace cairn::controller {

runtime::Task<Result<>> Controller::Core::start() {
  NewQuorum quorum{own_voter_set(identity.directory), environment.now_ms()};
  CO_TRY(LoadedMetadata loaded, co_await log.open(std::move(quorum)));
  CO_TRY(check_voters(loaded));
  bootstrap = std::move(loaded.bootstrap);
  committed = appended = loaded.replay;
  committed_end = loaded.replay.image()->offset + 1;
  next_offset = log.log_end();
  last_snapshot = last_append = now();
  node.emplace(quorum_settings(), std::move(loaded.startup), shard.random().fork(), now());
  tasks.spawn(environment.deletes.run());
  tasks.spawn(drive());
  publisher.start(tasks);
  // Active, and all that the activation wrote committed and handed out.
  while (!failed.is_set() && !(active() && committed_end >= next_offset)) {
    if (!co_await progress.wait()) {
      co_return fail(ErrorCode::kafka_storage_error, "stopped while the controller was starting");
    }
  }
  if (failed.is_set()) {
    co_return fail(ErrorCode::kafka_storage_error, "the metadata log cannot be used");
  }
  co_return check_features();
}

runtime::Task<> Controller::Core::stop() {
  stopping = true;
  if (node) {
    work.set();
    progress.set();
    co_await driver_ended.wait();
    tasks.cancel();
    co_await tasks.join();
  }
  auto closed = co_await log.close();
  if (!closed) logging::warn("closing the metadata log failed: {}", closed.error().why);
}

raft::Settings Controller::Core::quorum_settings() const {
  raft::Settings settings;
  settings.self = {config.node_id, identity.directory};
  settings.cluster_id = identity.cluster_id;
  for (const metadata::Endpoint& endpoint : identity.controller_endpoints) {
    settings.endpoints.push_back({endpoint.listener, endpoint.host, endpoint.port});
  }
  settings.may_vote = config.controller_role;
  settings.election_timeout = config.quorum.election_timeout;
  settings.fetch_timeout = config.quorum.fetch_timeout;
  settings.request_timeout = config.quorum.request_timeout;
  settings.retry_backoff = config.quorum.retry_backoff;
  settings.fetch_max_wait = std::chrono::milliseconds(500);
  settings.fetch_max_bytes = config.quorum.fetch_max_bytes;
  return settings;
}

raft::VoterSet Controller::Core::own_voter_set(DirectoryId directory) const {
  raft::Voter voter;
  voter.key = {config.node_id, directory};
  for (const metadata::Endpoint& endpoint : identity.controller_endpoints) {
    voter.endpoints.push_back({endpoint.listener, endpoint.host, endpoint.port});
  }
  return raft::VoterSet({std::move(voter)});
}

/// Fills in the voters of a static quorum, and refuses a quorum this node cannot be all of.
Result<> Controller::Core::check_voters(LoadedMetadata& loaded) const {
  raft::Startup& startup = loaded.startup;
  if (startup.voters.empty()) {
    std::vector<raft::Voter> voters;
    for (const config::VoterConfig& configured : config.quorum.voters) {
      raft::Voter voter;
      voter.key.id = configured.id;
      const std::string listener =
          config.controller_listener_names.empty() ? "" : config.controller_listener_names.front();
      voter.endpoints.push_back({listener, configured.host, configured.port});
      voters.push_back(std::move(voter));
    }
    startup.voters = {{no_offset, voters.empty() ? own_voter_set(DirectoryId{})
                                                 : raft::VoterSet(std::move(voters))}};
  }
  const raft::VoterSet& voters = startup.voters.back().second;
  if (!voters.contains({config.node_id, identity.directory})) {
    return fail(
        ErrorCode::invalid_voter_key,
        "this node and its metadata directory are not a voter of the quorum on disk (was the "
        "disk replaced, or node.id changed?)");
  }
  if (voters.size() > 1 || config.quorum.voters.size() > 1) {
    return fail(ErrorCode::unsupported_version,
                "a quorum of several controllers is configured; this version runs a quorum of one");
  }
  return {};
}

/// What is finalized must be what this software does, or what it knows how to leave alone.
Result<> Controller::Core::check_features() const {
  const metadata::Image& image = *committed.image();
  if (const std::string names = metadata::unserved_features(image); !names.empty()) {
    logging::warn("finalized by this cluster, not served by this version, kept as they are: {}",
                  names);
  }
  if (const std::string held = metadata::unserved_records(image); !held.empty()) {
    logging::warn("in the metadata of this cluster, without effect here, kept as they are: {}",
                  held);
  }
  for (const auto& [name, level] : image.features) {
    const metadata::FeatureRange range = metadata::supported_range(name);
    if (range.contains(level) || metadata::may_stay_unserved(name, level)) continue;
    logging::error("feature {} is finalized at level {}, this version supports {} to {}", name,
                   level, range.min, range.max);
    return fail(ErrorCode::unsupported_version,
                "the cluster has finalized a feature level that this version does not support");
  }
  return {};
}

/// Listeners may have moved since the voter set was written (a new port): the quorum should know.
/// Before activation: nothing else is on its way to the log.
runtime::Task<Result<>> Controller::Core::update_own_endpoints() {
  if (node->kraft_version() < 1) co_return Result<>{};
  const raft::Voter* own = node->voters().find(config.node_id);
  raft::VoterSet fresh = own_voter_set(identity.directory);
  if (own == nullptr || own->endpoints == fresh.voters().front().endpoints) co_return Result<>{};
  co_return co_await append_voters(std::move(fresh), std::nullopt);
}

/// Nothing may wait in the outbox: what is appended goes to the end of the log at once.
runtime::Task<Result<>> Controller::Core::append_voters(raft::VoterSet voters,
                                                        std::optional<std::int16_t> kraft_version) {
  raft::Output output = node->change_voters(std::move(voters), kraft_version);
  for (raft::LogChange& change : output.log) {
    CO_TRY(co_await change_log(std::move(change)));
  }
  co_return Result<>{};
}

}  // namespace cairn::controller
