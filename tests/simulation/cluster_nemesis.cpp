// SPDX-License-Identifier: Apache-2.0
#include "cluster_nemesis.hpp"

#include <algorithm>

#include <cairn/base/log.hpp>

namespace cairn::simulation {

using namespace std::chrono_literals;

ClusterNemesis::ClusterNemesis(world::World& world, QuorumCluster& cluster, const ClusterPlan& plan,
                               std::vector<std::string> clients)
    : world_(world),
      cluster_(cluster),
      longest_quiet_(plan.longest_quiet),
      crashes_(plan.faults.crashes),
      clients_(std::move(clients)) {
  const ClusterFaults& on = plan.faults;
  using Self = ClusterNemesis;
  const std::tuple<bool, std::string_view, Strike> all[] = {
      {on.kills, "kill -9", &Self::kill},
      {on.crashes, "power loss", &Self::crash},
      {on.stops, "stop", &Self::stop},
      {on.pauses, "pause", &Self::pause},
      {on.all_at_once, "all at once", &Self::all_at_once},
      {on.cuts, "cut", &Self::cut},
      {on.one_way, "one-way cut", &Self::cut_one_way},
      {on.splits, "split", &Self::split},
      {on.delays, "delays", &Self::delay},
      {on.resets, "reset", &Self::reset},
      {on.torn_frames, "torn frame", &Self::tear_frame},
      {on.half_open, "half-open", &Self::forget_connections},
      {on.slow, "slow disk", &Self::slow},
      {on.full, "full disk", &Self::fill},
      {on.errors, "disk errors", &Self::fail_disk},
      {on.clock, "clock step", &Self::step_clock},
      {plan.elections, "election", &Self::elect},
      {plan.reassignments, "reassignment", &Self::reassign}};
  for (const auto& [drawn, name, strike] : all) {
    if (drawn) strikes_.emplace_back(name, strike);
  }
}

void ClusterNemesis::misbehave() {
  Random& random = world_.random();
  const auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(longest_quiet_);
  pass(std::chrono::milliseconds(random.between(10, longest.count())));
  if (random.chance(0.6)) restart();
  if (strikes_.empty()) return;
  const auto& [name, strike] = strikes_[random.below(strikes_.size())];
  const int victim = some_victim();
  logging::debug("nemesis: {} at node {}", name, victim);
  (this->*strike)(victim);
}

// ---- time ----

/// Lets time pass; what lasts ends on its way.
void ClusterNemesis::pass(Duration duration) {
  const Instant end = world_.now() + duration;
  for (;;) {
    const auto first = std::ranges::min_element(lasting_, {}, &Lasting::ends);
    if (first == lasting_.end() || first->ends > end) break;
    const std::function<void()> stop = std::move(first->end);
    const Instant at = first->ends;
    lasting_.erase(first);
    if (at > world_.now()) cluster_.run_for(at - world_.now());
    stop();
  }
  if (end > world_.now()) cluster_.run_for(end - world_.now());
}

/// So that what comes next comes in the middle of something.
void ClusterNemesis::pass_some_steps() {
  std::uint64_t left = world_.random().chance(0.3) ? 0 : world_.random().below(400);
  cluster_.run_until([&left] { return left-- == 0; }, 100ms);
}

void ClusterNemesis::last_up_to(Duration longest, std::function<void()> end) {
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(longest);
  const auto length = std::chrono::milliseconds(world_.random().between(10, most.count()));
  lasting_.push_back({world_.now() + length, std::move(end)});
}

// ---- whom ----

int ClusterNemesis::some_node() {
  return 1 + static_cast<int>(world_.random().below(static_cast<std::uint64_t>(cluster_.size())));
}

int ClusterNemesis::some_victim() {
  const auto leader = cluster_.leader();
  return leader && world_.random().chance(0.5) ? *leader : some_node();
}

/// Mostly another node, else a client.
std::string ClusterNemesis::some_peer(int victim) {
  Random& random = world_.random();
  if (!clients_.empty() && random.chance(0.3)) return clients_[random.below(clients_.size())];
  const int others = cluster_.size() - 1;
  const int other = 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(others)));
  return QuorumCluster::host(other < victim ? other : other + 1);
}

// ---- processes ----

void ClusterNemesis::kill(int victim) {
  if (!cluster_.node(victim).up()) return;
  ++count_;
  pass_some_steps();
  cluster_.kill(victim);
}

void ClusterNemesis::crash(int victim) {
  if (!cluster_.node(victim).up()) return;
  ++count_;
  pass_some_steps();
  cluster_.crash(victim);
}

void ClusterNemesis::stop(int victim) {
  if (!cluster_.node(victim).up()) return;
  ++count_;
  cluster_.node(victim).stop();
}

void ClusterNemesis::pause(int victim) {
  if (!cluster_.node(victim).up()) return;
  ++count_;
  pass_some_steps();
  world_.pause(QuorumCluster::host(victim));
  last_up_to(12s, [this, victim] { world_.resume(QuorumCluster::host(victim)); });
}

/// All processes end, or the power of all fails, within few steps; and they come back at once.
void ClusterNemesis::all_at_once(int) {
  ++count_;
  const bool power = world_.random().chance(0.6);
  for (int id = 1; id <= cluster_.size(); ++id) {
    if (!cluster_.node(id).up()) continue;
    if (world_.random().chance(0.5)) pass_some_steps();
    power ? cluster_.crash(id) : cluster_.kill(id);
  }
  cluster_.start_missing();
}

void ClusterNemesis::restart() {
  cluster_.start_missing();
  if (!crashes_ || !world_.random().chance(0.1)) return;
  // Now and then the power fails while one recovers.
  pass(std::chrono::microseconds(world_.random().between(0, 300'000)));
  for (int id = 1; id <= cluster_.size(); ++id) {
    if (!cluster_.node(id).up() || cluster_.node(id).ready()) continue;
    ++count_;
    return cluster_.crash(id);
  }
}

// ---- the network ----

void ClusterNemesis::cut(int victim) {
  ++count_;
  Random& random = world_.random();
  if (random.chance(0.5)) {
    const std::string peer = some_peer(victim);
    world_.fabric().cut(QuorumCluster::host(victim), peer);
    return last_up_to(
        12s, [this, victim, peer] { world_.fabric().heal(QuorumCluster::host(victim), peer); });
  }
  cluster_.isolate(victim);
  const bool clients_too = random.chance(0.3);
  for (const std::string& client : clients_) {
    if (clients_too) world_.fabric().cut(QuorumCluster::host(victim), client);
  }
  last_up_to(12s, [this] { world_.fabric().heal_all(); });
}

/// What it says arrives nowhere, or it hears nobody; or just one does not hear it.
void ClusterNemesis::cut_one_way(int victim) {
  ++count_;
  Random& random = world_.random();
  const std::string own = QuorumCluster::host(victim);
  const bool out = random.chance(0.5), one = random.chance(0.4);
  const std::string only = some_peer(victim);
  for (int id = 1; id <= cluster_.size(); ++id) {
    const std::string other = QuorumCluster::host(id);
    if (id == victim || (one && other != only)) continue;
    out ? world_.fabric().cut_one_way(own, other) : world_.fabric().cut_one_way(other, own);
  }
  last_up_to(12s, [this] { world_.fabric().heal_all(); });
}

/// Two sides; each client is on one of them, or on both.
void ClusterNemesis::split(int) {
  ++count_;
  Random& random = world_.random();
  std::vector<std::string> here, there;
  for (int id = 1; id <= cluster_.size(); ++id) {
    (random.chance(0.5) ? here : there).push_back(QuorumCluster::host(id));
  }
  for (const std::string& client : clients_) {
    if (random.chance(0.5)) continue;
    (random.chance(0.5) ? here : there).push_back(client);
  }
  for (const std::string& a : here) {
    for (const std::string& b : there) world_.fabric().cut(a, b);
  }
  last_up_to(12s, [this] { world_.fabric().heal_all(); });
}

void ClusterNemesis::delay(int) {
  ++count_;
  world_.fabric().conditions().most_delay =
      std::chrono::milliseconds(world_.random().between(5, 300));
  last_up_to(8s, [this] { world_.fabric().conditions() = {}; });
}

void ClusterNemesis::reset(int victim) {
  ++count_;
  world_.fabric().reset_between(QuorumCluster::host(victim), some_peer(victim));
}

void ClusterNemesis::tear_frame(int victim) {
  ++count_;
  const std::string peer = some_peer(victim), own = QuorumCluster::host(victim);
  const std::size_t bytes = world_.random().below(4'000);
  world_.random().chance(0.5) ? world_.fabric().reset_after(own, peer, bytes)
                              : world_.fabric().reset_after(peer, own, bytes);
}

void ClusterNemesis::forget_connections(int victim) {
  ++count_;
  world_.fabric().forget_between(QuorumCluster::host(victim), some_peer(victim));
}

// ---- machines ----

void ClusterNemesis::slow(int victim) {
  ++count_;
  cluster_.node(victim).machine().slowest_operation() =
      std::chrono::milliseconds(world_.random().between(0, 200));
  last_up_to(10s, [this, victim] { cluster_.node(victim).machine().slowest_operation() = 2ms; });
}

/// Full at once, or after some more bytes: then any kind of write can be the first that fails.
void ClusterNemesis::fill(int victim) {
  ++count_;
  Random& random = world_.random();
  world::SimMachine& machine = cluster_.node(victim).machine();
  machine.faults().space = random.chance(0.3) ? 0 : machine.used() + random.below(40'000);
  machine.faults().reserves = random.chance(0.7);
  last_up_to(8s, [this, victim] {
    world::DiskFaults& faults = cluster_.node(victim).machine().faults();
    faults.space.reset();
    faults.reserves = true;
  });
}

void ClusterNemesis::fail_disk(int victim) {
  static constexpr std::string_view kinds[] = {"write", "sync",     "sync",   "read",
                                               "open",  "truncate", "rename", "any"};
  ++count_;
  Random& random = world_.random();
  const std::string_view kind = kinds[random.below(std::size(kinds))];
  const double likely = random.chance(0.3) ? 1.0 : 0.05;
  cluster_.fail_disk(victim, [&random, kind, likely](std::string_view operation) {
    return (kind == "any" || kind == operation) && random.chance(likely);
  });
  last_up_to(4s, [this, victim] { cluster_.fail_disk(victim, nullptr); });
}

void ClusterNemesis::step_clock(int victim) {
  ++count_;
  const auto skew = std::chrono::milliseconds(world_.random().between(-3'000'000, 3'000'000));
  furthest_ahead_ = std::max(furthest_ahead_, skew);
  cluster_.node(victim).set_wall_skew(skew);
}

void ClusterNemesis::heal() {
  for (const Lasting& one : std::exchange(lasting_, {})) one.end();
  cluster_.heal();
  world_.fabric().conditions() = {};
  for (int id = 1; id <= cluster_.size(); ++id) {
    cluster_.node(id).machine().slowest_operation() = 2ms;
    cluster_.node(id).set_wall_skew(0ms);
    cluster_.fail_disk(id, nullptr);
  }
}

}  // namespace cairn::simulation
