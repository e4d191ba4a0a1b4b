// SPDX-License-Identifier: Apache-2.0
// What goes wrong around one node of a run: its process, its machine's power, disk and clock, its
// connections to clients. One fault at a time with quiet stretches between. Several of these, one a
// node, may share a World. Invariant: after heal() nothing of it is left but what was lost. Owner:
// the run.
#pragma once

#include "node.hpp"
#include "plan.hpp"

namespace cairn::simulation {

class Nemesis {
 public:
  /// `clients`: hosts whose connections to the node may break.
  Nemesis(world::World& world, SimNode& node, Faults faults, std::vector<std::string> clients)
      : world_(world), node_(node), faults_(faults), clients_(std::move(clients)) {}

  /// Lets time pass, then one fault (or a restart of what lies down).
  void misbehave();
  /// Ends all faults, and starts the node if it is down.
  void heal();

  std::size_t count() const { return count_; }
  /// How far the node's wall clock was ahead at most.
  std::chrono::milliseconds furthest_ahead() const { return furthest_ahead_; }

 private:
  void strike_process();
  void strike_network();
  void strike_disk();
  void restart();
  void bury();
  void cut_for_a_while();
  void fill_for_a_while();
  void fail_for_a_while();
  void wait_with(Duration longest);
  const std::string& some_client();

  world::World& world_;
  SimNode& node_;
  Faults faults_;
  std::vector<std::string> clients_;
  std::size_t count_ = 0;
  std::chrono::milliseconds furthest_ahead_{0};
};

}  // namespace cairn::simulation
