// SPDX-License-Identifier: Apache-2.0
// A partition's replicas as its leader sees them during one leader epoch: ISR, followers, and from
// them the high watermark and the changes of the ISR. Invariants: the high watermark never falls
// and is the minimum over the maximal ISR (committed and proposed, L8); it stands still while the
// ISR is below min.insync.replicas; one change is in flight at most, and what was committed with a
// later partition epoch is never undone by older news (L12).
//
//   committed --propose--> pending --answer or metadata of a later partition epoch--> committed
//                          pending --INELIGIBLE_REPLICA--> committed (as before)
//
// Owner: partition::Partition while it leads; a new epoch makes a new one.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include <cairn/replication/follower_progress.hpp>
#include <cairn/replication/isr.hpp>

namespace cairn::replication {

struct Leadership {
  BrokerId self = no_broker;
  Epoch leader_epoch = no_epoch;
  std::int32_t partition_epoch = 0;
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;
  std::size_t adding = 0;    // how many of the replicas a reassignment adds
  bool reassigning = false;  // adds or removes some

  bool operator==(const Leadership&) const = default;
};

/// What decides whether a follower keeps up, and whether it may be in the ISR.
struct IsrRules {
  Instant now;
  Duration max_lag;   // replica.lag.time.max.ms
  Offset leader_end;  // flushed or not
  const EligibleEpoch& eligible;
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
  bool has_followers() const { return !followers_.empty(); }

  /// The same leader epoch with another ISR or replica set (followers keep their progress). False:
  /// it is not newer than what is known, and changed nothing.
  bool update(Leadership leadership, Instant now);

  // --- followers ---

  /// unknown_leader_epoch if the follower is no replica (its metadata is newer than ours).
  Result<> on_fetch(BrokerId follower, const FollowerFetch& fetch);
  const FollowerProgress* follower(BrokerId id) const;

  /// The high watermark that follows from `own_end` (flushed, where that is what counts) and the
  /// followers; never below `current`. `joining`: wait for those who are about to join, too.
  Offset high_watermark(Offset current, Offset own_end, std::int32_t min_isr,
                        const IsrRules* joining = nullptr) const;
  /// Below this no replica that lives has records: where DeleteRecords has come to.
  Offset low_watermark(Offset own_start, const EligibleEpoch& eligible) const;
  /// not_enough_replicas while acks=all must be refused.
  Result<> accepts_acks_all(std::int32_t min_isr) const;

  // --- changes of the ISR ---

  const std::optional<IsrProposal>& proposal() const { return proposal_; }
  /// The proposal, where metadata that has not been taken over yet shows that it is in force: it
  /// may be here before the controller's answer.
  std::optional<IsrProposal> committed_by(const Leadership& newer) const;
  /// The ISR with `follower`, if it may join: its end has reached the high watermark and this
  /// epoch, its incarnation is the one the metadata knows.
  std::optional<IsrProposal> propose_joining(BrokerId follower, Offset high_watermark,
                                             const IsrRules& rules);
  /// The ISR without those who have not kept up.
  std::optional<IsrProposal> propose_leaving(const IsrRules& rules);
  /// What became of `proposal`. committed and withdrawn have taken effect here.
  IsrOutcome on_answer(const IsrProposal& proposal, const IsrAnswer& answer, Instant now);

 private:
  static constexpr Duration after_refusal = std::chrono::milliseconds(100);

  bool may_join(BrokerId follower, Offset high_watermark, const IsrRules& rules) const;
  IsrProposal make_proposal(std::vector<BrokerId> isr, const EligibleEpoch& eligible) const;

  Leadership leadership_;
  Offset epoch_start_;
  std::optional<IsrProposal> proposal_;
  Instant no_proposal_before_{};
  std::map<BrokerId, FollowerProgress> followers_;
};

}  // namespace cairn::replication
