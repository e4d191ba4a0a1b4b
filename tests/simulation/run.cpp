// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <fmt/format.h>

#include "nemesis.hpp"
#include "workload.hpp"

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        world_(options.seed),
        plan_(draw_plan(world_.random())),
        node_(world_, "node", plan_.settings),
        nemesis_(world_, node_, plan_.faults, hosts_of_clients()),
        stage_{.history = history_, .bootstrap = {node_.endpoint()}} {
    for (int i = 0; i < plan_.producers && !plan_.idempotent; ++i) history_.repeating.insert(i);
    if (!plan_.idempotent) history_.repeating.insert(passing_producer);
    history_.starts_are_saved = !plan_.faults.full;
  }

  RunResult go() {
    const Instant began = world_.now();
    node_.start();
    if (!world_.run_until([this] { return node_.ready(); }, 60s)) return broken("the first start");
    start_client("admin", [this](world::Process& process) {
      return create_topics(process.shard(), process.network(), stage_, plan_.topics);
    });
    if (!settle(2min)) return broken("creating the topics");
    start_workloads();
    while (world_.now() - began < options_.faulty) nemesis_.misbehave();
    nemesis_.heal();
    if (!world_.run_until([this] { return node_.ready(); }, 2min)) return broken("the last start");
    world_.run_for(10s);
    stage_.stop = true;
    if (!settle(10min)) return broken("the clients' end");
    start_client("reader", [this](world::Process& process) {
      return read_all(process.shard(), process.network(), stage_, plan_.partitions(), "group");
    });
    if (!settle(5min)) return broken("the final read");
    note_machine();
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
      std::vector<TopicPartition> targets = plan_.partitions();
      std::erase_if(targets, [this](const TopicPartition& to) {
        return plan_.topics.at(to.topic).kind == TopicKind::passing;
      });
      start_producer(i, std::move(targets), std::chrono::seconds(world_.random().between(10, 120)));
    }
    if (plan_.has(TopicKind::passing)) {
      start_producer(passing_producer, plan_.partitions_of(TopicKind::passing), 10s);
    }
    start_administrator();
    for (int i = 0; i < plan_.consumers; ++i) {
      const ConsumerPlan plan = group_member(i, plan_.topics, plan_.cooperative);
      start_client(fmt::format("consumer-{}", i), [this, plan](world::Process& process) {
        return consume(process.shard(), process.network(), stage_, plan);
      });
    }
  }

  void start_producer(int id, std::vector<TopicPartition> targets, Duration delivery_timeout) {
    ProducerPlan plan{.id = id, .targets = std::move(targets)};
    plan.options.idempotent = plan_.idempotent;
    plan.options.delivery_timeout = delivery_timeout;
    plan.options.max_block = std::min<Duration>(delivery_timeout, 60s);
    plan.options.linger = std::chrono::milliseconds(world_.random().between(0, 20));
    plan.pause = std::chrono::milliseconds(world_.random().between(1, 200));
    start_client(fmt::format("producer-{}", id), [this, plan](world::Process& process) {
      return produce(process.shard(), process.network(), stage_, plan);
    });
  }

  void start_administrator() {
    AdminPlan plan{.trimmed = plan_.partitions_of(TopicKind::trimmed), .topics = plan_.topics};
    for (const auto& [name, topic] : plan_.topics) {
      if (topic.kind == TopicKind::passing) plan.passing.push_back(name);
    }
    start_client("administrator", [this, plan](world::Process& process) {
      return administer(process.shard(), process.network(), stage_, plan);
    });
  }

  std::vector<std::string> hosts_of_clients() const {
    std::vector<std::string> hosts;
    for (int i = 0; i < plan_.producers; ++i) hosts.push_back(fmt::format("producer-{}", i));
    for (int i = 0; i < plan_.consumers; ++i) hosts.push_back(fmt::format("consumer-{}", i));
    return hosts;
  }

  /// What the checkers know of the machine: its clock, and how much the logs hold.
  void note_machine() {
    const auto now = world_.process("reader")->clock().wall();
    history_.latest_wall_ms = to_timestamp(now) + nemesis_.furthest_ahead().count();
    for (const TopicPartition& partition : plan_.partitions()) {
      const std::string directory = fmt::format("/data/{}/", partition);
      for (const std::string& file : node_.machine().files_below(directory)) {
        if (!file.ends_with(".log")) continue;
        history_.final_bytes[partition] += node_.machine().content(file)->size();
      }
    }
  }

  bool settle(Duration limit) {
    return world_.run_until([this] { return stage_.running == 0; }, limit) && stage_.failures == 0;
  }

  RunResult summary(Instant began) {
    RunResult result{.trace_hash = world_.trace_hash(),
                     .virtual_time = world_.now() - began,
                     .polled = history_.polled.size(),
                     .faults = nemesis_.count(),
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
  Nemesis nemesis_;
  Stage stage_;
};

}  // namespace

RunResult simulate(const RunOptions& options) { return Run(options).go(); }

}  // namespace cairn::simulation
