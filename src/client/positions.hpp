// SPDX-License-Identifier: Apache-2.0
// Which partitions a consumer has, and how far it is in each. A partition is read once it has a
// position; until then it waits for its committed offset or for a lookup. Pure. Owner: Consumer.
#pragma once

#include <map>
#include <optional>
#include <set>

#include <cairn/client/consumer.hpp>

namespace cairn::client {

/// Where a partition's position comes from while it has none.
enum class Lookup : std::uint8_t { committed, beginning, end };

struct Progress {
  std::optional<Offset> position;
  Epoch epoch = no_epoch;             // of the last record read, committed along
  Lookup lookup = Lookup::committed;  // means something only without a position
  bool paused = false;
  bool revoking = false;   // given up soon: read no more
  Offset end = no_offset;  // high watermark, or last stable offset for read_committed
  BrokerId preferred_replica = no_broker;
  Instant preferred_until{};
  Instant not_before{};  // no fetch or lookup before (backoff)
};

class Positions {
 public:
  using Map = std::map<TopicPartition, Progress>;

  const Map& all() const { return partitions_; }
  Map& all() { return partitions_; }
  Progress* find(const TopicPartition& partition) {
    const auto found = partitions_.find(partition);
    return found == partitions_.end() ? nullptr : &found->second;
  }
  const Progress* find(const TopicPartition& partition) const {
    return const_cast<Positions*>(this)->find(partition);
  }
  bool empty() const { return partitions_.empty(); }

  std::set<TopicPartition> assigned() const {
    std::set<TopicPartition> out;
    for (const auto& [partition, progress] : partitions_) out.insert(partition);
    return out;
  }
  /// Keeps what stays, drops what is not in `to`, begins what is new.
  void assign(const std::set<TopicPartition>& to) {
    std::erase_if(partitions_, [&](const auto& entry) { return !to.contains(entry.first); });
    for (const auto& partition : to) partitions_.try_emplace(partition);
  }
  void drop(const TopicPartition& partition) { partitions_.erase(partition); }
  void seek(const TopicPartition& partition, Offset offset) {
    if (auto* progress = find(partition)) {
      progress->position = offset;
      progress->epoch = no_epoch;
      progress->not_before = {};
    }
  }
  void look_up(const TopicPartition& partition, Lookup lookup) {
    if (auto* progress = find(partition)) {
      progress->position.reset();
      progress->lookup = lookup;
      progress->not_before = {};
    }
  }
  /// What a commit of everything read says.
  CommittedOffsets committable() const {
    CommittedOffsets out;
    for (const auto& [partition, progress] : partitions_) {
      if (progress.position) out[partition] = {*progress.position, progress.epoch, ""};
    }
    return out;
  }

 private:
  Map partitions_;
};

}  // namespace cairn::client
