// SPDX-License-Identifier: Apache-2.0
// Looks into every replica of a simulated cluster after each slice of time, and says what is wrong:
// the invariants of replication that no client sees at once. Invariant of the probe itself: what it
// holds as committed was below the high watermark of a leader whose epoch had begun. Owner: the
// run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <cairn/partition/partition_table.hpp>

#include "checkers.hpp"

namespace cairn::simulation {

/// A broker as it runs now.
struct ProbedNode {
  BrokerId id;
  partition::PartitionTable* partitions = nullptr;  // null: down, or not loaded
  /// Of its registration, where a replica in the ISR may be one that has lost its disk since.
  std::optional<BrokerEpoch> epoch = std::nullopt;
};

class ReplicaProbe {
 public:
  /// What runs now, and what is decided by now (null if nobody knows).
  using Nodes = std::function<std::vector<ProbedNode>()>;
  using Decided = std::function<std::shared_ptr<const metadata::Image>()>;

  ReplicaProbe(Nodes nodes, Decided decided)
      : nodes_(std::move(nodes)), decided_(std::move(decided)) {}

  void look();
  /// Before a node goes: what it has committed until now counts.
  void look_at(const ProbedNode& node);
  /// Whether a record at this offset may be seen by a consumer now (I8).
  bool is_visible(const TopicPartition& of, Offset offset);
  /// Acknowledged with acks=all: this many replicas at least have it flushed, as far as they are
  /// up (I10).
  void on_acknowledged(const TopicPartition& of, Offset offset, int least = 2);
  void on_consumed(const TopicPartition& of, Offset offset);
  /// Every partition has a leader that all replicas follow to its end (I29).
  bool settled();
  /// Where it is not settled, in words.
  std::string unsettled();
  std::vector<Violation>& violations() { return violations_; }

 private:
  struct Committed {
    Offset high_watermark{0};
    log::EpochCache epochs;  // of what lies below it
  };

  void raise(const partition::Partition& leader);
  void compare(const ProbedNode& node, const partition::Partition& replica);
  void check_member(const ProbedNode& node, const partition::Partition& replica, Offset committed);
  void check_leader(const ProbedNode& node, const partition::Partition& leader);
  std::string unsettled(const std::vector<ProbedNode>& nodes, const replication::ReplicaKey& key,
                        const metadata::Partition& state);
  void broken(std::string_view id, std::string what);

  Nodes nodes_;
  Decided decided_;
  std::map<replication::ReplicaKey, Committed> committed_;
  std::map<TopicPartition, Offset> visible_;  // the highest high watermark of any replica
  std::vector<Violation> violations_;
};

}  // namespace cairn::simulation
