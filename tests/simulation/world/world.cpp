// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

#include <algorithm>

#include <cairn/base/assert.hpp>

namespace cairn::world {
namespace {

constexpr std::uint64_t again = 1'000'000;  // in the trace: the context of the step before
constexpr WallTime wall_start{std::chrono::milliseconds(1'750'000'000'000)};

World* newest = nullptr;

}  // namespace

Instant SimClock::now() const { return world_.now(); }

WallTime SimClock::wall() const {
  const auto since =
      std::chrono::duration_cast<std::chrono::milliseconds>(world_.now().time_since_epoch());
  return wall_start + since + skew_;
}

Process::SimShard::SimShard(World& world, Process& process, int index)
    : context(),
      clock(world),
      shard(index, context, clock, world.random().fork()),
      disk(process.machine_.make_disk(clock, world.random().fork())),
      network(world.fabric().make_network(process.host_, clock)),
      work(context.get_executor()) {}

Process::Process(World& world, SimMachine& machine, std::string host, int shards)
    : world_(world), machine_(machine), host_(std::move(host)) {
  for (int i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<SimShard>(world_, *this, i));
  }
}

Process::~Process() {
  // First the tasks of all shards, then what they referred to, last the contexts.
  for (auto& shard : shards_) shard->context.destroy_tasks();
  owned_.clear();
}

std::size_t Process::timer_count() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard->clock.timer_count();
  return count;
}

World::World(std::uint64_t seed) : random_(seed), fabric_(random_.fork()) { newest = this; }
World::~World() {
  processes_.clear();
  newest = nullptr;
}

std::string World::moment() {
  if (newest == nullptr) return {};
  std::string_view host = "-";
  for (const auto& process : newest->processes_) {
    for (const auto& shard : process->shards_) {
      if (&shard->context == newest->ran_last_) host = process->host_;
    }
  }
  const auto now = std::chrono::duration<double>(newest->now_.time_since_epoch());
  return fmt::format("{:.3f} {}", now.count(), host);
}

SimMachine& World::machine(const std::string& host) {
  for (auto& machine : machines_) {
    if (machine->host() == host) return *machine;
  }
  return *machines_.emplace_back(std::make_unique<SimMachine>(host, random_.fork()));
}

Process* World::process(const std::string& host) {
  for (auto& process : processes_) {
    if (process->host() == host) return process.get();
  }
  return nullptr;
}

Process& World::start(const std::string& host, int shards) {
  ASSERT(process(host) == nullptr, "a machine runs one process at a time");
  machine(host).begin_life();
  return *processes_.emplace_back(std::make_unique<Process>(*this, machine(host), host, shards));
}

void World::kill(const std::string& host) {
  ran_last_ = nullptr;
  fabric_.reset_host(host);
  std::erase_if(processes_, [&](const auto& process) { return process->host() == host; });
  machine(host).release_locks();
}

void World::crash(const std::string& host) {
  ran_last_ = nullptr;
  fabric_.silence_host(host);
  std::erase_if(processes_, [&](const auto& process) { return process->host() == host; });
  machine(host).release_locks();
  machine(host).lose_power();
}

void World::pause(const std::string& host) {
  ran_last_ = nullptr;
  if (Process* found = process(host)) found->paused_ = true;
}

void World::resume(const std::string& host) {
  Process* found = process(host);
  if (found == nullptr || !std::exchange(found->paused_, false)) return;
  for (auto& shard : found->shards_) shard->clock.fire(now_);
}

void World::mark(std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) {
    trace_hash_ = (trace_hash_ ^ ((value >> shift) & 0xff)) * 0x100000001b3;
  }
}

/// One step of a context that the seed picks among those that have one. Half of the time the one
/// that ran last goes on: to ask idle ones is dear.
bool World::step() {
  if (ran_last_ != nullptr && random_.chance(0.5) && ran_last_->poll_one() > 0) {
    mark(again);
    return true;
  }
  candidates_.clear();
  for (auto& process : processes_) {
    if (process->paused_) continue;
    for (auto& shard : process->shards_) candidates_.push_back(&shard->context);
  }
  while (!candidates_.empty()) {
    const std::size_t pick = random_.below(candidates_.size());
    ran_last_ = candidates_[pick];
    if (ran_last_->poll_one() > 0) {
      mark(pick);
      return true;
    }
    candidates_[pick] = candidates_.back();
    candidates_.pop_back();
  }
  ran_last_ = nullptr;
  return false;
}

/// Moves time to the next timer, at most to `limit`; false if no timer is before that.
bool World::advance(Instant limit) {
  std::optional<Instant> next;
  for (auto& process : processes_) {
    if (process->paused_) continue;
    for (auto& shard : process->shards_) {
      const auto deadline = shard->clock.next_deadline();
      if (deadline && (!next || *deadline < *next)) next = deadline;
    }
  }
  if (!next || *next > limit) {
    now_ = std::max(now_, limit);
    return false;
  }
  now_ = std::max(now_, *next);
  mark(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  for (auto& process : processes_) {
    if (process->paused_) continue;
    for (auto& shard : process->shards_) shard->clock.fire(now_);
  }
  return true;
}

void World::run_ready() {
  while (step()) {
  }
}

void World::run_for(Duration duration) {
  run_until([] { return false; }, duration);
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant end = now_ + limit;
  do {
    while (!done()) {
      if (!step()) break;
    }
    if (done()) return true;
  } while (advance(end));
  return done();
}

}  // namespace cairn::world
