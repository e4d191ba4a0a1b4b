// SPDX-License-Identifier: Apache-2.0
// A partition's replicas as its leader sees them during one leader epoch: ISR, followers, and from
// them the high watermark. Invariants: the high watermark never falls and is the minimum over the
// maximal ISR (committed and proposed, L8); it stands still while the ISR is below
// min.insync.replicas. Owner: partition::Partition while it leads; a new epoch makes a new one.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include <cairn/base/result.hpp>
#include <cairn/replication/follower_progress.hpp>

namespace cairn::replication {

struct Leadership {
  BrokerId self = no_broker;
  Epoch leader_epoch = no_epoch;
  std::int32_t partition_epoch = 0;
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;

  bool operator==(const Leadership&) const = default;
};

class LeaderState {
 public:
  /// `epoch_start`: the log's end when the epoch began.
  LeaderState(Leadership leadership, Offset epoch_start, Instant now);

  const Leadership& leadership() const { return leadership_; }
  Epoch epoch() const { return leadership_.leader_epoch; }
  Offset epoch_start() const { return epoch_start_; }
  std::size_t isr_size() const { return leadership_.isr.size(); }
  std::vector<BrokerId> maximal_isr() const;

  /// The same leader epoch with another ISR or replica set (L12: followers keep their progress).
  void update(Leadership leadership, Instant now);
  /// An ISR that was proposed to the controller and is not known to be committed.
  void propose_isr(std::vector<BrokerId> isr) { proposed_isr_ = std::move(isr); }
  void withdraw_proposal() { proposed_isr_.reset(); }

  /// unknown_leader_epoch if the follower is no replica (its metadata is newer than ours).
  Result<> on_fetch(BrokerId follower, const FollowerFetch& fetch);
  const FollowerProgress* follower(BrokerId id) const;

  /// The high watermark that follows from `own_end` (flushed, where that is what counts) and the
  /// followers; never below `current`.
  Offset high_watermark(Offset current, Offset own_end, std::int32_t min_isr) const;
  /// not_enough_replicas while acks=all must be refused.
  Result<> accepts_acks_all(std::int32_t min_isr) const;
  /// Members of the ISR that have not kept up.
  std::vector<BrokerId> lagging(Offset leader_end, Instant now, Duration max_lag) const;
  /// A follower that may join: its end is at the high watermark and in this epoch.
  bool may_join(BrokerId follower, Offset high_watermark) const;

 private:
  Leadership leadership_;
  Offset epoch_start_;
  std::optional<std::vector<BrokerId>> proposed_isr_;
  std::map<BrokerId, FollowerProgress> followers_;
};

}  // namespace cairn::replication
