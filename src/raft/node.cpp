// SPDX-License-Identifier: Apache-2.0
// A quorum node's life: start, roles, time. Requests are in node_requests.cpp, answers in
// node_answers.cpp, what a leader does in node_leader.cpp.
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/raft/node.hpp>

namespace cairn::raft {

bool Output::empty() const {
  return !election && log.empty() && !flush && replies.empty() && sends.empty() &&
         !high_watermark && !leading;
}

Node::Node(Settings settings, Startup startup, Random random, Instant now)
    : settings_(std::move(settings)),
      random_(random),
      role_(Unattached{startup.election.voted, std::nullopt, now}),
      epoch_(startup.election.epoch),
      durable_(startup.election),
      epochs_(std::move(startup.epochs)),
      log_start_(startup.log_start),
      log_end_(startup.log_end),
      flushed_(startup.log_end),
      latest_snapshot_(startup.latest_snapshot),
      earliest_snapshot_(startup.earliest_snapshot),
      voter_sets_(std::move(startup.voters)),
      kraft_versions_{{no_offset, startup.kraft_version}},
      voters_from_bootstrap_(startup.voters_from_bootstrap) {
  if (voter_sets_.empty()) voter_sets_.push_back({no_offset, VoterSet{}});
}

/// Facts: kraft.md §3.2, "Start-up".
Output Node::start(Instant now) {
  const ElectionState stored = durable_;
  const bool may_vote = settings_.may_vote && is_voter();
  if (stored.epoch < last_epoch()) {
    become_unattached(last_epoch(), std::nullopt, std::nullopt, now);
  } else if (may_vote && stored.leader == settings_.self.id) {
    epoch_ = stored.epoch;
    become_resigned(now);
  } else if (may_vote && stored.voted == settings_.self) {
    epoch_ = stored.epoch - 1;  // become_candidate raises it again
    become_candidate(now);
  } else if (stored.leader == settings_.self.id) {  // it led, and is no voter any more
    become_unattached(stored.epoch, std::nullopt, stored.voted, now);
  } else if (stored.leader && voters().find(*stored.leader) != nullptr) {
    become_follower(stored.epoch, *stored.leader, now);
  } else {
    become_unattached(stored.epoch, stored.leader, stored.voted, now);
  }
  if (!maybe_elect_alone(now)) poll(now);
  return take_output();
}

/// A voter that is its own majority asks nobody.
bool Node::maybe_elect_alone(Instant now) {
  if (!settings_.may_vote || !is_only_voter() || is_leader()) return false;
  if (!std::holds_alternative<Candidate>(role_)) become_candidate(now);
  if (!is_leader()) become_leader({settings_.self.id}, now);
  return true;
}

Output Node::tick(Instant now) {
  poll(now);
  return take_output();
}

Output Node::resign(Instant now) {
  if (is_leader() && !is_only_voter()) become_resigned(now);
  return take_output();
}

void Node::snapshot_taken(SnapshotId id) {
  if (!latest_snapshot_ || *latest_snapshot_ < id) latest_snapshot_ = id;
  if (!earliest_snapshot_) earliest_snapshot_ = id;
}

void Node::snapshot_loaded(std::optional<VoterSet> voters,
                           std::optional<std::int16_t> kraft_version) {
  if (voters) voter_sets_ = {{no_offset, *std::move(voters)}};
  kraft_versions_ = {{no_offset, kraft_version.value_or(0)}};
  voters_from_bootstrap_ = false;
}

bool Node::caught_up() const {
  const auto* follower = std::get_if<Follower>(&role_);
  return follower != nullptr && follower->leader_high_watermark >= Offset(0) &&
         high_watermark_ >= follower->leader_high_watermark;
}

void Node::log_start_moved(Offset start) {
  log_start_ = std::max(log_start_, start);
  epochs_.truncate_from_start(log_start_);
  if (latest_snapshot_) earliest_snapshot_ = latest_snapshot_;
}

const VoterSet& Node::voters() const { return voter_sets_.back().second; }

Epoch Node::last_epoch() const {
  if (const auto latest = epochs_.latest()) return latest->epoch;
  return latest_snapshot_ ? latest_snapshot_->epoch : Epoch(0);
}

std::optional<BrokerId> Node::leader() const {
  if (is_leader()) return settings_.self.id;
  if (const auto* follower = std::get_if<Follower>(&role_)) return follower->leader;
  if (const auto* unattached = std::get_if<Unattached>(&role_)) return unattached->leader;
  if (const auto* prospective = std::get_if<Prospective>(&role_)) return prospective->leader;
  if (std::holds_alternative<Resigned>(role_)) return settings_.self.id;
  return std::nullopt;
}

LeaderHint Node::hint() const {
  LeaderHint hint{leader().value_or(no_broker), epoch_, {}};
  if (hint.leader == settings_.self.id) {
    hint.endpoints = settings_.endpoints;
  } else if (const Voter* voter = voters().find(hint.leader)) {
    hint.endpoints = voter->endpoints;
  }
  return hint;
}

std::optional<ReplicaKey> Node::voted() const {
  if (const auto* unattached = std::get_if<Unattached>(&role_)) return unattached->voted;
  if (const auto* follower = std::get_if<Follower>(&role_)) return follower->voted;
  if (const auto* prospective = std::get_if<Prospective>(&role_)) return prospective->voted;
  if (std::holds_alternative<Candidate>(role_)) return settings_.self;
  return std::nullopt;
}

Instant Node::election_deadline(Instant now) {
  Duration least = settings_.election_timeout, spread = settings_.election_timeout;
  if (early_deadlines_ > 0) {
    --early_deadlines_;
    least /= 10;
    spread /= 5;
  }
  const auto range = static_cast<std::uint64_t>(std::max<std::int64_t>(spread.count(), 1));
  return now + least + Duration(static_cast<std::int64_t>(random_.below(range)));
}

/// Prospective and Resigned are memory only; everything else is durable before it takes effect.
void Node::persist() {
  ElectionState state{epoch_, leader(), voted()};
  if (state == durable_) return;
  durable_ = state;
  output_.election = state;
}

namespace {
/// Votes and leadership end together: the actor is told when leading changes.
void note_leading(Output& output, bool was, bool is) {
  if (was != is) output.leading = is;
}
}  // namespace

void Node::become_unattached(Epoch epoch, std::optional<BrokerId> leader,
                             std::optional<ReplicaKey> voted, Instant now) {
  ASSERT(epoch >= epoch_, "an epoch never falls");
  note_leading(output_, is_leader(), false);
  pending_.clear();
  epoch_ = epoch;
  role_ = Unattached{voted, leader, election_deadline(now)};
  persist();
}

void Node::become_follower(Epoch epoch, BrokerId leader, Instant now) {
  ASSERT(epoch >= epoch_, "an epoch never falls");
  ASSERT(leader != settings_.self.id, "nobody follows itself");
  note_leading(output_, is_leader(), false);
  const auto vote = epoch == epoch_ ? voted() : std::nullopt;
  pending_.clear();  // nothing that hangs may keep it from its first fetch
  epoch_ = epoch;
  role_ = Follower{leader, vote, now + settings_.fetch_timeout, false, std::nullopt, 0, no_offset};
  retry_at_ = now;
  ask_another_ = false;
  persist();
}

void Node::become_prospective(Instant now) {
  const auto known = leader();
  Prospective prospective{known, voted(), election_deadline(now), {}};
  for (const Voter& voter : voters().voters()) prospective.votes[voter.key.id] = std::nullopt;
  prospective.votes[settings_.self.id] = true;
  pending_.clear();
  role_ = std::move(prospective);
  ask_votes(true, now);
  count_votes(now);
}

void Node::become_candidate(Instant now) {
  note_leading(output_, is_leader(), false);
  ++epoch_;
  pending_.clear();
  Candidate candidate{election_deadline(now), {}, false};
  for (const Voter& voter : voters().voters()) candidate.votes[voter.key.id] = std::nullopt;
  candidate.votes[settings_.self.id] = true;
  role_ = std::move(candidate);
  persist();
  ask_votes(false, now);
  count_votes(now);
}

void Node::become_resigned(Instant now) {
  Resigned resigned{election_deadline(now), {}};
  if (const auto* leader = std::get_if<Leader>(&role_)) {
    std::vector<const Progress*> by_end;
    for (const auto& [key, progress] : leader->voters) {
      if (key.id != settings_.self.id) by_end.push_back(&progress);
    }
    std::ranges::sort(by_end, [](const Progress* a, const Progress* b) {
      return a->end != b->end ? a->end > b->end : a->key < b->key;
    });
    for (const Progress* progress : by_end) resigned.preferred.push_back(progress->key);
    for (const ParkedFetch& parked : leader->parked) {
      FetchResponse response;
      response.error = ErrorCode::not_leader_or_follower;
      response.leader = {no_broker, epoch_, {}};
      output_.replies.push_back({parked.number, std::move(response)});
    }
    output_.leading = false;
  }
  pending_.clear();
  const std::vector<ReplicaKey> preferred = resigned.preferred;
  role_ = std::move(resigned);
  for (const ReplicaKey& key : preferred) {
    EndQuorumEpochRequest request{settings_.cluster_id, settings_.self.id, epoch_, preferred,
                                  settings_.endpoints};
    send(key.id, std::move(request), now);
  }
}

/// What an answer or a request says of the leader, if it is news.
void Node::follow_hint(const LeaderHint& hint, Instant now) {
  if (hint.epoch < epoch_ || hint.epoch == no_epoch) return;
  const bool reachable = voters().find(hint.leader) != nullptr || !hint.endpoints.empty();
  const bool known = hint.leader != no_broker && hint.leader != settings_.self.id;
  if (hint.epoch > epoch_) {
    if (known && reachable) {
      become_follower(hint.epoch, hint.leader, now);
    } else {
      become_unattached(hint.epoch, known ? std::optional(hint.leader) : std::nullopt, std::nullopt,
                        now);
    }
    return;
  }
  // A Prospective that knew this leader has given it up: those it asks may not have noticed yet.
  const bool undecided = std::holds_alternative<Unattached>(role_) ||
                         std::holds_alternative<Candidate>(role_) ||
                         (std::holds_alternative<Prospective>(role_) && leader() != hint.leader);
  if (known && reachable && undecided) become_follower(hint.epoch, hint.leader, now);
}

}  // namespace cairn::raft
