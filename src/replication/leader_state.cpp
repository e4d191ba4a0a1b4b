// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/replication/leader_state.hpp>

namespace cairn::replication {
namespace {

bool contains(const std::vector<BrokerId>& ids, BrokerId id) {
  return std::ranges::find(ids, id) != ids.end();
}

}  // namespace

LeaderState::LeaderState(Leadership leadership, Offset epoch_start, Instant now)
    : leadership_(std::move(leadership)), epoch_start_(epoch_start) {
  for (const BrokerId replica : leadership_.replicas) {
    if (replica == leadership_.self) continue;
    followers_[replica].reset(now, contains(leadership_.isr, replica));
  }
}

std::vector<BrokerId> LeaderState::maximal_isr() const {
  std::vector<BrokerId> all = leadership_.isr;
  if (!proposal_) return all;
  if (MUTANT("L8")) all.clear();  // believes the proposal before it is committed
  for (const IsrMember& member : proposal_->isr) {
    if (!contains(all, member.id)) all.push_back(member.id);
  }
  return all;
}

std::optional<IsrProposal> LeaderState::committed_by(const Leadership& newer) const {
  if (!proposal_ || newer.leader_epoch != epoch()) return std::nullopt;
  if (newer.partition_epoch <= leadership_.partition_epoch) return std::nullopt;
  const bool in_force =
      std::ranges::is_permutation(newer.isr, proposal_->isr, {}, {}, &IsrMember::id);
  return in_force ? proposal_ : std::nullopt;
}

bool LeaderState::update(Leadership leadership, Instant now) {
  ASSERT(leadership.leader_epoch == epoch(), "a new leader epoch makes a new LeaderState");
  if (leadership.partition_epoch <= leadership_.partition_epoch && !MUTANT("L12")) return false;
  std::erase_if(followers_,
                [&](const auto& entry) { return !contains(leadership.replicas, entry.first); });
  for (const BrokerId replica : leadership.replicas) {
    if (replica == leadership.self) continue;
    const auto [follower, fresh] = followers_.try_emplace(replica);
    if (fresh) follower->second.reset(now, contains(leadership.isr, replica));
  }
  leadership_ = std::move(leadership);
  proposal_.reset();
  return true;
}

Result<> LeaderState::on_fetch(BrokerId follower, const FollowerFetch& fetch) {
  const auto found = followers_.find(follower);
  if (found == followers_.end()) {
    return fail(ErrorCode::unknown_leader_epoch, "the follower is not a replica here yet");
  }
  if (fetch.broker_epoch >= BrokerEpoch(0) && fetch.broker_epoch < found->second.broker_epoch()) {
    return fail(ErrorCode::not_leader_or_follower, "a fetch from before the follower's last start");
  }
  found->second.on_fetch(fetch);
  return {};
}

const FollowerProgress* LeaderState::follower(BrokerId id) const {
  const auto found = followers_.find(id);
  return found == followers_.end() ? nullptr : &found->second;
}

Offset LeaderState::low_watermark(Offset own_start, const EligibleEpoch& eligible) const {
  Offset lowest = own_start;
  for (const auto& [id, progress] : followers_) {
    if (eligible(id)) lowest = std::min(lowest, progress.log_start());
  }
  return lowest;
}

Offset LeaderState::high_watermark(Offset current, Offset own_end, std::int32_t min_isr,
                                   const IsrRules* joining) const {
  if (!accepts_acks_all(min_isr)) return current;
  if (followers_.empty()) return std::max(current, own_end);
  Offset lowest = own_end;
  const std::vector<BrokerId> members = maximal_isr();
  for (const auto& [id, progress] : followers_) {
    if (progress.log_end() >= lowest) continue;
    const bool counts = contains(members, id) ||
                        (joining != nullptr &&
                         progress.keeps_up(joining->leader_end, joining->now, joining->max_lag) &&
                         joining->eligible(id) == std::optional(progress.broker_epoch()));
    if (counts) lowest = progress.log_end();
  }
  for (const BrokerId id : members) {
    if (id != leadership_.self && follower(id) == nullptr) lowest = no_offset;
  }
  return std::max(current, lowest);
}

Result<> LeaderState::accepts_acks_all(std::int32_t min_isr) const {
  const auto needed =
      std::min(static_cast<std::size_t>(std::max(min_isr, 1)), leadership_.replicas.size());
  if (leadership_.isr.size() >= needed) return {};
  return fail(ErrorCode::not_enough_replicas, "fewer in-sync replicas than min.insync.replicas");
}

// ---- changes of the ISR ----

IsrProposal LeaderState::make_proposal(std::vector<BrokerId> isr,
                                       const EligibleEpoch& eligible) const {
  IsrProposal proposal{.leader_epoch = epoch(), .partition_epoch = leadership_.partition_epoch};
  for (const BrokerId id : isr) {
    IsrMember member{id};
    if (id == leadership_.self) {
      member.epoch = eligible(id).value_or(no_broker_epoch);
    } else if (const FollowerProgress* progress = follower(id)) {
      member.epoch = progress->broker_epoch();
    }
    if (MUTANT("L6")) member.epoch = no_broker_epoch;
    proposal.isr.push_back(member);
  }
  return proposal;
}

bool LeaderState::may_join(BrokerId id, Offset high_watermark, const IsrRules& rules) const {
  const FollowerProgress* progress = follower(id);
  if (progress == nullptr || contains(leadership_.isr, id)) return false;
  if (progress->log_end() < high_watermark || progress->log_end() < epoch_start_) return false;
  const std::optional<BrokerEpoch> known = rules.eligible(id);
  if (!known) return false;
  const bool same = progress->broker_epoch() == *known || progress->broker_epoch() < BrokerEpoch(0);
  return same || MUTANT("L6");
}

std::optional<IsrProposal> LeaderState::propose_joining(BrokerId id, Offset high_watermark,
                                                        const IsrRules& rules) {
  if (proposal_ || rules.now < no_proposal_before_ || !may_join(id, high_watermark, rules)) {
    return std::nullopt;
  }
  std::vector<BrokerId> isr = leadership_.isr;
  isr.push_back(id);
  proposal_ = make_proposal(std::move(isr), rules.eligible);
  proposal_->expands = true;
  return proposal_;
}

std::optional<IsrProposal> LeaderState::propose_leaving(const IsrRules& rules) {
  if (proposal_ || rules.now < no_proposal_before_) return std::nullopt;
  std::vector<BrokerId> isr;
  for (const BrokerId id : leadership_.isr) {
    const FollowerProgress* progress = follower(id);
    const bool keeps_up =
        id == leadership_.self ||
        (progress != nullptr && progress->keeps_up(rules.leader_end, rules.now, rules.max_lag));
    if (keeps_up) isr.push_back(id);
  }
  if (isr.size() == leadership_.isr.size()) return std::nullopt;
  proposal_ = make_proposal(std::move(isr), rules.eligible);
  return proposal_;
}

IsrOutcome LeaderState::on_answer(const IsrProposal& proposal, const IsrAnswer& answer,
                                  Instant now) {
  // Metadata of a later partition epoch was here first.
  if (!proposal_ || *proposal_ != proposal) return IsrOutcome::unknown;
  switch (answer.error) {
    case ErrorCode::none: {
      if (answer.leader_epoch != epoch() || answer.partition_epoch < leadership_.partition_epoch) {
        return IsrOutcome::unknown;
      }
      leadership_.isr = answer.isr;
      leadership_.partition_epoch = answer.partition_epoch;
      proposal_.reset();
      return IsrOutcome::committed;
    }
    case ErrorCode::ineligible_replica:
    case ErrorCode::operation_not_attempted:
      // The controller knows the partition epoch and did not apply this, nor will another (L6).
      proposal_.reset();
      no_proposal_before_ = now + after_refusal;
      return IsrOutcome::withdrawn;
    case ErrorCode::unknown_topic_or_partition:
    case ErrorCode::unknown_topic_id:
    case ErrorCode::fenced_leader_epoch:
    case ErrorCode::invalid_update_version:
    case ErrorCode::invalid_request:
    case ErrorCode::new_leader_elected:
      return IsrOutcome::unknown;
    default:
      return IsrOutcome::send_again;
  }
}

}  // namespace cairn::replication
