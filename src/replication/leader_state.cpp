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
  if (!proposed_isr_) return all;
  if (MUTANT("L8")) return *proposed_isr_;
  for (const BrokerId id : *proposed_isr_) {
    if (!contains(all, id)) all.push_back(id);
  }
  return all;
}

void LeaderState::update(Leadership leadership, Instant now) {
  ASSERT(leadership.leader_epoch == epoch(), "a new leader epoch makes a new LeaderState");
  std::erase_if(followers_,
                [&](const auto& entry) { return !contains(leadership.replicas, entry.first); });
  for (const BrokerId replica : leadership.replicas) {
    if (replica == leadership.self) continue;
    const auto [follower, fresh] = followers_.try_emplace(replica);
    if (fresh) follower->second.reset(now, contains(leadership.isr, replica));
  }
  leadership_ = std::move(leadership);
  proposed_isr_.reset();
}

Result<> LeaderState::on_fetch(BrokerId follower, const FollowerFetch& fetch) {
  const auto found = followers_.find(follower);
  if (found == followers_.end()) {
    return fail(ErrorCode::unknown_leader_epoch, "the follower is not a replica here yet");
  }
  found->second.on_fetch(fetch);
  return {};
}

const FollowerProgress* LeaderState::follower(BrokerId id) const {
  const auto found = followers_.find(id);
  return found == followers_.end() ? nullptr : &found->second;
}

Offset LeaderState::high_watermark(Offset current, Offset own_end, std::int32_t min_isr) const {
  if (!accepts_acks_all(min_isr)) return current;
  Offset lowest = own_end;
  for (const BrokerId id : maximal_isr()) {
    if (id == leadership_.self) continue;
    const FollowerProgress* progress = follower(id);
    lowest = std::min(lowest, progress == nullptr ? no_offset : progress->log_end());
  }
  return std::max(current, lowest);
}

Result<> LeaderState::accepts_acks_all(std::int32_t min_isr) const {
  const auto needed =
      std::min(static_cast<std::size_t>(std::max(min_isr, 1)), leadership_.replicas.size());
  if (leadership_.isr.size() >= needed) return {};
  return fail(ErrorCode::not_enough_replicas, "fewer in-sync replicas than min.insync.replicas");
}

std::vector<BrokerId> LeaderState::lagging(Offset leader_end, Instant now, Duration max_lag) const {
  std::vector<BrokerId> late;
  for (const BrokerId id : leadership_.isr) {
    if (id == leadership_.self) continue;
    const FollowerProgress* progress = follower(id);
    if (progress == nullptr || !progress->keeps_up(leader_end, now, max_lag)) late.push_back(id);
  }
  return late;
}

bool LeaderState::may_join(BrokerId follower_id, Offset high_watermark) const {
  const FollowerProgress* progress = follower(follower_id);
  return progress != nullptr && progress->log_end() >= high_watermark &&
         progress->log_end() >= epoch_start_;
}

}  // namespace cairn::replication
