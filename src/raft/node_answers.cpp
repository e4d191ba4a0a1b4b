// SPDX-License-Identifier: Apache-2.0
// What others answer us, and what is due when: campaigns, fetches, snapshots (facts: kraft.md §3.4,
// §3.6). An answer to a request of an earlier epoch is only read for what it says of the leader.
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/raft/node.hpp>

namespace cairn::raft {

namespace {

constexpr std::size_t index_of_vote = 0, index_of_fetch = 3, index_of_fetch_snapshot = 4;
static_assert(std::is_same_v<std::variant_alternative_t<index_of_vote, Request>, VoteRequest>);
static_assert(std::is_same_v<std::variant_alternative_t<index_of_fetch, Request>, FetchRequest>);
static_assert(std::is_same_v<std::variant_alternative_t<index_of_fetch_snapshot, Request>,
                             FetchSnapshotRequest>);

}  // namespace

void Node::send(BrokerId to, Request request, Instant now) {
  Pending pending{to, request.index(), epoch_, now + settings_.request_timeout, false};
  if (const auto* vote = std::get_if<VoteRequest>(&request)) pending.pre_vote = vote->pre_vote;
  if (const auto* fetch = std::get_if<FetchRequest>(&request)) pending.deadline += fetch->max_wait;
  const std::uint64_t number = next_number_++;
  pending_.emplace(number, pending);
  output_.sends.push_back({number, to, std::move(request)});
}

void Node::carried_out(Duration late) {
  const auto first = pending_.lower_bound(std::exchange(first_unsent_, next_number_));
  if (first == pending_.end()) return;
  bool votes = false, fetches = false;
  for (auto at = first; at != pending_.end(); ++at) {
    Pending& pending = at->second;
    pending.deadline += late;
    votes = votes || pending.kind == index_of_vote;
    fetches = fetches || pending.kind == index_of_fetch || pending.kind == index_of_fetch_snapshot;
  }
  if (auto* leader = std::get_if<Leader>(&role_); leader != nullptr && !leader->announced) {
    leader->announced = true;
    leader->check_quorum_deadline += late;
    for (auto& [key, progress] : leader->voters) progress.last_fetch += late;
  } else if (auto* follower = std::get_if<Follower>(&role_); follower != nullptr && fetches) {
    follower->fetch_deadline += late;
  } else if (auto* prospective = std::get_if<Prospective>(&role_); prospective && votes) {
    prospective->election_deadline += late;
  } else if (auto* candidate = std::get_if<Candidate>(&role_); candidate && votes) {
    candidate->election_deadline += late;
  }
}

/// `kind` beyond the last means any.
bool Node::is_asking(BrokerId to, std::size_t kind) const {
  return std::ranges::any_of(pending_, [&](const auto& entry) {
    return entry.second.to == to &&
           (kind == std::variant_size_v<Request> || entry.second.kind == kind);
  });
}

/// A question to a leader, or to one who may know it, is open.
bool Node::is_fetching() const {
  return std::ranges::any_of(pending_, [](const auto& entry) {
    return entry.second.kind == index_of_fetch || entry.second.kind == index_of_fetch_snapshot;
  });
}

void Node::ask_votes(bool pre_vote, Instant now) {
  for (const Voter& voter : voters().voters()) {
    if (voter.key.id == settings_.self.id) continue;
    send(voter.key.id,
         VoteRequest{settings_.cluster_id, voter.key, settings_.self, epoch_, last(), pre_vote},
         now);
  }
}

void Node::count_votes(Instant now) {
  const auto decide = [&](const auto& votes) {
    std::size_t granted = 0, open = 0;
    for (const auto& [id, vote] : votes) {
      granted += vote == true ? 1 : 0;
      open += vote.has_value() ? 0 : 1;
    }
    if (granted >= voters().majority()) return 1;
    return granted + open < voters().majority() ? -1 : 0;
  };
  if (auto* prospective = std::get_if<Prospective>(&role_)) {
    const int outcome = decide(prospective->votes);
    if (outcome > 0) return become_candidate(now);
    if (outcome < 0) {
      const auto known = prospective->leader;
      if (known && voters().find(*known) != nullptr && *known != settings_.self.id) {
        return become_follower(epoch_, *known, now);
      }
      become_unattached(epoch_, known, prospective->voted, now);
    }
  } else if (auto* candidate = std::get_if<Candidate>(&role_)) {
    const int outcome = decide(candidate->votes);
    if (outcome < 0) candidate->backing_off = true;
    if (outcome <= 0) return;
    std::vector<BrokerId> granting;
    for (const auto& [id, vote] : candidate->votes) {
      if (vote == true) granting.push_back(id);
    }
    become_leader(std::move(granting), now);
  }
}

Output Node::answered(std::uint64_t number, const Response& response, Instant now) {
  const auto at = pending_.find(number);
  if (at == pending_.end()) return {};
  const Pending pending = at->second;
  pending_.erase(at);
  std::visit(
      [&]<class R>(const R& body) {
        if constexpr (std::is_same_v<R, VoteResponse>) {
          answered_vote(pending, body, now);
        } else if constexpr (std::is_same_v<R, FetchResponse>) {
          answered_fetch(pending, body, now);
        } else if constexpr (std::is_same_v<R, FetchSnapshotResponse>) {
          answered_snapshot(pending, body, now);
        } else {
          follow_hint(body.leader, now);
        }
      },
      response);
  poll(now);
  return take_output();
}

Output Node::request_failed(std::uint64_t number, Instant now) {
  const auto at = pending_.find(number);
  if (at == pending_.end()) return {};
  if (at->second.kind == index_of_fetch || at->second.kind == index_of_fetch_snapshot) {
    retry_at_ = std::max(retry_at_, now + settings_.retry_backoff);
    ask_another_ = at->second.to == leader();
  }
  pending_.erase(at);
  poll(now);
  return take_output();
}

/// Others still refuse a pre-vote while they fetch, so a mistake here costs one round of it. The
/// pause keeps voters from campaigning in the same moment.
Output Node::leader_refused(Instant now) {
  if (auto* follower = std::get_if<Follower>(&role_); follower != nullptr) {
    follower->has_fetched = false;
    const auto spread = static_cast<std::uint64_t>(settings_.election_timeout.count() / 20 + 1);
    const Instant soon = now + Duration(static_cast<std::int64_t>(random_.below(spread)));
    follower->fetch_deadline = std::min(follower->fetch_deadline, soon);
  }
  poll(now);
  return take_output();
}

void Node::answered_vote(const Pending& pending, const VoteResponse& response, Instant now) {
  if (pending.pre_vote && response.error == ErrorCode::unsupported_version) {
    if (std::holds_alternative<Prospective>(role_)) become_candidate(now);  // it knows no pre-votes
    return;
  }
  const Epoch before = epoch_;
  follow_hint(response.leader, now);
  if (epoch_ != before || pending.epoch != epoch_) return;
  if (response.error != ErrorCode::none) return;
  const auto note = [&](auto& votes) {
    const auto vote = votes.find(pending.to);
    if (vote != votes.end() && !vote->second) vote->second = response.granted;
  };
  auto* prospective = std::get_if<Prospective>(&role_);
  auto* candidate = std::get_if<Candidate>(&role_);
  if (prospective != nullptr && pending.pre_vote) note(prospective->votes);
  if (candidate != nullptr && !pending.pre_vote) note(candidate->votes);
  count_votes(now);
}

void Node::answered_fetch(const Pending& pending, const FetchResponse& response, Instant now) {
  const Epoch before = epoch_;
  follow_hint(response.leader, now);
  auto* follower = std::get_if<Follower>(&role_);
  const bool from_leader = follower != nullptr && follower->leader == pending.to &&
                           pending.epoch == epoch_ && epoch_ == before;
  if (!from_leader || response.error != ErrorCode::none) {
    retry_at_ = now + settings_.retry_backoff;
    return;
  }
  follower->fetch_deadline = now + settings_.fetch_timeout;
  follower->has_fetched = true;
  follower->leader_high_watermark = response.high_watermark;
  if (response.snapshot) {
    follower->downloading = response.snapshot;
    follower->download_position = 0;
    return;
  }
  if (response.diverging) {
    const auto own = epochs_.end_offset_for(response.diverging->epoch, log_end_);
    Offset end = own.end_offset < Offset(0) ? log_start_ : own.end_offset;
    if (own.epoch == response.diverging->epoch) end = std::min(end, response.diverging->offset);
    // What a majority has flushed is never given up: the leader cannot ask for it.
    ASSERT(end >= high_watermark_, "a committed part of the metadata log is to be truncated");
    log_end_ = std::min(log_end_, end);
    flushed_ = std::min(flushed_, log_end_);
    epochs_.truncate_from_end(log_end_);
    update_voters_after_truncation();
    ++generation_;
    output_.log.push_back(TruncateTo{log_end_});
    return;
  }
  take_records(response);
  const Offset committed = std::min(response.high_watermark, log_end_);
  if (committed > high_watermark_) {
    high_watermark_ = committed;
    output_.high_watermark = committed;
  }
}

void Node::take_records(const FetchResponse& response) {
  if (response.batches.empty()) return;
  Offset next = log_end_;
  for (const FetchedBatch& batch : response.batches) {
    if (batch.base_offset != next || batch.epoch < last_epoch() || batch.epoch > epoch_) {
      retry_at_ += settings_.retry_backoff;  // not what was asked for: nothing of it is taken
      return;
    }
    next = batch.next_offset;
  }
  for (const FetchedBatch& batch : response.batches) {
    epochs_.assign(batch.epoch, batch.base_offset);
    if (batch.kraft_version) kraft_versions_.push_back({batch.base_offset, *batch.kraft_version});
    if (batch.voters) {  // in force as soon as it is appended
      voter_sets_.push_back({batch.base_offset, *batch.voters});
      voters_from_bootstrap_ = false;
    }
  }
  log_end_ = next;
  output_.log.push_back(AppendFetched{response.records});
  output_.flush = settings_.may_vote;  // the next fetch acknowledges: brokers need not flush
}

void Node::update_voters_after_truncation() {
  while (voter_sets_.size() > 1 && voter_sets_.back().first >= log_end_) voter_sets_.pop_back();
  while (kraft_versions_.size() > 1 && kraft_versions_.back().first >= log_end_) {
    kraft_versions_.pop_back();
  }
  // The voters of the 0-0 checkpoint rule again: the log does not have them any more.
  if (voter_sets_.size() == 1 && !latest_snapshot_) voters_from_bootstrap_ = kraft_version() >= 1;
}

void Node::answered_snapshot(const Pending& pending, const FetchSnapshotResponse& response,
                             Instant now) {
  follow_hint(response.leader, now);
  auto* follower = std::get_if<Follower>(&role_);
  if (follower == nullptr || follower->leader != pending.to || pending.epoch != epoch_ ||
      !follower->downloading) {
    return;
  }
  if (response.error == ErrorCode::snapshot_not_found ||
      response.error == ErrorCode::position_out_of_range) {
    follower->downloading.reset();  // the leader has a newer one: its next answer names it
    return;
  }
  if (response.error != ErrorCode::none || response.snapshot != *follower->downloading ||
      response.position != follower->download_position) {
    retry_at_ = now + settings_.retry_backoff;
    return;
  }
  follower->fetch_deadline = now + settings_.fetch_timeout;
  follower->has_fetched = true;
  output_.log.push_back(StoreSnapshotChunk{response.snapshot, response.position, response.bytes});
  follower->download_position += static_cast<std::int64_t>(response.bytes.size());
  if (follower->download_position < response.size) return;

  const SnapshotId id = *follower->downloading;
  follower->downloading.reset();
  output_.log.push_back(InstallSnapshot{id});
  output_.flush = true;
  log_start_ = log_end_ = flushed_ = id.end_offset;
  epochs_.clear();
  epochs_.assign(id.epoch, id.end_offset);
  latest_snapshot_ = earliest_snapshot_ = id;
  ++generation_;
  if (id.end_offset > high_watermark_) {
    high_watermark_ = id.end_offset;
    output_.high_watermark = high_watermark_;
  }
}

void Node::send_fetch(BrokerId to, Instant now) {
  FetchRequest request;
  request.cluster_id = settings_.cluster_id;
  request.replica = settings_.self;
  request.epoch = epoch_;
  request.fetch_offset = log_end_;
  request.last_fetched_epoch = last_epoch();
  request.high_watermark = high_watermark_;
  request.max_wait = settings_.fetch_max_wait;
  request.max_bytes = settings_.fetch_max_bytes;
  send(to, std::move(request), now);
}

void Node::send_snapshot_fetch(Instant now) {
  const auto& follower = std::get<Follower>(role_);
  send(follower.leader,
       FetchSnapshotRequest{settings_.cluster_id, settings_.self, epoch_, *follower.downloading,
                            follower.download_position, settings_.fetch_max_bytes},
       now);
}

/// One question at a time, to the leader or, while none is known or it does not answer, to one who
/// may know who leads.
void Node::ask_leader_or_bootstrap(Instant now) {
  if (is_fetching() || now < retry_at_) return;
  const auto* follower = std::get_if<Follower>(&role_);
  if (follower != nullptr && !ask_another_) {
    return follower->downloading ? send_snapshot_fetch(now) : send_fetch(follower->leader, now);
  }
  ask_another_ = false;
  std::vector<BrokerId> known = settings_.bootstrap;
  for (const Voter& voter : voters().voters()) {
    const bool asked_already = follower != nullptr && follower->leader == voter.key.id;
    if (voter.key.id != settings_.self.id && !asked_already) known.push_back(voter.key.id);
  }
  if (known.empty()) {
    retry_at_ = now + settings_.retry_backoff;
    return;
  }
  send_fetch(known[next_bootstrap_++ % known.size()], now);
}

void Node::poll(Instant now) {
  std::erase_if(pending_, [&](const auto& entry) {
    const bool late = entry.second.deadline <= now;
    if (late) ask_another_ = entry.second.to == leader();
    return late;
  });
  const bool may_campaign = settings_.may_vote && is_voter();
  if (auto* unattached = std::get_if<Unattached>(&role_)) {
    if (may_campaign && now >= unattached->election_deadline) return become_prospective(now);
    ask_leader_or_bootstrap(now);
  } else if (auto* follower = std::get_if<Follower>(&role_)) {
    if (may_campaign && now >= follower->fetch_deadline) return become_prospective(now);
    if (!may_campaign && now >= follower->fetch_deadline) {
      return become_unattached(epoch_, std::nullopt, follower->voted, now);
    }
    ask_leader_or_bootstrap(now);
  } else if (auto* prospective = std::get_if<Prospective>(&role_)) {
    if (now < prospective->election_deadline) return;
    for (auto& [id, vote] : prospective->votes) vote = vote.value_or(false);
    count_votes(now);
  } else if (auto* candidate = std::get_if<Candidate>(&role_)) {
    if (now >= candidate->election_deadline) become_prospective(now);
  } else if (auto* resigned = std::get_if<Resigned>(&role_)) {
    if (now >= resigned->election_deadline) {
      become_unattached(epoch_ + 1, std::nullopt, std::nullopt, now);
    }
  } else if (!is_only_voter()) {
    forget_silent_observers(now);
    announce_leadership(now);
    wake_parked(now);
    if (now >= std::get<Leader>(role_).check_quorum_deadline) check_quorum(now);
  } else {
    forget_silent_observers(now);
    wake_parked(now);
  }
}

std::optional<Instant> Node::deadline() const {
  std::optional<Instant> earliest;
  const auto also = [&](Instant when) {
    if (!earliest || when < *earliest) earliest = when;
  };
  const bool may_campaign = settings_.may_vote && is_voter();
  for (const auto& [number, pending] : pending_) also(pending.deadline);
  if (const auto* unattached = std::get_if<Unattached>(&role_)) {
    if (may_campaign) also(unattached->election_deadline);
    if (!is_fetching()) also(retry_at_);
  } else if (const auto* follower = std::get_if<Follower>(&role_)) {
    also(follower->fetch_deadline);
    if (!is_fetching()) also(retry_at_);
  } else if (const auto* prospective = std::get_if<Prospective>(&role_)) {
    also(prospective->election_deadline);
  } else if (const auto* candidate = std::get_if<Candidate>(&role_)) {
    also(candidate->election_deadline);
  } else if (const auto* resigned = std::get_if<Resigned>(&role_)) {
    also(resigned->election_deadline);
  } else {
    const auto& leader = std::get<Leader>(role_);
    for (const ParkedFetch& parked : leader.parked) also(parked.deadline);
    if (!is_only_voter()) {
      also(leader.check_quorum_deadline);
      for (const auto& [key, progress] : leader.voters) {
        if (key.id != settings_.self.id) also(progress.next_begin_epoch);
      }
    }
  }
  return earliest;
}

}  // namespace cairn::raft
