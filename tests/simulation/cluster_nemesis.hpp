// SPDX-License-Identifier: Apache-2.0
// What goes wrong around the nodes of a cluster: their processes, power, disks and clocks, and the
// network between them and to their clients. Faults that last overlap with others. Half of those
// that strike a node strike the active controller; processes and power end at any step, not only
// where all wait. Invariant: after heal() nothing of it is left but what was lost. Owner: the run.
#pragma once

#include <functional>
#include <vector>

#include "cluster_plan.hpp"

namespace cairn::simulation {

class ClusterNemesis {
 public:
  /// `clients`: hosts whose connections to the nodes may break.
  ClusterNemesis(world::World& world, QuorumCluster& cluster, const ClusterPlan& plan,
                 std::vector<std::string> clients);

  /// Lets time pass, then one fault (or a restart of what lies down).
  void misbehave();
  void heal();

  std::size_t count() const { return count_; }
  /// How far any wall clock was ahead at most.
  std::chrono::milliseconds furthest_ahead() const { return furthest_ahead_; }

 private:
  using Strike = void (ClusterNemesis::*)(int victim);
  /// Something that lasts, and how it ends.
  struct Lasting {
    Instant ends;
    std::function<void()> end;
  };

  void kill(int victim);
  void crash(int victim);
  void stop(int victim);
  void pause(int victim);
  void all_at_once(int victim);
  void cut(int victim);
  void cut_one_way(int victim);
  void split(int victim);
  void delay(int victim);
  void reset(int victim);
  void tear_frame(int victim);
  void forget_connections(int victim);
  void slow(int victim);
  void fill(int victim);
  void fail_disk(int victim);
  void step_clock(int victim);
  void elect(int victim);  // cluster_moves.cpp
  void reassign(int victim);

  void pass(Duration duration);
  void pass_some_steps();
  void restart();
  void last_up_to(Duration longest, std::function<void()> end);
  int some_node();
  int some_victim();
  std::string some_peer(int victim);

  world::World& world_;
  QuorumCluster& cluster_;
  Duration longest_quiet_;
  bool crashes_ = false;
  std::vector<std::string> clients_;
  std::vector<std::pair<std::string_view, Strike>> strikes_;
  std::vector<Lasting> lasting_;
  std::size_t count_ = 0;
  std::chrono::milliseconds furthest_ahead_{0};
};

}  // namespace cairn::simulation
