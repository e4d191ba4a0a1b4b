// SPDX-License-Identifier: Apache-2.0
#include <cairn/metadata/elections.hpp>

#include "wire.hpp"

namespace cairn::metadata {
namespace {

/// A reassignment elects who joins the ISR by the same record: that is as good as in sync.
ElectedFrom elected_from(const Partition& before, const protocol::PartitionChangeRecord& change) {
  const BrokerId leader(change.leader);
  if (before.in_isr(leader)) return ElectedFrom::isr;
  if (contains(before.elr, leader)) return ElectedFrom::eligible;
  const auto recovery = change.leader_recovery_state < 0
                            ? before.recovery_state
                            : LeaderRecoveryState(change.leader_recovery_state);
  return recovery == LeaderRecoveryState::recovering ? ElectedFrom::out_of_sync : ElectedFrom::isr;
}

}  // namespace

std::vector<LeaderElection> elections(const Image& before, std::span<const Record> records) {
  std::vector<LeaderElection> found;
  for (const Record& record : records) {
    const auto* change = std::get_if<protocol::PartitionChangeRecord>(&record.body);
    if (change == nullptr || change->leader < 0) continue;
    const Topic* topic = before.topic(change->topic_id);
    const PartitionIndex index(change->partition_id);
    const Partition* partition = topic == nullptr ? nullptr : topic->partition(index);
    const BrokerId leader(change->leader);
    if (partition == nullptr || partition->leader == leader) continue;
    found.push_back({topic->name, index, leader, elected_from(*partition, *change)});
  }
  return found;
}

}  // namespace cairn::metadata
