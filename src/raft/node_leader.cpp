// SPDX-License-Identifier: Apache-2.0
// What a leader does: its first batch, the high watermark, followers' progress, the check that a
// majority still follows (facts: kraft.md §3.4 to §3.6).
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/raft/node.hpp>

namespace cairn::raft {

void Node::become_leader(std::vector<BrokerId> granting, Instant now) {
  Leader leader;
  leader.epoch_start = log_end_;
  leader.granting_voters = granting;
  for (const Voter& voter : voters().voters()) {
    leader.voters[voter.key] = Progress{voter.key, no_offset, now, now, no_offset, false, now};
  }
  leader.check_quorum_deadline = now + settings_.fetch_timeout * 3 / 2;
  pending_.clear();
  role_ = std::move(leader);
  high_watermark_ = std::max(high_watermark_, no_offset);
  persist();
  output_.leading = true;

  // The epoch's first batch: nothing of an earlier epoch counts as committed before it (Raft
  // §5.4.2).
  LeaderChange change{settings_.self.id, {}, std::move(granting)};
  for (const Voter& voter : voters().voters()) change.voters.push_back(voter.key.id);
  AppendControl append{{std::move(change)}, log_end_, epoch_};
  if (voters_from_bootstrap_ && kraft_version() >= 1) {
    append.records.push_back(KRaftVersion{kraft_version()});
    kraft_versions_.push_back({log_end_ + 1, kraft_version()});
    append.records.push_back(voters());
    voter_sets_.push_back({log_end_ + 2, VoterSet(voters())});
    voters_from_bootstrap_ = false;
  }
  epochs_.assign(epoch_, log_end_);
  log_end_ += static_cast<std::int64_t>(append.records.size());
  output_.log.push_back(std::move(append));
  output_.flush = true;
  announce_leadership(now);
}

Output Node::appended(Offset end, Instant now) {
  ASSERT(is_leader(), "only the leader appends of its own accord");
  ASSERT(end >= log_end_, "a leader's log never shrinks");
  log_end_ = end;
  wake_parked(now);
  return take_output();
}

Output Node::change_voters(VoterSet voters, std::optional<std::int16_t> kraft_version) {
  ASSERT(is_leader(), "only the leader changes the voters");
  AppendControl append{{}, log_end_, epoch_};
  if (kraft_version) {
    append.records.push_back(KRaftVersion{*kraft_version});
    kraft_versions_.push_back({log_end_, *kraft_version});
  }
  append.records.push_back(voters);
  auto& leader = std::get<Leader>(role_);
  std::map<ReplicaKey, Progress> known = std::exchange(leader.voters, {});
  for (const Voter& voter : voters.voters()) {
    Progress& progress = leader.voters[voter.key];
    const auto at =
        std::ranges::find(known, voter.key.id, [](const auto& entry) { return entry.first.id; });
    if (at != known.end()) progress = at->second;
    progress.key = voter.key;
  }
  voter_sets_.push_back({log_end_, std::move(voters)});
  log_end_ += static_cast<std::int64_t>(append.records.size());
  output_.log.push_back(std::move(append));
  output_.flush = true;
  return take_output();
}

Output Node::flushed(Offset end, std::uint64_t generation, Instant now) {
  if (generation != generation_) return {};  // of a log that was cut since
  flushed_ = std::max(flushed_, std::min(end, log_end_));
  if (is_leader()) update_high_watermark(now);
  return take_output();
}

/// The offset that a majority of the voters has flushed. It counts from the epoch's own first batch
/// on.
void Node::update_high_watermark(Instant now) {
  auto& leader = std::get<Leader>(role_);
  std::vector<Offset> ends;
  for (const auto& [key, progress] : leader.voters) {
    ends.push_back(key.id == settings_.self.id ? flushed_ : progress.end);
  }
  if (ends.empty()) return;
  std::ranges::sort(ends, std::greater<>());
  const Offset committed = ends[ends.size() / 2];
  if (committed <= leader.epoch_start || committed <= high_watermark_) return;
  high_watermark_ = committed;
  output_.high_watermark = committed;
  wake_parked(now);
}

/// A voter's, where id and directory say so; else that of an observer, which is new at its first
/// fetch.
Progress& Node::progress_of(const ReplicaKey& replica) {
  auto& leader = std::get<Leader>(role_);
  if (voters().contains(replica)) {
    const auto at = std::ranges::find(leader.voters, replica.id,
                                      [](const auto& entry) { return entry.first.id; });
    if (at != leader.voters.end()) return at->second;
  }
  return leader.observers[replica];
}

/// Those that have not fetched for so long are gone (Kafka's rule).
void Node::forget_silent_observers(Instant now) {
  constexpr Duration patience = std::chrono::minutes(5);
  std::erase_if(std::get<Leader>(role_).observers,
                [&](const auto& entry) { return now - entry.second.last_fetch > patience; });
}

void Node::note_progress(const FetchRequest& request, Instant now) {
  const bool voting = voters().contains(request.replica);
  Progress& progress = progress_of(request.replica);
  progress.key = request.replica;
  if (request.fetch_offset >= log_end_) {
    progress.last_caught_up = now;
  } else if (progress.has_fetched && request.fetch_offset >= progress.end_at_last_fetch) {
    progress.last_caught_up = std::max(progress.last_caught_up, progress.last_fetch);
  }
  progress.has_fetched = true;
  progress.last_fetch = now;
  progress.end_at_last_fetch = log_end_;
  progress.next_begin_epoch = now + settings_.fetch_timeout / 2;
  if (request.fetch_offset > progress.end) {
    progress.end = request.fetch_offset;
    if (voting) update_high_watermark(now);
  }
}

/// A majority (this node included) must have fetched within the time, else another may lead
/// already.
void Node::check_quorum(Instant now) {
  auto& leader = std::get<Leader>(role_);
  const Duration limit = settings_.fetch_timeout * 3 / 2;
  std::vector<Instant> contacts;
  for (const auto& [key, progress] : leader.voters) {
    contacts.push_back(key.id == settings_.self.id ? now : progress.last_fetch);
  }
  std::ranges::sort(contacts, std::greater<>());
  const Instant majority = contacts[voters().majority() - 1];
  leader.check_quorum_deadline = majority + limit;
  if (now < leader.check_quorum_deadline) return;
  if (MUTANT("L13")) {
    leader.check_quorum_deadline = now + limit;
  } else {
    become_resigned(now);
  }
}

void Node::announce_leadership(Instant now) {
  auto& leader = std::get<Leader>(role_);
  for (auto& [key, progress] : leader.voters) {
    if (key.id == settings_.self.id || now < progress.next_begin_epoch) continue;
    progress.next_begin_epoch = now + settings_.fetch_timeout / 2;
    if (is_asking(key.id, std::variant_size_v<Request>)) continue;
    send(key.id,
         BeginQuorumEpochRequest{settings_.cluster_id, key, settings_.self.id, epoch_,
                                 settings_.endpoints},
         now);
  }
}

/// Answers the fetches that have something to say now: new records, or a newer high watermark.
void Node::wake_parked(Instant now) {
  auto& leader = std::get<Leader>(role_);
  std::vector<ParkedFetch> still;
  for (ParkedFetch& parked : leader.parked) {
    const bool has_records = parked.request.fetch_offset < log_end_;
    const bool has_news = parked.request.high_watermark < high_watermark_;
    if (!has_records && !has_news && now < parked.deadline) {
      still.push_back(std::move(parked));
      continue;
    }
    output_.replies.push_back({parked.number, answer_fetch(parked.request, now)});
  }
  leader.parked = std::move(still);
}

}  // namespace cairn::raft
