// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <cairn/metadata/features.hpp>
#include <cairn/metadata/partitions.hpp>

#include "wire.hpp"

namespace cairn::metadata {
namespace {

constexpr std::int32_t same_leader = -2;

bool is_no_op(const protocol::PartitionChangeRecord& record) {
  return !record.isr && record.leader == same_leader && !record.replicas &&
         !record.removing_replicas && !record.adding_replicas && record.leader_recovery_state < 0 &&
         !record.directories && !record.eligible_leader_replicas && !record.last_known_elr;
}

}  // namespace

PartitionChange::PartitionChange(const TopicId& topic, PartitionIndex index,
                                 const Partition& partition, Rules rules)
    : topic_(topic),
      index_(index),
      partition_(partition),
      rules_(std::move(rules)),
      isr_(partition.isr),
      replicas_(partition.replicas),
      adding_(partition.adding_replicas),
      removing_(partition.removing_replicas),
      elr_(partition.elr),
      last_known_elr_(partition.last_known_elr),
      recovery_(partition.recovery_state) {}

PartitionChange& PartitionChange::set_target_isr(std::vector<BrokerId> isr) {
  isr_ = std::move(isr);
  return *this;
}

PartitionChange& PartitionChange::set_target_replicas(std::vector<BrokerId> replicas,
                                                      std::vector<BrokerId> adding,
                                                      std::vector<BrokerId> removing) {
  replicas_ = std::move(replicas);
  adding_ = std::move(adding);
  removing_ = std::move(removing);
  return *this;
}

PartitionChange& PartitionChange::set_recovery_state(LeaderRecoveryState state) {
  recovery_ = state;
  return *this;
}

PartitionChange& PartitionChange::set_unclean_shutdown(BrokerId replica) {
  unclean_shutdown_ = replica;
  return *this;
}

PartitionChange& PartitionChange::set_election(Election election) {
  election_ = election;
  return *this;
}

std::optional<Record> PartitionChange::build() {
  protocol::PartitionChangeRecord record;
  record.topic_id = topic_;
  record.partition_id = index_.value();
  complete_reassignment();
  if (rules_.elr) update_elr();
  elect_into(record);
  // Without ELR an ISR never empties: its last member stays, so that it alone may lead again.
  if (!record.isr && isr_ != partition_.isr && (!isr_.empty() || rules_.elr)) {
    record.isr = to_numbers(isr_);
  }
  bump_leader_epoch(record);
  note_elr(record);
  note_replicas(record);
  if (record.leader_recovery_state < 0 && recovery_ != partition_.recovery_state) {
    record.leader_recovery_state = static_cast<std::int8_t>(recovery_);
  }
  if (is_no_op(record)) return std::nullopt;
  return Record{std::move(record), record_versions(rules_.metadata_version).partition_change};
}

/// A reassignment is over once all that are being added are in sync, and, where there will be fewer
/// replicas than before, all that stay.
void PartitionChange::complete_reassignment() {
  if (adding_.empty() && removing_.empty()) return;
  const auto in_isr = [&](BrokerId id) { return contains(isr_, id); };
  if (!std::ranges::all_of(adding_, in_isr)) return;
  std::vector<BrokerId> replicas = without(replicas_, removing_);
  std::vector<BrokerId> isr = without(isr_, removing_);
  if (replicas.empty() || isr.empty()) return;  // what would be left could not lead
  const bool fewer = adding_.size() < removing_.size();
  if (fewer && !std::ranges::all_of(replicas, in_isr)) return;
  const bool can_lead =
      std::ranges::any_of(isr, [&](BrokerId id) { return rules_.acceptable(id); });
  if (!can_lead) return;
  replicas_ = std::move(replicas);
  isr_ = std::move(isr);
  elr_ = without(elr_, removing_);
  adding_.clear();
  removing_.clear();
}

/// KIP-966: whoever left the ISR while it is below the minimum stays eligible, unless it stopped
/// uncleanly.
void PartitionChange::update_elr() {
  const auto min_isr = static_cast<std::size_t>(
      std::min<std::int64_t>(rules_.min_isr, static_cast<std::int64_t>(replicas_.size())));
  if (isr_.size() >= min_isr) {
    elr_.clear();
    last_known_elr_.clear();
    return;
  }
  std::set<BrokerId> candidates(partition_.elr.begin(), partition_.elr.end());
  candidates.insert(partition_.isr.begin(), partition_.isr.end());
  elr_.clear();
  for (const BrokerId id : candidates) {
    if (!contains(isr_, id) && id != unclean_shutdown_ && contains(replicas_, id)) {
      elr_.push_back(id);
    }
  }
}

bool PartitionChange::may_lead(BrokerId id) const {
  const bool clean = contains(isr_, id) || (rules_.elr && isr_.empty() && contains(elr_, id));
  return clean && rules_.acceptable(id);
}

bool PartitionChange::may_elect_last_known() const {
  return rules_.elr && elr_.empty() && isr_.empty() && partition_.last_known_elr.size() == 1 &&
         rules_.acceptable(partition_.last_known_elr.front());
}

PartitionChange::Elected PartitionChange::elect() const {
  if (election_ == Election::preferred && may_lead(replicas_.front())) {
    return {replicas_.front(), false};
  }
  if (may_lead(partition_.leader)) return {partition_.leader, false};
  for (const BrokerId id : replicas_) {
    if (may_lead(id)) return {id, false};
  }
  if (may_elect_last_known()) return {partition_.last_known_elr.front(), true};
  if (election_ == Election::unclean) {
    for (const BrokerId id : replicas_) {
      if (rules_.acceptable(id)) return {id, true};
    }
  }
  return {no_broker, false};
}

void PartitionChange::elect_into(protocol::PartitionChangeRecord& record) {
  const Elected elected = elect();
  if (elected.leader == partition_.leader) return;
  record.leader = elected.leader.value();
  if (elected.leader == no_broker) {
    if (rules_.elr && partition_.leader != no_broker) last_known_elr_ = {partition_.leader};
    return;
  }
  if (elected.unclean) {
    isr_ = {elected.leader};
    record.isr = to_numbers(isr_);
    elr_.clear();
    last_known_elr_.clear();
    if (partition_.recovery_state != LeaderRecoveryState::recovering) {
      record.leader_recovery_state = static_cast<std::int8_t>(LeaderRecoveryState::recovering);
    }
    recovery_ = LeaderRecoveryState::recovering;
  } else if (isr_.empty()) {  // from the ELR
    isr_ = {elected.leader};
    elr_ = without(elr_, isr_);
    last_known_elr_.clear();
  }
}

/// Naming the same leader raises the leader epoch, so that a replica that was taken out is fenced.
void PartitionChange::bump_leader_epoch(protocol::PartitionChangeRecord& record) const {
  if (record.leader != same_leader) return;
  const auto missing_from = [](const std::vector<BrokerId>& now) {
    return [&now](BrokerId id) { return !contains(now, id); };
  };
  const bool replica_left = std::ranges::any_of(partition_.replicas, missing_from(replicas_));
  const bool isr_shrank = !isr_.empty() && std::ranges::any_of(partition_.isr, missing_from(isr_));
  if (replica_left || (isr_shrank && bumps_leader_epoch_on_isr_shrink(rules_.metadata_version))) {
    record.leader = partition_.leader.value();
  }
}

/// Where the feature is off what is left of it goes.
void PartitionChange::note_elr(protocol::PartitionChangeRecord& record) {
  if (!rules_.elr) {
    elr_.clear();
    last_known_elr_.clear();
  }
  if (elr_ != partition_.elr) record.eligible_leader_replicas = to_numbers(elr_);
  if (last_known_elr_ != partition_.last_known_elr) {
    record.last_known_elr = to_numbers(last_known_elr_);
  }
}

void PartitionChange::note_replicas(protocol::PartitionChangeRecord& record) const {
  if (replicas_ != partition_.replicas) record.replicas = to_numbers(replicas_);
  if (adding_ != partition_.adding_replicas) record.adding_replicas = to_numbers(adding_);
  if (removing_ != partition_.removing_replicas) record.removing_replicas = to_numbers(removing_);
  if (!record.replicas || !supports_directories(rules_.metadata_version)) return;
  auto& directories = record.directories.emplace();
  for (const BrokerId id : replicas_) {
    const auto at = std::ranges::find(partition_.replicas, id);
    const auto place = static_cast<std::size_t>(at - partition_.replicas.begin());
    if (place < partition_.directories.size()) {
      directories.push_back(partition_.directories[place]);
    } else if (at != partition_.replicas.end()) {
      directories.push_back(migrating_directory);  // from before there were directories
    } else {
      directories.push_back(rules_.directory_of_new ? rules_.directory_of_new(id)
                                                    : unassigned_directory);
    }
  }
}

}  // namespace cairn::metadata
