// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <fmt/format.h>

#include "node.hpp"
#include "workload.hpp"

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;

/// What the seed draws before anything runs.
struct Plan {
  std::map<std::string, std::int32_t> topics;
  std::map<std::string, std::string> topic_configs;
  int producers = 1;
  int consumers = 0;
  bool idempotent = true;
  bool kills = false, crashes = false, stops = false, resets = false, cuts = false, full = false;
  bool slow = false;

  std::vector<TopicPartition> partitions() const {
    std::vector<TopicPartition> all;
    for (const auto& [name, count] : topics) {
      for (std::int32_t i = 0; i < count; ++i) all.push_back({name, PartitionIndex(i)});
    }
    return all;
  }
  std::string words() const {
    std::string text = fmt::format("{} topics, {} producers{}, {} consumers;", topics.size(),
                                   producers, idempotent ? " (idempotent)" : "", consumers);
    for (const auto& [on, name] : {std::pair(kills, " kills"),
                                   {crashes, " power"},
                                   {stops, " stops"},
                                   {resets, " resets"},
                                   {cuts, " cuts"},
                                   {full, " full disk"},
                                   {slow, " slow disk"}}) {
      if (on) text += name;
    }
    return text;
  }
};

Plan draw(Random& random) {
  Plan plan;
  const auto topics = random.between(1, 3);
  for (std::int64_t i = 0; i < topics; ++i) {
    plan.topics[fmt::format("topic-{}", i)] = static_cast<std::int32_t>(random.between(1, 4));
  }
  if (random.chance(0.5)) plan.topic_configs["index.interval.bytes"] = "1";
  if (random.chance(0.5)) plan.topic_configs["segment.ms"] = "5000";
  plan.producers = static_cast<int>(random.between(1, 3));
  plan.consumers = static_cast<int>(random.between(0, 3));
  plan.idempotent = random.chance(0.7);
  for (bool* fault : {&plan.kills, &plan.crashes, &plan.stops, &plan.resets, &plan.cuts, &plan.full,
                      &plan.slow}) {
    *fault = random.chance(0.5);
  }
  return plan;
}

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        world_(options.seed),
        plan_(draw(world_.random())),
        node_(world_, "node", {}),
        stage_{.history = history_, .bootstrap = {node_.endpoint()}} {
    history_.idempotent = plan_.idempotent;
  }

  RunResult go() {
    const Instant began = world_.now();
    node_.start();
    if (!world_.run_until([this] { return node_.ready(); }, 60s)) return broken("the first start");
    start_client("admin", [this](world::Process& process) {
      return create_topics(process.shard(), process.network(), stage_, plan_.topics,
                           plan_.topic_configs);
    });
    if (!settle(2min)) return broken("creating the topics");
    start_workloads();
    while (world_.now() - began < options_.faulty) misbehave();
    heal();
    if (!world_.run_until([this] { return node_.ready(); }, 2min)) return broken("the last start");
    world_.run_for(10s);
    stage_.stop = true;
    if (!settle(10min)) return broken("the clients' end");
    start_client("reader", [this](world::Process& process) {
      return read_all(process.shard(), process.network(), stage_, plan_.partitions(), "group");
    });
    if (!settle(5min)) return broken("the final read");
    RunResult result = summary(began);
    result.violations = judge(history_);
    return result;
  }

 private:
  template <class Start>
  void start_client(const std::string& host, Start start) {
    world::Process& process = world_.start(host);
    process.shard().tasks().spawn(start(process));
    world_.run_ready();
  }

  void start_workloads() {
    for (int i = 0; i < plan_.producers; ++i) {
      ProducerPlan plan{.id = i, .targets = plan_.partitions()};
      plan.options.idempotent = plan_.idempotent;
      // Kafka's producer snapshot holds one batch a producer: after a clean restart the others of
      // five in flight are not known as duplicates. With one in flight the promise is whole.
      if (plan_.idempotent && plan_.stops) plan.options.max_in_flight = 1;
      plan.options.delivery_timeout = std::chrono::seconds(world_.random().between(10, 120));
      plan.options.linger = std::chrono::milliseconds(world_.random().between(0, 20));
      plan.pause = std::chrono::milliseconds(world_.random().between(1, 200));
      start_client(fmt::format("producer-{}", i), [this, plan](world::Process& process) {
        return produce(process.shard(), process.network(), stage_, plan);
      });
    }
    for (int i = 0; i < plan_.consumers; ++i) {
      ConsumerPlan plan{.id = i};
      for (const auto& [name, count] : plan_.topics) plan.topics.push_back(name);
      plan.options.group_id = "group";
      plan.options.auto_commit = false;
      plan.options.offset_reset = client::OffsetReset::earliest;
      plan.options.session_timeout = 10s;
      plan.options.heartbeat_interval = 1s;
      plan.options.max_poll_interval = 30s;
      start_client(fmt::format("consumer-{}", i), [this, plan](world::Process& process) {
        return consume(process.shard(), process.network(), stage_, plan);
      });
    }
  }

  /// One fault at a time, with quiet stretches between.
  void misbehave() {
    world_.run_for(std::chrono::milliseconds(world_.random().between(50, 5000)));
    if (node_.ended()) node_.collect();
    if (!node_.up()) return restart();
    Random& random = world_.random();
    switch (random.below(7)) {
      case 0:
        if (plan_.kills) count(), node_.kill();
        break;
      case 1:
        if (plan_.crashes) count(), node_.crash();
        break;
      case 2:
        if (plan_.stops) count(), node_.stop();
        break;
      case 3:
        if (plan_.resets) count(), world_.fabric().reset_between("node", some_client());
        break;
      case 4:
        if (plan_.cuts) cut_for_a_while();
        break;
      case 5:
        if (plan_.full) fill_for_a_while();
        break;
      case 6:
        if (plan_.slow) {
          node_.machine().slowest_operation() = std::chrono::milliseconds(random.between(0, 500));
        }
        break;
    }
  }

  void restart() {
    node_.start();
    // Now and then it is hit again while it recovers.
    if (plan_.crashes && world_.random().chance(0.3)) {
      world_.run_for(std::chrono::microseconds(world_.random().between(0, 200'000)));
      count();
      node_.crash();
    }
  }

  std::string some_client() {
    return fmt::format("producer-{}",
                       world_.random().below(static_cast<std::uint64_t>(plan_.producers)));
  }

  void cut_for_a_while() {
    count();
    const std::string client = some_client();
    world_.fabric().cut("node", client);
    world_.run_for(std::chrono::milliseconds(world_.random().between(10, 20'000)));
    world_.fabric().heal("node", client);
  }

  void fill_for_a_while() {
    count();
    node_.machine().faults().space = 0;
    world_.run_for(std::chrono::milliseconds(world_.random().between(10, 10'000)));
    node_.machine().faults().space.reset();
  }

  void heal() {
    world_.fabric().heal_all();
    node_.machine().faults() = {};
    node_.machine().slowest_operation() = 2ms;
    if (node_.ended()) node_.collect();
    if (node_.up() && !node_.ready()) {
      world_.run_until([this] { return node_.ready() || node_.ended(); }, 60s);
    }
    if (node_.ended()) node_.collect();
    if (!node_.up()) node_.start();
  }

  bool settle(Duration limit) {
    return world_.run_until([this] { return stage_.running == 0; }, limit) && stage_.failures == 0;
  }

  void count() { ++faults_; }

  RunResult summary(Instant began) {
    RunResult result{.trace_hash = world_.trace_hash(),
                     .virtual_time = world_.now() - began,
                     .polled = history_.polled.size(),
                     .faults = faults_,
                     .plan = plan_.words()};
    for (const Send& send : history_.sends) result.acknowledged += send.outcome == Outcome::ok;
    return result;
  }

  RunResult broken(std::string_view what) {
    RunResult result = summary(Instant{});
    result.violations = {{"I29", fmt::format("{} did not come to an end ({} clients still run, {} "
                                             "failures)",
                                             what, stage_.running, stage_.failures)}};
    return result;
  }

  RunOptions options_;
  History history_;
  world::World world_;
  Plan plan_;
  SimNode node_;
  Stage stage_;
  std::size_t faults_ = 0;
};

}  // namespace

RunResult simulate(const RunOptions& options) { return Run(options).go(); }

}  // namespace cairn::simulation
