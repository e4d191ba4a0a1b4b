// SPDX-License-Identifier: Apache-2.0
// From an opened directory to an active controller, and back to rest.
#include <algorithm>

#include <cairn/base/log.hpp>

#include "core.hpp"

namespace cairn::controller {

namespace {

constexpr Duration hand_over_limit = std::chrono::milliseconds(500);

}  // namespace

runtime::Task<Result<>> Controller::Core::start() {
  std::optional<NewQuorum> alone;  // several form their quorum together, or are formatted by Kafka
  const auto& configured = config.quorum.voters;
  const bool only_voter = configured.size() == 1 && configured.front().id == config.node_id;
  if (config.controller_role && (config.quorum.standalone || only_voter)) {
    alone = NewQuorum{own_voter_set(identity.directory), environment.now_ms()};
  }
  CO_TRY(LoadedMetadata loaded, co_await log.open(std::move(alone)));
  if (stopping) co_return fail(ErrorCode::request_timed_out, "stopped while it started");
  CO_TRY(check_voters(loaded));
  bootstrap = std::move(loaded.bootstrap);
  committed = appended = loaded.replay;
  committed_end = loaded.replay.image()->offset + 1;
  next_offset = log.log_end();
  last_snapshot = last_append = now();
  node.emplace(quorum_settings(), std::move(loaded.startup), shard.random().fork(), now());
  peers.learn(node->voters());
  if (is_alone()) publisher.open();  // nobody can know more than this node
  tasks.spawn(environment.deletes.run());
  tasks.spawn(drive());
  if (config.controller_role && !is_alone()) tasks.spawn(keep_registered());
  publisher.start(tasks);
  while (!failed.is_set() && !stopping && !abandoned && !settled()) {
    CO_TRY(check_strangers());
    if (!co_await progress.wait()) break;
  }
  if (failed.is_set()) {
    co_return fail(ErrorCode::kafka_storage_error, "the metadata log cannot be used");
  }
  if (!settled()) {
    co_return fail(ErrorCode::request_timed_out, "stopped while the controller was starting");
  }
  co_return check_features();
}

bool Controller::Core::settled() const {
  if (!node) return false;
  if (active()) return committed_end >= next_offset;
  return node->caught_up() && committed_end >= node->high_watermark() &&
         committed.image()->metadata_version() > 0;
}

/// While no leader was found a node that is of another cluster is the likeliest reason.
Result<> Controller::Core::check_strangers() const {
  if (stranger.empty() || node->leader()) return {};
  return fail(ErrorCode::inconsistent_cluster_id,
              "a controller it is configured with belongs to another cluster (see the line above)");
}

runtime::Task<> Controller::Core::hand_over() {
  if (!node || !node->is_leader() || is_alone() || failed.is_set()) co_return;
  resign_wanted = true;
  work.set();
  const Instant deadline = now() + hand_over_limit;
  while ((resign_wanted || link.open() > 0) && now() < deadline && !failed.is_set()) {
    co_await progress.wait_until(shard.clock(), deadline);
    if (co_await runtime::cancelled()) co_return;
  }
}

runtime::Task<> Controller::Core::stop() {
  stopping = true;
  broker.changed.set();
  broker.answered.set();
  progress.set();
  if (node) {
    work.set();
    co_await driver_ended.wait();
  }
  tasks.cancel();
  co_await peers.stop();
  co_await tasks.join();
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
  settings.bootstrap = peers.configured();
  return settings;
}

raft::Voter Controller::Core::own_voter(DirectoryId directory) const {
  raft::Voter voter;
  voter.key = {config.node_id, directory};
  for (const metadata::Endpoint& endpoint : identity.controller_endpoints) {
    voter.endpoints.push_back({endpoint.listener, endpoint.host, endpoint.port});
  }
  return voter;
}

raft::VoterSet Controller::Core::own_voter_set(DirectoryId directory) const {
  return raft::VoterSet({own_voter(directory)});
}

bool Controller::Core::is_alone() const {
  return node && node->voters().is_only({config.node_id, identity.directory});
}

/// controller.quorum.voters, which knows no directories.
raft::VoterSet Controller::Core::static_voters() const {
  std::vector<raft::Voter> voters;
  const auto& names = config.controller_listener_names;
  for (const config::VoterConfig& configured : config.quorum.voters) {
    raft::Voter voter;
    voter.key.id = configured.id;
    voter.endpoints.push_back(
        {names.empty() ? "" : names.front(), configured.host, configured.port});
    voters.push_back(std::move(voter));
  }
  return raft::VoterSet(std::move(voters));
}

/// Fills in the voters of a static quorum. A controller that is not among the voters observes: its
/// directory is new, and its id alone does not make it the voter that it was.
Result<> Controller::Core::check_voters(LoadedMetadata& loaded) const {
  raft::Startup& startup = loaded.startup;
  if (startup.voters.empty()) {
    const raft::VoterSet configured =
        config.quorum.standalone ? own_voter_set(DirectoryId{}) : static_voters();
    startup.voters = {{no_offset, configured}};
  }
  const raft::VoterSet& voters = startup.voters.back().second;
  if (!config.controller_role || voters.contains({config.node_id, identity.directory})) return {};
  const bool nobody_else = voters.size() == 1 && voters.find(config.node_id) != nullptr;
  if (nobody_else || (config.quorum.standalone && !voters.empty())) {
    return fail(
        ErrorCode::invalid_voter_key,
        "this node and its metadata directory are not a voter of the quorum on disk (was the "
        "disk replaced, or node.id changed?)");
  }
  if (!voters.empty()) {
    logging::warn(
        "controller {} with directory {} is not a voter of its quorum: it follows, and does not "
        "vote",
        config.node_id, identity.directory.text());
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
  raft::Voter fresh = own_voter(identity.directory);
  if (own == nullptr || own->endpoints == fresh.endpoints) co_return Result<>{};
  std::vector<raft::Voter> voters = node->voters().voters();
  for (raft::Voter& voter : voters) {
    if (voter.key.id == config.node_id) voter = fresh;
  }
  co_return co_await append_voters(raft::VoterSet(std::move(voters)), std::nullopt);
}

/// For the voters' record of kraft.version 1; nothing unless every voter has told its own.
std::optional<raft::VoterSet> Controller::Core::voters_with_directories() const {
  const auto* leader = node ? std::get_if<raft::Leader>(&node->role()) : nullptr;
  if (leader == nullptr) return std::nullopt;
  std::vector<raft::Voter> voters = node->voters().voters();
  for (raft::Voter& voter : voters) {
    if (voter.key.id == config.node_id) {
      voter = own_voter(identity.directory);
      continue;
    }
    for (const auto& [key, progress] : leader->voters) {
      if (progress.key.id == voter.key.id) voter.key.directory = progress.key.directory;
    }
    if (voter.key.directory.is_zero()) return std::nullopt;
  }
  return raft::VoterSet(std::move(voters));
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
