// SPDX-License-Identifier: Apache-2.0
// A simulated world: processes of one or more shards, each shard an io_context of its own, all run
// on this thread. The seed chooses which context takes its next step, one at a time, until all are
// idle; then virtual time jumps to the next timer. Same seed, same code: same trace hash.
// Invariant: nothing here reads a real clock, socket or file. Owner: the test.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>

#include <cairn/base/random.hpp>
#include <cairn/runtime/shard.hpp>

#include "sim_disk.hpp"
#include "sim_network.hpp"

namespace cairn::world {

class World;

/// A node's view of time: the world's, moved by a skew of its wall clock.
class SimClock : public runtime::Clock {
 public:
  explicit SimClock(const World& world) : world_(world) {}

  Instant now() const override;
  WallTime wall() const override;
  void set_wall_skew(std::chrono::milliseconds skew) { skew_ = skew; }

 private:
  friend class World;

  const World& world_;
  std::chrono::milliseconds skew_{0};
};

/// A running process on a machine. Destroying it is kill -9: tasks end where they stand, unsynced
/// writes stay in the page cache. What the tasks refer to must live until then: hand it to own().
class Process {
 public:
  Process(World& world, SimMachine& machine, std::string host, int shards);
  ~Process();

  runtime::Shard& shard(int index = 0) { return shards_[static_cast<std::size_t>(index)]->shard; }
  SimClock& clock(int index = 0) { return shards_[static_cast<std::size_t>(index)]->clock; }
  runtime::Disk& disk(int index = 0) { return *shards_[static_cast<std::size_t>(index)]->disk; }
  runtime::Network& network(int index = 0) {
    return *shards_[static_cast<std::size_t>(index)]->network;
  }
  const std::string& host() const { return host_; }
  /// Of all its shards.
  std::size_t timer_count() const;
  /// Keeps an object until the process's tasks are gone.
  void own(std::shared_ptr<void> object) { owned_.push_back(std::move(object)); }

 private:
  friend class World;

  struct SimShard {
    SimShard(World& world, Process& process, int index);

    runtime::Context context;
    SimClock clock;
    runtime::Shard shard;
    std::unique_ptr<runtime::Disk> disk;
    std::unique_ptr<runtime::Network> network;
    boost::asio::executor_work_guard<runtime::Executor> work;
  };

  World& world_;
  SimMachine& machine_;
  std::string host_;
  bool paused_ = false;
  std::vector<std::shared_ptr<void>> owned_;
  std::vector<std::unique_ptr<SimShard>> shards_;
};

class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();

  Random& random() { return random_; }
  Instant now() const { return now_; }
  SimFabric& fabric() { return fabric_; }

  /// A machine keeps its disk over the lives of its processes; made on first use.
  SimMachine& machine(const std::string& host);
  /// Starts a process (of one that was not running) on the machine of that name.
  Process& start(const std::string& host, int shards = 1);
  Process* process(const std::string& host);
  /// kill -9: peers see the connections break, the page cache survives.
  void kill(const std::string& host);
  /// Power loss: peers see nothing; unsynced writes are lost, torn or kept as the seed says.
  void crash(const std::string& host);
  /// SIGSTOP and SIGCONT: the process does nothing, its machine's network goes on.
  void pause(const std::string& host);
  void resume(const std::string& host);

  /// Runs until nothing is left to do now; time stands still.
  void run_ready();
  /// Runs for a stretch of virtual time.
  void run_for(Duration duration);
  /// Runs until `done` holds; false if it still does not after `limit` of virtual time.
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::hours(1));

  /// A digest of every scheduling choice so far: equal runs have equal hashes.
  std::uint64_t trace_hash() const { return trace_hash_; }
  void mark(std::uint64_t value);

  /// "3612.042 node-1": the moment in the world that was made last, and who takes a step there; for
  /// lines of a log.
  static std::string moment();

 private:
  bool step();
  bool advance(Instant limit);

  Random random_;
  Instant now_{std::chrono::hours(1)};
  std::uint64_t trace_hash_ = 0xcbf29ce484222325;
  std::vector<std::unique_ptr<SimMachine>> machines_;
  SimFabric fabric_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::vector<runtime::Context*> candidates_;  // of a step; kept for its memory
  runtime::Context* ran_last_ = nullptr;
};

}  // namespace cairn::world
