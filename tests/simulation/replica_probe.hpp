// SPDX-License-Identifier: Apache-2.0
// Looks into every replica of a simulated cluster after each slice of time, and says what is wrong:
// the invariants of replication that no client sees at once. Invariant of the probe itself: what it
// holds as committed was below the high watermark of a leader whose epoch had begun. Owner: the
// run.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "checkers.hpp"
#include "replica_cluster.hpp"
#include "replica_node.hpp"

namespace cairn::simulation {

class ReplicaProbe {
 public:
  ReplicaProbe(ReplicaCluster& cluster, std::vector<std::unique_ptr<ReplicaNode>>& nodes)
      : cluster_(cluster), nodes_(nodes) {}

  void look();
  /// Before a node goes: what it has committed until now counts.
  void look_at(ReplicaNode& node);
  /// Whether a record at this offset may be seen by a consumer now (I8).
  bool is_visible(const TopicPartition& of, Offset offset);
  /// Acknowledged with acks=all: at least two replicas have it flushed, as far as they are up
  /// (I10).
  void on_acknowledged(const TopicPartition& of, Offset offset);
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
  void compare(const ReplicaNode& node, const partition::Partition& replica);
  void check_member(const ReplicaNode& node, const partition::Partition& replica, Offset committed);
  void check_leader(const ReplicaNode& node, const partition::Partition& leader);
  void check_load(ReplicaNode& node);
  void broken(std::string_view id, std::string what);

  ReplicaCluster& cluster_;
  std::vector<std::unique_ptr<ReplicaNode>>& nodes_;
  std::map<TopicPartition, Committed> committed_;
  std::map<TopicPartition, Offset> visible_;  // the highest high watermark of any replica
  std::vector<Violation> violations_;
};

}  // namespace cairn::simulation
