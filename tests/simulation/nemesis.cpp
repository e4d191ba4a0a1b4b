// SPDX-License-Identifier: Apache-2.0
#include "nemesis.hpp"

namespace cairn::simulation {

using namespace std::chrono_literals;

void Nemesis::misbehave() {
  world_.run_for(std::chrono::milliseconds(world_.random().between(50, 5000)));
  if (node_.ended()) bury();
  if (!node_.up()) return restart();
  switch (world_.random().below(3)) {
    case 0:
      return strike_process();
    case 1:
      return strike_network();
    default:
      return strike_disk();
  }
}

void Nemesis::strike_process() {
  Random& random = world_.random();
  switch (random.below(4)) {
    case 0:
      if (faults_.kills) ++count_, node_.kill();
      break;
    case 1:
      if (faults_.crashes) ++count_, node_.crash();
      break;
    case 2:
      if (faults_.stops) ++count_, node_.stop();
      break;
    default: {
      if (!faults_.clock) break;
      ++count_;
      const auto skew = std::chrono::milliseconds(random.between(-3'000'000, 3'000'000));
      furthest_ahead_ = std::max(furthest_ahead_, skew);
      node_.set_wall_skew(skew);
    }
  }
}

void Nemesis::strike_network() {
  Random& random = world_.random();
  const std::string& client = some_client();
  world::SimFabric& fabric = world_.fabric();
  switch (random.below(4)) {
    case 0:
      if (faults_.resets) ++count_, fabric.reset_between(node_.host(), client);
      break;
    case 1: {
      if (!faults_.torn_frames) break;
      ++count_;
      const std::size_t bytes = random.below(4'000);
      random.chance(0.5) ? fabric.reset_after(node_.host(), client, bytes)
                         : fabric.reset_after(client, node_.host(), bytes);
      break;
    }
    case 2:
      if (faults_.half_open) ++count_, fabric.forget_between(node_.host(), client);
      break;
    default:
      if (faults_.cuts) cut_for_a_while();
  }
}

void Nemesis::strike_disk() {
  Random& random = world_.random();
  switch (random.below(3)) {
    case 0:
      if (faults_.full) fill_for_a_while();
      break;
    case 1:
      if (faults_.errors) fail_for_a_while();
      break;
    default:
      if (!faults_.slow) break;
      ++count_;
      node_.machine().slowest_operation() = std::chrono::milliseconds(random.between(0, 500));
  }
}

void Nemesis::restart() {
  node_.start();
  // Now and then it is hit again while it recovers.
  if (faults_.crashes && world_.random().chance(0.3)) {
    world_.run_for(std::chrono::microseconds(world_.random().between(0, 200'000)));
    ++count_;
    node_.crash();
  }
}

/// The node ended by itself; its machine may go down with it.
void Nemesis::bury() {
  faults_.crashes&& world_.random().chance(0.5) ? node_.crash() : node_.kill();
}

const std::string& Nemesis::some_client() {
  return clients_[world_.random().below(clients_.size())];
}

void Nemesis::wait_with(Duration longest) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(longest).count();
  world_.run_for(std::chrono::milliseconds(world_.random().between(10, ms)));
}

void Nemesis::cut_for_a_while() {
  ++count_;
  const std::string& client = some_client();
  world::SimFabric& fabric = world_.fabric();
  switch (world_.random().below(3)) {
    case 0:
      fabric.cut(node_.host(), client);
      break;
    case 1:
      fabric.cut_one_way(node_.host(), client);
      break;
    default:
      fabric.cut_one_way(client, node_.host());
  }
  wait_with(20s);
  fabric.heal(node_.host(), client);
}

/// Full at once, or after some more bytes: then any kind of write can be the first that fails.
void Nemesis::fill_for_a_while() {
  ++count_;
  world::SimMachine& machine = node_.machine();
  machine.faults().space =
      world_.random().chance(0.3) ? 0 : machine.used() + world_.random().below(60'000);
  machine.faults().reserves = world_.random().chance(0.7);
  wait_with(10s);
  machine.faults().space.reset();
  machine.faults().reserves = true;
}

void Nemesis::fail_for_a_while() {
  static constexpr std::string_view kinds[] = {"write",    "sync",   "read",   "open", "allocate",
                                               "truncate", "rename", "remove", "any"};
  ++count_;
  Random& random = world_.random();
  const std::string_view kind = kinds[random.below(std::size(kinds))];
  const double likely = random.chance(0.3) ? 1.0 : 0.05;
  node_.machine().faults().fails = [&random, kind, likely](std::string_view operation,
                                                           const std::string&) {
    return (kind == "any" || kind == operation) && random.chance(likely);
  };
  wait_with(5s);
  node_.machine().faults().fails = nullptr;
}

void Nemesis::heal() {
  world_.fabric().heal_all();
  node_.machine().faults() = {};
  node_.machine().slowest_operation() = 2ms;
  node_.set_wall_skew(0ms);
  if (node_.ended()) bury();
  if (node_.up() && !node_.ready()) {
    world_.run_until([this] { return node_.ready() || node_.ended(); }, 60s);
  }
  if (node_.ended()) bury();
  if (!node_.up()) node_.start();
}

}  // namespace cairn::simulation
