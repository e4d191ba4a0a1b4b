// SPDX-License-Identifier: Apache-2.0
#include "replica_run.hpp"

#include <algorithm>

#include <cairn/client/consumer.hpp>

#include "replica_node.hpp"
#include "replica_plan.hpp"
#include "replica_probe.hpp"
#include "workload.hpp"

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;
using runtime::Task;

constexpr std::int32_t brokers = 3;

/// Reads at the tail without a group, and asks now and then where the partitions end.
Task<> tail(runtime::Shard& shard, runtime::Network& network, Stage& stage, ReplicaProbe& probe,
            int id, std::vector<TopicPartition> partitions) {
  ++stage.running;
  client::ClientOptions client;
  client.bootstrap = stage.bootstrap;
  client.client_id = fmt::format("consumer-{}", id);
  client.request_timeout = 5s;
  client::ConsumerOptions options;
  options.offset_reset = client::OffsetReset::earliest;
  options.auto_commit = false;
  client::Consumer consumer(shard, network, client, options);
  auto assigned = consumer.assign(partitions);
  std::map<TopicPartition, client::TimestampedOffset> told;
  int session = 0;
  while (!stage.stop && assigned) {
    auto polled = co_await consumer.poll(200ms);
    if (!polled) {
      ++session;
      co_await shard.clock().sleep_for(100ms);
      continue;
    }
    for (const client::PolledRecords& part : *polled) {
      for (const record::RecordView& record : part.records) {
        const std::string value =
            record.value ? std::string(as_text(*record.value)) : std::string();
        stage.history.polled.push_back(
            {id, session, part.partition, record.offset, value, ++stage.history.step});
        probe.on_consumed(part.partition, record.offset);
      }
    }
    if (!shard.random().chance(0.2)) continue;
    const auto before = told;
    auto ends = co_await consumer.end_offsets(partitions);
    if (!ends) continue;
    for (const auto& [partition, end] : *ends) {
      const auto earlier = before.find(partition);
      if (earlier != before.end() && earlier->second.leader_epoch <= end.leader_epoch &&
          end.offset < earlier->second.offset) {
        probe.violations().push_back(
            {"I7", fmt::format("{} ended at {} in epoch {}, and before at {} in epoch {}",
                               partition, end.offset, end.leader_epoch, earlier->second.offset,
                               earlier->second.leader_epoch)});
      }
      client::TimestampedOffset& known = told[partition];
      if (end.leader_epoch >= known.leader_epoch) known = end;
    }
  }
  auto closed = co_await consumer.close();
  static_cast<void>(closed);
  --stage.running;
}

Task<> read_to_end(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                   std::vector<TopicPartition> partitions) {
  ++stage.running;
  client::ClientOptions client;
  client.bootstrap = stage.bootstrap;
  client::ConsumerOptions options;
  options.offset_reset = client::OffsetReset::earliest;
  options.auto_commit = false;
  client::Consumer consumer(shard, network, client, options);
  auto assigned = consumer.assign(partitions);
  auto ends = co_await consumer.end_offsets(partitions);
  std::map<TopicPartition, Offset> missing;
  if (!assigned || !ends) {
    ++stage.failures;
  } else {
    for (const auto& [partition, end] : *ends) {
      stage.history.final_logs[partition];
      if (end.offset > Offset(0)) missing[partition] = end.offset;
    }
  }
  const Instant deadline = shard.clock().now() + 2min;
  while (!missing.empty() && shard.clock().now() < deadline) {
    auto polled = co_await consumer.poll(500ms);
    if (!polled) continue;
    for (const client::PolledRecords& part : *polled) {
      for (const record::RecordView& record : part.records) {
        stage.history.final_logs[part.partition][record.offset] =
            record.value ? std::string(as_text(*record.value)) : std::string();
      }
      const auto end = missing.find(part.partition);
      if (end != missing.end() && part.next_offset >= end->second) missing.erase(end);
    }
  }
  stage.failures += missing.empty() ? 0 : 1;
  auto closed = co_await consumer.close();
  static_cast<void>(closed);
  --stage.running;
}

/// All bytes of a log, for I25.
Task<> copy_log(std::shared_ptr<storage::PartitionLog> log, std::shared_ptr<Bytes> to,
                std::shared_ptr<bool> done) {
  Offset at = log->log_start();
  while (at < log->log_end()) {
    auto slice = co_await log->read({.offset = at, .bound = storage::ReadBound::log_end});
    if (!slice || slice->next_offset == at) break;
    const BytesView bytes = slice->records.view();
    to->insert(to->end(), bytes.begin(), bytes.end());
    at = slice->next_offset;
  }
  *done = true;
}

class ReplicaRun {
 public:
  explicit ReplicaRun(const RunOptions& options)
      : options_(options),
        world_(options.seed),
        plan_(draw_replicas(world_.random())),
        cluster_(world_),
        probe_([this] { return running(); }, [this] { return cluster_.image(); }),
        stage_{.history = history_, .bootstrap = {}} {
    for (std::int32_t i = 1; i <= brokers; ++i) {
      nodes_.push_back(std::make_unique<ReplicaNode>(cluster_, BrokerId(i), plan_.settings));
      stage_.bootstrap.push_back(nodes_.back()->endpoint());
    }
  }

  RunResult go() {
    began_ = world_.now();
    cluster_.start();
    if (!world_.run_until([this] { return cluster_.ready(); }, 60s)) return stuck("the controller");
    for (const auto& node : nodes_) node->start();
    if (!world_.run_until([this] { return all_active(); }, 60s)) return stuck("the first start");
    create_topics();
    if (!converge(30s)) return stuck("the topics: " + probe_.unsettled());
    cluster_.ways() = plan_.ways;
    start_clients();
    while (world_.now() - began_ < options_.faulty && probe_.violations().empty()) misbehave();
    heal();
    if (!world_.run_until([this] { return all_active(); }, 2min)) return stuck("the last start");
    run_for(5s);
    stage_.stop = true;
    if (!settle(10min)) return stuck("the clients' end");
    if (!converge(60s)) return stuck("convergence: " + probe_.unsettled());
    compare_logs();
    stage_.bootstrap.clear();  // all may have been replaced
    for (const auto& node : nodes_) stage_.bootstrap.push_back(node->endpoint());
    start_client("reader", [this](world::Process& process) {
      return read_to_end(process.shard(), process.network(), stage_, plan_.partitions());
    });
    if (!settle(5min)) return stuck("the final read");
    RunResult result = summary();
    std::ranges::copy(judge(history_), std::back_inserter(result.violations));
    return result;
  }

 private:
  bool all_active() {
    const auto image = cluster_.image();
    return std::ranges::all_of(nodes_, [&](const auto& node) {
      return node->serving() && image->is_active(node->id()) &&
             image->broker(node->id())->epoch == node->epoch();
    });
  }

  bool converge(Duration limit) {
    const Instant deadline = world_.now() + limit;
    while (!probe_.settled()) {
      if (world_.now() >= deadline) return false;
      run_for(100ms);
    }
    return true;
  }

  void create_topics() {
    protocol::CreateTopicsRequest request;
    for (const auto& [name, count] : plan_.topics) {
      auto& topic = request.topics.emplace_back();
      topic.name = name;
      topic.num_partitions = count;
      topic.replication_factor = brokers;
      for (const auto& [key, value] : plan_.topic_configs) {
        auto& config = topic.configs.emplace_back();
        config.name = key;
        config.value = value;
      }
    }
    auto create = [](controller::Controller& controller,
                     protocol::CreateTopicsRequest request) -> Task<> {
      co_await controller.create_topics(std::move(request));
    };
    cluster_.shard().tasks().spawn(create(cluster_.controller(), std::move(request)));
    world_.run_until([this] { return cluster_.image()->topics.size() == plan_.topics.size(); },
                     10s);
  }

  template <class Start>
  void start_client(const std::string& host, Start start) {
    world::Process& process = world_.start(host);
    process.shard().tasks().spawn(start(process));
    world_.run_ready();
  }

  void start_clients() {
    for (int i = 0; i < plan_.producers; ++i) {
      ProducerPlan plan{.id = i, .targets = plan_.partitions()};
      if (plan_.stops) plan.options.max_in_flight = 1;  // Kafka's producer snapshots hold one batch
      plan.options.delivery_timeout = std::chrono::seconds(world_.random().between(20, 120));
      plan.options.linger = std::chrono::milliseconds(world_.random().between(0, 20));
      plan.pause = std::chrono::milliseconds(world_.random().between(20, 200));
      start_client(fmt::format("producer-{}", i), [this, plan](world::Process& process) {
        return produce(process.shard(), process.network(), stage_, plan);
      });
    }
    for (int i = 0; i < plan_.consumers; ++i) {
      start_client(fmt::format("consumer-{}", i), [this, i](world::Process& process) {
        return tail(process.shard(), process.network(), stage_, probe_, i, plan_.partitions());
      });
    }
  }

  // ---- time, with a look at every replica in between ----

  void run_for(Duration duration) {
    const Instant end = world_.now() + duration;
    while (world_.now() < end) {
      const Duration slice = std::chrono::microseconds(world_.random().between(500, 10'000));
      world_.run_for(std::min<Duration>(slice, end - world_.now()));
      look();
    }
  }

  std::vector<ProbedNode> running() const {
    std::vector<ProbedNode> all;
    for (const auto& node : nodes_) all.push_back({node->id(), node->partitions(), node->epoch()});
    return all;
  }

  /// I24: what was flushed is there after a crash.
  void check_load(ReplicaNode& node) {
    for (const auto& [id, end] : std::exchange(node.loaded_ends, {})) {
      const auto before = node.last_ends.find(id);
      // A truncation that was broken off may have gone below what was flushed.
      if (before == node.last_ends.end() || before->second.truncated) continue;
      if (end >= before->second.flushed) continue;
      probe_.violations().push_back(
          {"I24", fmt::format("{} on broker {} ended at {} (flushed {}) and ends at {} after a "
                              "restart",
                              id, node.id(), before->second.log_end, before->second.flushed, end)});
    }
  }

  void look() {
    for (const auto& node : nodes_) {
      if (node->partitions() != nullptr) check_load(*node);
    }
    probe_.look();
    for (; acknowledged_ < history_.sends.size(); ++acknowledged_) {
      if (history_.sends[acknowledged_].completed == 0) break;
      const Send& send = history_.sends[acknowledged_];
      if (send.outcome == Outcome::ok) probe_.on_acknowledged(send.to, send.offset);
    }
  }

  // ---- faults ----

  ReplicaNode& some_node() { return *nodes_[world_.random().below(nodes_.size())]; }

  void misbehave() {
    // A replaced machine stays in the ISR until its silence is noticed. Were the others fenced
    // before it, the last of the ISR would be an empty one: without eligible leader replicas
    // (KIP-966) that loses records in Kafka too.
    if (rejoining_ && !whole()) return run_for(50ms);
    rejoining_ = false;
    run_for(std::chrono::milliseconds(world_.random().between(10, 1500)));
    for (const auto& node : nodes_) {
      if (node->ended()) node->collect();
      if (!node->up() && world_.random().chance(0.5)) node->start();
    }
    ReplicaNode& node = some_node();
    Random& random = world_.random();
    switch (random.below(9)) {
      case 0:
        if (plan_.kills) end_life(node, &ReplicaNode::kill);
        break;
      case 1:
        if (plan_.crashes) end_life(node, &ReplicaNode::crash);
        if (plan_.crashes && random.chance(0.2)) {  // the whole rack
          for (const auto& other : nodes_) end_life(*other, &ReplicaNode::crash);
        }
        break;
      case 2:
        if (plan_.stops && node.serving()) ++faults_, node.stop();
        break;
      case 3:
        if (plan_.wipes) wipe(node);
        break;
      case 4:
        if (plan_.cuts) toggle_cut(node, some_node());
        break;
      case 5:
        if (plan_.resets) {
          ++faults_;
          world_.fabric().reset_between(node.host(), some_node().host());
        }
        break;
      case 6:
        if (plan_.isolations) {
          ++faults_;
          node.cut_from_controller = !node.cut_from_controller;
          if (node.cut_from_controller && random.chance(0.5)) {
            for (const auto& other : nodes_) {
              if (other.get() != &node) world_.fabric().cut(node.host(), other->host());
            }
          } else if (!node.cut_from_controller) {
            world_.fabric().heal_all();
          }
        }
        break;
      case 7:
        if (plan_.moves) prefer();
        break;
      case 8:
        if (plan_.slow) {
          ++faults_;
          node.machine().slowest_operation() = std::chrono::milliseconds(random.between(0, 300));
        }
        break;
    }
  }

  void end_life(ReplicaNode& node, void (ReplicaNode::*how)()) {
    if (!node.up() || node.is_crossing()) return;
    ++faults_;
    probe_.look_at({node.id(), node.partitions(), node.epoch()});
    (node.*how)();
  }

  /// Every broker serves, and is in sync for everything.
  bool whole() {
    if (!all_active()) return false;
    const auto image = cluster_.image();
    for (const auto& [id, topic] : image->topics) {
      for (const auto& [index, state] : topic->partitions) {
        if (state.isr.size() < state.replicas.size()) return false;
      }
    }
    return true;
  }

  /// A disk is lost only where every partition is whole elsewhere: the others in sync, and up.
  void wipe(ReplicaNode& node) {
    if (!node.up() || node.is_crossing() || !whole()) return;
    for (const auto& other : nodes_) {
      if (other->cut_from_controller || world_.fabric().is_cut(node.host(), other->host())) return;
    }
    end_life(node, &ReplicaNode::kill);
    node.wipe();
    node.start();
    rejoining_ = true;
  }

  void toggle_cut(ReplicaNode& a, ReplicaNode& b) {
    if (&a == &b) return;
    ++faults_;
    if (world_.fabric().is_cut(a.host(), b.host())) {
      world_.fabric().heal(a.host(), b.host());
    } else {
      world_.fabric().cut(a.host(), b.host());
    }
  }

  /// Leadership goes to whom it was meant for.
  void prefer() {
    ++faults_;
    protocol::ElectLeadersRequest request;
    request.topic_partitions.reset();
    auto elect = [](controller::Controller& controller,
                    protocol::ElectLeadersRequest asked) -> Task<> {
      co_await controller.elect_leaders(std::move(asked));
    };
    cluster_.shard().tasks().spawn(elect(cluster_.controller(), std::move(request)));
  }

  void heal() {
    world_.fabric().heal_all();
    cluster_.ways() = {};
    for (const auto& node : nodes_) {
      node->cut_from_controller = false;
      node->machine().slowest_operation() = 2ms;
    }
    const auto restart = [this] {
      for (const auto& node : nodes_) {
        if (node->ended()) node->collect();
        if (!node->up()) node->start();
      }
    };
    restart();
    run_for(5s);  // those that were about to stop have stopped
    restart();
  }

  bool settle(Duration limit) {
    return world_.run_until([this] { return stage_.running == 0; }, limit) && stage_.failures == 0;
  }

  /// I25: caught-up replicas are equal, byte for byte.
  void compare_logs() {
    for (const TopicPartition& id : plan_.partitions()) {
      std::vector<std::shared_ptr<Bytes>> copies;
      for (const auto& node : nodes_) {
        auto copy = std::make_shared<Bytes>();
        auto done = std::make_shared<bool>(false);
        auto log = node->partitions()->directories().find(
            {node->partitions()->id_of(id.topic), id.partition});
        node->shard()->tasks().spawn(copy_log(log, copy, done));
        world_.run_until([&] { return *done; }, 60s);
        copies.push_back(std::move(copy));
      }
      for (const auto& copy : copies) {
        if (*copy == *copies.front()) continue;
        probe_.violations().push_back({"I25", fmt::format("the replicas of {} differ", id)});
        break;
      }
    }
  }

  RunResult summary() {
    RunResult result{.violations = probe_.violations(),
                     .trace_hash = world_.trace_hash(),
                     .virtual_time = world_.now() - began_,
                     .polled = history_.polled.size(),
                     .faults = faults_,
                     .plan = plan_.words()};
    for (const Send& send : history_.sends) result.acknowledged += send.outcome == Outcome::ok;
    return result;
  }

  RunResult stuck(std::string_view what) {
    RunResult result = summary();
    result.violations.push_back(
        {"I29", fmt::format("{} did not come to an end ({} clients still run, {} failures)", what,
                            stage_.running, stage_.failures)});
    return result;
  }

  RunOptions options_;
  History history_;
  world::World world_;
  ReplicaPlan plan_;
  std::vector<std::unique_ptr<ReplicaNode>> nodes_;
  ReplicaCluster cluster_;
  ReplicaProbe probe_;
  Stage stage_;
  std::size_t acknowledged_ = 0;  // sends before this one are settled and were looked at
  std::size_t faults_ = 0;
  bool rejoining_ = false;  // a machine was replaced, and is not in every ISR yet
  Instant began_{};
};

}  // namespace

RunResult simulate_replicas(const RunOptions& options) { return ReplicaRun(options).go(); }

}  // namespace cairn::simulation
