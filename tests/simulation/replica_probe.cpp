// SPDX-License-Identifier: Apache-2.0
#include "replica_probe.hpp"

#include <algorithm>

namespace cairn::simulation {

using partition::Partition;

void ReplicaProbe::broken(std::string_view id, std::string what) {
  if (violations_.size() < 50) violations_.push_back({id, std::move(what)});
}

void ReplicaProbe::look() {
  const std::vector<ProbedNode> nodes = nodes_();
  for (const ProbedNode& node : nodes) look_at(node);
  for (const ProbedNode& node : nodes) {
    if (node.partitions == nullptr) continue;
    node.partitions->for_each([&](const auto& one) {
      compare(node, *one);
      check_leader(node, *one);
    });
  }
}

void ReplicaProbe::look_at(const ProbedNode& node) {
  if (node.partitions == nullptr) return;
  node.partitions->for_each([this](const auto& one) { raise(*one); });
}

namespace {

/// Adds what a log has between the end of `to` and `until`.
void extend(log::EpochCache& to, Offset from, Offset until, const log::EpochCache& log) {
  const auto entries = log.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Offset end = i + 1 < entries.size() ? entries[i + 1].start_offset : until;
    const Offset start = std::max(entries[i].start_offset, from);
    if (start < std::min(end, until)) to.assign(entries[i].epoch, start);
  }
}

}  // namespace

/// TrueHW: the highest that a leader had once its epoch's start was committed.
void ReplicaProbe::raise(const Partition& leader) {
  const Offset now = leader.high_watermark();
  Offset& visible = visible_[leader.id()];
  visible = std::max(visible, now);
  if (!leader.leads()) return;
  if (now < leader.leader_state()->epoch_start()) return;
  Committed& known = committed_[leader.key()];
  if (now <= known.high_watermark) return;
  // Trimmed before it was looked at: what was there nobody knows any more.
  if (leader.log().log_start() > known.high_watermark) known.epochs.clear();
  extend(known.epochs, known.high_watermark, now, leader.log().epochs());
  known.high_watermark = now;
}

/// I3: below its own high watermark a replica holds what was committed; an offset and its epoch
/// name one record.
void ReplicaProbe::compare(const ProbedNode& node, const Partition& replica) {
  const auto known = committed_.find(replica.key());
  if (known == committed_.end()) return;
  check_member(node, replica, known->second.high_watermark);
  const storage::PartitionLog& log = replica.log();
  const Offset end = std::min(log.high_watermark(), known->second.high_watermark);
  std::vector<Offset> points;
  for (const log::EpochEntry& entry : log.epochs().entries()) points.push_back(entry.start_offset);
  for (const log::EpochEntry& entry : known->second.epochs.entries()) {
    points.push_back(entry.start_offset);
  }
  points.push_back(log.log_start());
  // Where a cleaned log's epochs begin depends on what was left when it was copied.
  if (log.options().cleaning.compact) return;
  for (const Offset at : points) {
    if (at < log.log_start() || at >= end) continue;
    const auto own = log.epochs().epoch_of(at);
    const auto true_one = known->second.epochs.epoch_of(at);
    if (true_one && own != true_one) {
      broken("I3", fmt::format("{} of {} is of epoch {} on broker {}, committed was one of {}", at,
                               replica.id(), own.value_or(no_epoch), node.id,
                               true_one.value_or(no_epoch)));
      return;
    }
  }
}

/// I22: who is in the ISR has all that was ever committed.
void ReplicaProbe::check_member(const ProbedNode& node, const Partition& replica,
                                Offset committed) {
  const auto image = decided_();
  if (image == nullptr) return;
  const metadata::Partition* state = image->partition(replica.topic_id(), replica.id().partition);
  const metadata::Broker* broker = image->broker(node.id);
  if (state == nullptr || broker == nullptr) return;
  if (node.epoch && broker->epoch != *node.epoch) return;
  if (!state->in_isr(node.id) || replica.log().log_end() >= committed) return;
  broken("I22", fmt::format("broker {} is in sync for {} with {} records, {} were committed",
                            node.id, replica.id(), replica.log().log_end(), committed));
}

/// I7: what a leader leads with holds all that was ever committed.
void ReplicaProbe::check_leader(const ProbedNode& node, const Partition& leader) {
  if (!leader.leads()) return;
  const auto image = decided_();
  if (image == nullptr) return;
  const metadata::Partition* state = image->partition(leader.topic_id(), leader.id().partition);
  if (state == nullptr || state->leader != node.id ||
      state->leader_epoch != leader.leader_epoch()) {
    return;  // deposed, and does not know it
  }
  const Offset committed = committed_[leader.key()].high_watermark;
  if (leader.log().log_end() < committed) {
    broken("I7",
           fmt::format("broker {} leads {} in epoch {} with {} records, {} were committed", node.id,
                       leader.id(), leader.leader_epoch(), leader.log().log_end(), committed));
  }
}

bool ReplicaProbe::is_visible(const TopicPartition& of, Offset offset) {
  if (offset < visible_[of]) return true;
  for (const ProbedNode& node : nodes_()) {
    if (node.partitions == nullptr) continue;
    const auto one = node.partitions->find(of.topic, of.partition);
    if (one != nullptr && offset < one->high_watermark()) return true;
  }
  return false;
}

void ReplicaProbe::on_consumed(const TopicPartition& of, Offset offset) {
  if (is_visible(of, offset)) return;
  broken("I8", fmt::format("{} of {} was read, and is not committed", offset, of));
}

void ReplicaProbe::on_acknowledged(const TopicPartition& of, Offset offset, int least) {
  int have = 0, unknown = 0;
  for (const ProbedNode& node : nodes_()) {
    partition::PartitionTable* table = node.partitions;
    const auto one = table == nullptr ? nullptr : table->find(of.topic, of.partition);
    if (one == nullptr) {
      ++unknown;
    } else if (one->log().flushed() > offset) {
      ++have;
    }
  }
  if (have + unknown < least) {
    broken("I10", fmt::format("{} of {} was acknowledged, and {} replicas have it on disk", offset,
                              of, have));
  }
}

bool ReplicaProbe::settled() { return unsettled().empty(); }

std::string ReplicaProbe::unsettled() {
  const auto image = decided_();
  if (image == nullptr) return "no metadata";
  const std::vector<ProbedNode> nodes = nodes_();
  for (const auto& [id, topic] : image->topics) {
    for (const auto& [index, state] : topic->partitions) {
      std::string why = unsettled(nodes, {id, index}, state);
      if (why.empty()) continue;
      return fmt::format("{}-{} epoch {} leader {}: {}", topic->name, index, state.leader_epoch,
                         state.leader, why);
    }
  }
  return {};
}

std::string ReplicaProbe::unsettled(const std::vector<ProbedNode>& nodes,
                                    const replication::ReplicaKey& key,
                                    const metadata::Partition& state) {
  if (state.leader == no_broker) return "no leader";
  if (state.isr.size() < state.replicas.size()) return fmt::format("{} in sync", state.isr.size());
  if (!state.adding_replicas.empty() || !state.removing_replicas.empty()) return "it moves";
  std::optional<Offset> end;
  for (const ProbedNode& node : nodes) {
    if (!state.has_replica(node.id)) continue;
    if (node.partitions == nullptr) return "a broker is down";
    const auto one = node.partitions->find(key.topic, key.partition);
    if (one == nullptr) return "a replica is missing";
    if (one->leader_epoch() != state.leader_epoch) return "an old epoch";
    if (one->leads() != (state.leader == node.id)) return "a leader does not lead";
    if (one->leads() && one->leader_state()->proposal()) return "a proposal is pending";
    const Offset here = one->log().log_end();
    if (one->high_watermark() != here || end.value_or(here) != here) {
      return fmt::format("broker {} ends at {} with {} committed", node.id, here,
                         one->high_watermark());
    }
    end = here;
  }
  return {};
}

}  // namespace cairn::simulation
