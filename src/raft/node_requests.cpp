// SPDX-License-Identifier: Apache-2.0
// What others ask of us: votes, news of leaders, fetches (facts: kraft.md §3.3 to §3.5). An error
// code leaves all as it was, except that a higher epoch is always taken notice of first.
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/raft/node.hpp>

namespace cairn::raft {

Output Node::step(std::uint64_t number, const Request& request, Instant now) {
  std::visit(
      [&]<class R>(const R& body) {
        if constexpr (std::is_same_v<R, FetchRequest>) {
          if (auto response = on(number, body, now)) {
            output_.replies.push_back({number, *std::move(response)});
          }
        } else {
          Response response = on(body, now);
          output_.replies.push_back({number, std::move(response)});
        }
      },
      request);
  poll(now);
  return take_output();
}

ErrorCode Node::check_cluster(const std::optional<std::string>& cluster_id) const {
  const bool same = !cluster_id || *cluster_id == settings_.cluster_id;
  return same ? ErrorCode::none : ErrorCode::inconsistent_cluster_id;
}

bool Node::grants(const VoteRequest& request) const {
  const bool up_to_date = request.last >= last();
  if (is_leader()) return false;
  if (const auto* follower = std::get_if<Follower>(&role_)) {
    return request.pre_vote && up_to_date && !follower->has_fetched;
  }
  if (request.pre_vote) return up_to_date;
  if (std::holds_alternative<Candidate>(role_) || std::holds_alternative<Resigned>(role_)) {
    return false;
  }
  const auto vote = voted();
  if (vote) {
    const bool same_directory =
        vote->directory.is_zero() || vote->directory == request.candidate.directory;
    return vote->id == request.candidate.id && same_directory;
  }
  return !leader() && up_to_date;
}

VoteResponse Node::on(const VoteRequest& request, Instant now) {
  VoteResponse response;
  const auto answer = [&](ErrorCode error) {
    response.error = error;
    response.leader = hint();
    return response;
  };
  if (ErrorCode code = check_cluster(request.cluster_id); code != ErrorCode::none) {
    return answer(code);
  }
  const bool bad_epoch =
      request.pre_vote ? request.last.epoch > request.epoch : request.last.epoch >= request.epoch;
  if (bad_epoch || request.epoch.value() < 0 || request.last.epoch.value() < 0 ||
      request.last.offset.value() < 0 || request.candidate.id.value() < 0) {
    return answer(ErrorCode::invalid_request);
  }
  if (request.epoch < epoch_) return answer(ErrorCode::fenced_leader_epoch);
  if (request.epoch > epoch_) become_unattached(request.epoch, std::nullopt, std::nullopt, now);
  const bool for_us =
      (request.voter.id == no_broker || request.voter.id == settings_.self.id) &&
      (request.voter.directory.is_zero() || request.voter.directory == settings_.self.directory);
  if (!for_us) return answer(ErrorCode::invalid_voter_key);

  response.granted = grants(request);
  if (response.granted && !request.pre_vote) {
    // Durable before the reply leaves (Output's order).
    become_unattached(epoch_, std::nullopt, request.candidate, now);
  }
  return answer(ErrorCode::none);
}

BeginQuorumEpochResponse Node::on(const BeginQuorumEpochRequest& request, Instant now) {
  BeginQuorumEpochResponse response;
  response.error = check_cluster(request.cluster_id);
  if (response.error == ErrorCode::none &&
      (request.leader.value() < 0 || request.epoch.value() < 0)) {
    response.error = ErrorCode::invalid_request;
  }
  if (response.error == ErrorCode::none && request.epoch < epoch_) {
    response.error = ErrorCode::fenced_leader_epoch;
  }
  if (response.error == ErrorCode::none && request.leader != settings_.self.id) {
    follow_hint({request.leader, request.epoch, request.leader_endpoints}, now);
    const bool for_us =
        request.voter.directory.is_zero() || request.voter.directory == settings_.self.directory;
    if (!for_us) response.error = ErrorCode::invalid_voter_key;
  }
  response.leader = hint();
  return response;
}

EndQuorumEpochResponse Node::on(const EndQuorumEpochRequest& request, Instant now) {
  EndQuorumEpochResponse response;
  response.error = check_cluster(request.cluster_id);
  if (response.error == ErrorCode::none && request.epoch < epoch_) {
    response.error = ErrorCode::fenced_leader_epoch;
  }
  if (response.error == ErrorCode::none && request.leader != settings_.self.id) {
    follow_hint({request.leader, request.epoch, request.leader_endpoints}, now);
    if (auto* follower = std::get_if<Follower>(&role_);
        follower != nullptr && follower->leader == request.leader) {
      // The first in the list campaigns at once, the others give it time, and their pre-vote: the
      // leader itself says that it is over.
      follower->has_fetched = false;
      constexpr Duration max_wait = std::chrono::seconds(1);
      const auto& list = request.preferred_candidates;
      const auto at = std::ranges::find(list, settings_.self.id, &ReplicaKey::id);
      const auto place = at - list.begin();
      Duration wait = max_wait;
      if (at != list.end() && place == 0) {
        wait = Duration(0);
      } else if (at != list.end()) {
        const auto others = std::min<std::ptrdiff_t>(std::ssize(list) - 1, 16);
        wait = std::min(max_wait, (max_wait / (1 << others)) * (1 << std::min(place - 1, others)));
      }
      follower->fetch_deadline = now + wait;
    }
  }
  response.leader = hint();
  return response;
}

ErrorCode Node::check_leader_epoch(Epoch epoch) const {
  if (epoch < epoch_) return ErrorCode::fenced_leader_epoch;
  if (epoch > epoch_) return ErrorCode::unknown_leader_epoch;
  if (std::holds_alternative<Resigned>(role_)) return ErrorCode::broker_not_available;
  return is_leader() ? ErrorCode::none : ErrorCode::not_leader_or_follower;
}

std::optional<FetchResponse> Node::on(std::uint64_t number, const FetchRequest& request,
                                      Instant now) {
  FetchResponse response;
  response.leader = hint();
  response.error = check_cluster(request.cluster_id);
  if (response.error == ErrorCode::none &&
      (request.fetch_offset.value() < 0 || request.last_fetched_epoch.value() < 0 ||
       request.epoch.value() < 0 || request.last_fetched_epoch > request.epoch)) {
    response.error = ErrorCode::invalid_request;
  }
  if (response.error == ErrorCode::none) response.error = check_leader_epoch(request.epoch);
  if (response.error != ErrorCode::none) return response;
  response = answer_fetch(request, now);
  const bool nothing_new = !response.diverging && !response.snapshot &&
                           request.fetch_offset >= log_end_ &&
                           request.high_watermark >= high_watermark_;
  if (nothing_new && request.max_wait > Duration(0) && is_leader()) {
    std::get<Leader>(role_).parked.push_back({number, request, now + request.max_wait});
    return std::nullopt;
  }
  return response;
}

/// REQUIRES: leading in the request's epoch.
FetchResponse Node::answer_fetch(const FetchRequest& request, Instant now) {
  FetchResponse response;
  response.leader = hint();
  response.log_start = log_start_;
  const Offset offset = request.fetch_offset;
  if (offset == Offset(0) && latest_snapshot_) {
    response.snapshot = latest_snapshot_;
  } else if (offset < log_start_ ||
             (latest_snapshot_ && earliest_snapshot_ && offset == log_start_ &&
              log_start_ > Offset(0) && request.last_fetched_epoch != earliest_snapshot_->epoch)) {
    response.snapshot = latest_snapshot_;
  } else if (offset > Offset(0)) {
    auto end = epochs_.end_offset_for(request.last_fetched_epoch, log_end_);
    if (end.epoch == no_epoch) end = {last_epoch(), log_end_};
    if (end.epoch != request.last_fetched_epoch || end.end_offset < offset) {
      response.diverging = LogPosition{end.epoch, end.end_offset};
    }
  }
  if (!response.snapshot && !response.diverging) {
    note_progress(request, now);
    if (!is_leader()) return response;
    response.read_from = offset;
  }
  response.high_watermark = high_watermark_;
  return response;
}

FetchSnapshotResponse Node::on(const FetchSnapshotRequest& request, Instant now) {
  FetchSnapshotResponse response;
  response.leader = hint();
  response.snapshot = request.snapshot;
  response.position = request.position;
  response.error = check_cluster(request.cluster_id);
  if (response.error == ErrorCode::none) response.error = check_leader_epoch(request.epoch);
  if (response.error == ErrorCode::none && request.position < 0) {
    response.error = ErrorCode::position_out_of_range;
  }
  if (response.error != ErrorCode::none) return response;
  Progress& progress = progress_of(request.replica);  // it downloads: it is there
  progress.key = request.replica;
  progress.last_fetch = now;
  progress.next_begin_epoch = now + settings_.fetch_timeout / 2;
  return response;  // size and bytes are the actor's to add, or SNAPSHOT_NOT_FOUND
}

}  // namespace cairn::raft
