// SPDX-License-Identifier: Apache-2.0
#include "cluster_run.hpp"

#include <fmt/format.h>

#include "quorum_cluster.hpp"
#include "workload.hpp"

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;

constexpr int size = 3;

struct ClusterPlan {
  std::map<std::string, TopicPlan> topics;
  std::map<std::string, std::string> settings{{"default.replication.factor", "3"},
                                              {"min.insync.replicas", "2"},
                                              {"offsets.topic.replication.factor", "3"},
                                              {"offsets.topic.num.partitions", "2"}};
  int producers = 1, consumers = 0;
  bool cooperative = false;
  bool kills = false, crashes = false, all_at_once = false, stops = false, cuts = false,
       resets = false, pauses = false, slow = false;

  std::vector<TopicPartition> partitions() const {
    std::vector<TopicPartition> all;
    for (const auto& [name, topic] : topics) {
      for (std::int32_t i = 0; i < topic.partitions; ++i) all.push_back({name, PartitionIndex(i)});
    }
    return all;
  }
  std::string words() const {
    std::string text =
        fmt::format("{} topics, {} producers, {} consumers;", topics.size(), producers, consumers);
    for (const auto& [on, name] : {std::pair(kills, " kills"),
                                   {crashes, " power"},
                                   {all_at_once, " all at once"},
                                   {stops, " stops"},
                                   {cuts, " cuts"},
                                   {resets, " resets"},
                                   {pauses, " pauses"},
                                   {slow, " slow disk"}}) {
      if (on) text += name;
    }
    return text;
  }
};

ClusterPlan draw(Random& random) {
  ClusterPlan plan;
  const auto topics = random.between(1, 2);
  for (std::int64_t i = 0; i < topics; ++i) {
    TopicPlan& topic = plan.topics[fmt::format("topic-{}", i)];
    topic.partitions = static_cast<std::int32_t>(random.between(1, 3));
    topic.replication_factor = size;
    if (random.chance(0.5)) topic.configs["segment.ms"] = "5000";
  }
  plan.producers = static_cast<int>(random.between(1, 2));
  plan.consumers = static_cast<int>(random.between(0, 2));
  plan.cooperative = random.chance(0.3);
  if (random.chance(0.5)) plan.settings["replica.lag.time.max.ms"] = "3000";
  if (random.chance(0.3)) plan.settings["leader.imbalance.check.interval.seconds"] = "5";
  if (random.chance(0.3)) {
    plan.settings["metadata.log.max.record.bytes.between.snapshots"] = "2000";
  }
  for (bool* fault : {&plan.kills, &plan.crashes, &plan.all_at_once, &plan.stops, &plan.cuts,
                      &plan.resets, &plan.pauses, &plan.slow}) {
    *fault = random.chance(0.5);
  }
  return plan;
}

class ClusterRun {
 public:
  explicit ClusterRun(const RunOptions& options)
      : options_(options),
        world_(options.seed),
        plan_(draw(world_.random())),
        cluster_(world_, std::vector<Roles>(size, Roles::combined), plan_.settings),
        stage_{.history = history_, .bootstrap = cluster_.brokers()} {
    history_.idempotent = true;
  }

  RunResult go() {
    began_ = world_.now();
    cluster_.start_all();
    if (!cluster_.run_until([this] { return cluster_.all_ready(); }, 2min)) {
      return broken("the first start");
    }
    start_client("admin", [this](world::Process& process) {
      return create_topics(process.shard(), process.network(), stage_, plan_.topics);
    });
    if (!settle(2min)) return broken("creating the topics");
    start_workloads();
    while (world_.now() - began_ < options_.faulty && cluster_.violations().empty()) misbehave();
    heal();
    if (!cluster_.run_until([this] { return everybody_is_up(); }, 5min)) {
      return broken("the last start");
    }
    if (!cluster_.run_until([this] { return in_sync(); }, 2min)) {
      return broken("the replicas' catching up");
    }
    cluster_.run_for(10s);
    stage_.stop = true;
    if (!settle(10min)) return broken("the clients' end");
    start_client("reader", [this](world::Process& process) {
      return read_all(process.shard(), process.network(), stage_, plan_.partitions(), "group");
    });
    if (!settle(5min)) return broken("the final read");
    RunResult result = summary();
    for (Violation& violation : judge(history_)) result.violations.push_back(std::move(violation));
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
      plan.options.delivery_timeout = std::chrono::seconds(world_.random().between(10, 120));
      plan.options.max_block = std::min<Duration>(plan.options.delivery_timeout, 60s);
      plan.options.linger = std::chrono::milliseconds(world_.random().between(0, 20));
      plan.pause = std::chrono::milliseconds(world_.random().between(1, 200));
      start_client(fmt::format("producer-{}", i), [this, plan](world::Process& process) {
        return produce(process.shard(), process.network(), stage_, plan);
      });
    }
    for (int i = 0; i < plan_.consumers; ++i) {
      ConsumerPlan plan{.id = i};
      for (const auto& [name, topic] : plan_.topics) plan.topics.push_back(name);
      if (plan_.cooperative) plan.options.assignors = {client::AssignorKind::cooperative_sticky};
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

  int some_node() { return 1 + static_cast<int>(world_.random().below(size)); }
  /// Half of the time whoever is the active controller.
  int some_victim() {
    const auto leader = cluster_.leader();
    return leader && world_.random().chance(0.5) ? *leader : some_node();
  }

  void misbehave() {
    Random& random = world_.random();
    cluster_.run_for(std::chrono::milliseconds(random.between(20, 5000)));
    if (random.chance(0.7)) cluster_.start_missing();
    const int victim = some_victim();
    const bool up = cluster_.node(victim).up();
    switch (random.below(8)) {
      case 0:
        if (plan_.kills && up) ++faults_, cluster_.kill(victim);
        break;
      case 1:
        if (plan_.crashes && up) ++faults_, cluster_.crash(victim);
        break;
      case 2:
        if (plan_.all_at_once) everybody_at_once();
        break;
      case 3:
        if (plan_.stops && up) ++faults_, cluster_.node(victim).stop();
        break;
      case 4:
        if (plan_.cuts) cut_for_a_while(victim);
        break;
      case 5:
        if (plan_.resets) reset(victim);
        break;
      case 6:
        if (plan_.pauses && up) pause_for_a_while(victim);
        break;
      case 7:
        if (plan_.slow) {
          cluster_.node(victim).machine().slowest_operation() =
              std::chrono::milliseconds(random.between(0, 100));
        }
        break;
    }
  }

  void everybody_at_once() {
    ++faults_;
    for (int id = 1; id <= size; ++id) {
      if (cluster_.node(id).up()) cluster_.crash(id);
    }
    cluster_.start_missing();
  }

  void reset(int victim) {
    ++faults_;
    const std::string other =
        world_.random().chance(0.5) ? QuorumCluster::host(some_node()) : std::string("producer-0");
    world_.fabric().reset_between(QuorumCluster::host(victim), other);
  }

  void cut_for_a_while(int victim) {
    ++faults_;
    const int other = some_node();
    if (world_.random().chance(0.5) || other == victim) {
      cluster_.isolate(victim);
    } else {
      world_.fabric().cut(QuorumCluster::host(victim), QuorumCluster::host(other));
    }
    cluster_.run_for(std::chrono::milliseconds(world_.random().between(10, 15'000)));
    cluster_.heal();
  }

  void pause_for_a_while(int victim) {
    ++faults_;
    world_.pause(QuorumCluster::host(victim));
    cluster_.run_for(std::chrono::milliseconds(world_.random().between(10, 15'000)));
    world_.resume(QuorumCluster::host(victim));
  }

  void heal() {
    cluster_.heal();
    for (int id = 1; id <= size; ++id) cluster_.node(id).machine().slowest_operation() = 2ms;
  }

  /// A node that was stopping when all was healed ends first.
  bool everybody_is_up() {
    cluster_.start_missing();
    return cluster_.all_ready();
  }

  bool in_sync() const {
    const auto known = cluster_.leader();
    if (!known) return false;
    const auto image = cluster_.image(*known);
    for (const auto& [id, topic] : image->topics) {
      for (const auto& [index, state] : topic->partitions) {
        if (state.leader == no_broker || state.isr.size() < size) return false;
      }
    }
    return true;
  }

  bool settle(Duration limit) {
    return cluster_.run_until([this] { return stage_.running == 0; }, limit) &&
           stage_.failures == 0 && stage_.running == 0;
  }

  RunResult summary() {
    RunResult result{.violations = cluster_.violations(),
                     .trace_hash = world_.trace_hash(),
                     .virtual_time = world_.now() - began_,
                     .polled = history_.polled.size(),
                     .faults = faults_,
                     .plan = plan_.words()};
    for (const Send& send : history_.sends) result.acknowledged += send.outcome == Outcome::ok;
    return result;
  }

  RunResult broken(std::string_view what) {
    RunResult result = summary();
    if (!result.violations.empty()) return result;
    std::string states;
    for (int id = 1; id <= size; ++id) {
      const SimNode& node = cluster_.node(id);
      states += fmt::format(" {}:{}{}", id,
                            node.ready()   ? "ready"
                            : node.ended() ? "ended"
                            : node.up()    ? "starting"
                                           : "down",
                            cluster_.leads(id) ? "*" : "");
    }
    result.violations = {
        {"I29", fmt::format("{} did not come to an end ({}; {} clients run, {} failures){}", what,
                            states, stage_.running, stage_.failures, partitions_in_want())}};
    return result;
  }

  std::string partitions_in_want() const {
    std::string text;
    const auto known = cluster_.leader();
    if (!known) return text;
    for (const auto& [id, topic] : cluster_.image(*known)->topics) {
      for (const auto& [index, state] : topic->partitions) {
        if (state.leader != no_broker && state.isr.size() == size) continue;
        text += fmt::format(" {}-{} led by {} with {} in sync", topic->name, index, state.leader,
                            state.isr.size());
      }
    }
    return text;
  }

  RunOptions options_;
  History history_;
  world::World world_;
  ClusterPlan plan_;
  QuorumCluster cluster_;
  Stage stage_;
  Instant began_{};
  std::size_t faults_ = 0;
};

}  // namespace

RunResult simulate_cluster(const RunOptions& options) { return ClusterRun(options).go(); }

}  // namespace cairn::simulation
