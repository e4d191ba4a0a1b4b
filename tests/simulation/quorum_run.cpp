// SPDX-License-Identifier: Apache-2.0
#include "quorum_run.hpp"

#include <set>

#include <fmt/format.h>

#include <cairn/client/admin.hpp>

#include "quorum_cluster.hpp"

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;

/// What the administrator knows of each topic, by name.
struct AdminHistory {
  std::set<std::string> created;  // acknowledged, and no deletion was tried
  std::set<std::string> quick;    // of these, with no request that may still be on its way
  std::set<std::string> deleted;  // acknowledged
  std::size_t acknowledged = 0;
  bool stop = false;
  bool running = false;
};

runtime::Task<> administer(runtime::Shard& shard, runtime::Network& network,
                           client::ClientOptions options, AdminHistory& history) {
  client::Admin admin(shard, network, std::move(options));
  Random random = shard.random().fork();
  for (int i = 0; !history.stop; ++i) {
    const std::string name = fmt::format("topic-{}", i);
    std::vector<client::NewTopic> topics(1);
    topics[0].name = name;
    topics[0].partitions = static_cast<std::int32_t>(random.between(1, 3));
    topics[0].replication_factor = 1;
    const Instant began = shard.clock().now();
    auto created = co_await admin.create_topics(std::move(topics));
    if (created && created->at(0).error == ErrorCode::none) {
      history.created.insert(name);
      // A request that was given up may be carried out later, also after the deletion.
      if (shard.clock().now() - began < 1s) history.quick.insert(name);
      ++history.acknowledged;
    }
    if (!history.quick.empty() && random.chance(0.2)) {
      const std::string victim = *history.quick.begin();
      history.quick.erase(victim);
      history.created.erase(victim);
      auto deleted = co_await admin.delete_topics({victim});
      if (deleted && deleted->at(0).error == ErrorCode::none) {
        history.deleted.insert(victim);
        ++history.acknowledged;
      }
    }
    co_await shard.clock().sleep_for(std::chrono::milliseconds(random.between(10, 500)));
  }
  co_await admin.stop();
  history.running = false;
}

struct QuorumPlan {
  std::vector<Roles> roles;
  std::map<std::string, std::string> settings;
  bool kills = false, crashes = false, all_at_once = false, stops = false, cuts = false,
       resets = false, pauses = false, slow = false;

  std::string words() const {
    std::string text = fmt::format("{} nodes;", roles.size());
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

QuorumPlan draw_quorum(Random& random) {
  QuorumPlan plan;
  const std::array<int, 4> sizes = {3, 3, 5, 1};
  const int controllers = sizes[random.below(sizes.size())];
  const bool combined = random.chance(0.6);
  for (int i = 0; i < controllers; ++i) {
    plan.roles.push_back(combined ? Roles::combined : Roles::controller);
  }
  const auto brokers = combined ? random.between(0, 1) : random.between(1, 2);
  for (std::int64_t i = 0; i < brokers; ++i) plan.roles.push_back(Roles::broker);
  if (random.chance(0.5)) {  // snapshots and short logs all the time
    plan.settings["metadata.log.max.record.bytes.between.snapshots"] = "2000";
    plan.settings["metadata.max.retention.bytes"] = "4000";
    plan.settings["metadata.log.segment.bytes"] = "8388608";
  }
  for (bool* fault : {&plan.kills, &plan.crashes, &plan.all_at_once, &plan.stops, &plan.cuts,
                      &plan.resets, &plan.pauses, &plan.slow}) {
    *fault = random.chance(0.5);
  }
  return plan;
}

class QuorumRun {
 public:
  explicit QuorumRun(const RunOptions& options)
      : options_(options),
        world_(options.seed),
        plan_(draw_quorum(world_.random())),
        cluster_(world_, plan_.roles, plan_.settings) {}

  RunResult go() {
    began_ = world_.now();
    start_in_any_order();
    if (!cluster_.run_until([this] { return cluster_.all_ready(); }, 5min)) {
      return broken("the first start");
    }
    start_admin();
    while (world_.now() - began_ < options_.faulty && cluster_.violations().empty()) misbehave();
    heal();
    if (!cluster_.run_until([this] { return everybody_is_up(); }, 5min)) {
      return broken("the last start");
    }
    cluster_.run_for(2s);
    admin_.stop = true;
    if (!cluster_.run_until([this] { return !admin_.running; }, 5min)) {
      return broken("the administrator's end");
    }
    if (!cluster_.run_until([this] { return cluster_.all_agree(); }, 1min)) {
      return broken("agreement");
    }
    RunResult result = summary();
    check_acknowledged(result);
    return result;
  }

 private:
  int size() const { return cluster_.size(); }
  int some_node() {
    return 1 + static_cast<int>(world_.random().below(static_cast<std::uint64_t>(size())));
  }
  /// Half of the time whoever leads.
  int some_victim() {
    const auto leader = cluster_.leader();
    return leader && world_.random().chance(0.5) ? *leader : some_node();
  }

  /// A node may be killed before all are there: who was empty stays so, or is one of them.
  void start_in_any_order() {
    for (int id = 1; id <= size(); ++id) {
      cluster_.start(id);
      cluster_.run_for(std::chrono::milliseconds(world_.random().between(0, 400)));
      if (plan_.crashes && world_.random().chance(0.2)) {
        const int victim =
            1 + static_cast<int>(world_.random().below(static_cast<std::uint64_t>(id)));
        if (!cluster_.node(victim).up()) continue;
        ++faults_;
        cluster_.crash(victim);
        cluster_.start(victim);
      }
    }
    if (!plan_.kills) return;
    for (int i = 0; i < 3; ++i) {
      cluster_.run_for(std::chrono::milliseconds(world_.random().between(0, 100)));
      const int victim = some_node();
      ++faults_;
      cluster_.kill(victim);
      cluster_.start(victim);
    }
  }

  void start_admin() {
    client::ClientOptions options;
    options.bootstrap = cluster_.brokers();
    options.client_id = "admin";
    options.request_timeout = 5s;
    admin_.running = true;
    world::Process& process = world_.start("admin");
    process.shard().tasks().spawn(
        administer(process.shard(), process.network(), std::move(options), admin_));
  }

  void misbehave() {
    Random& random = world_.random();
    cluster_.run_for(std::chrono::milliseconds(random.between(20, 4000)));
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
        if (plan_.resets) {
          ++faults_;
          world_.fabric().reset_between(QuorumCluster::host(victim),
                                        QuorumCluster::host(some_node()));
        }
        break;
      case 6:
        if (plan_.pauses && up) pause_for_a_while(victim);
        break;
      case 7:
        if (plan_.slow) {
          cluster_.node(victim).machine().slowest_operation() =
              std::chrono::milliseconds(random.between(0, 200));
        }
        break;
    }
  }

  void everybody_at_once() {
    ++faults_;
    for (int id = 1; id <= size(); ++id) {
      if (cluster_.node(id).up()) cluster_.crash(id);
    }
    cluster_.start_missing();
  }

  void cut_for_a_while(int victim) {
    ++faults_;
    const int other = some_node();
    if (world_.random().chance(0.5) || other == victim) {
      cluster_.isolate(victim);
    } else {
      world_.fabric().cut(QuorumCluster::host(victim), QuorumCluster::host(other));
    }
    cluster_.run_for(std::chrono::milliseconds(world_.random().between(10, 8000)));
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
    for (int id = 1; id <= size(); ++id) cluster_.node(id).machine().slowest_operation() = 2ms;
  }

  /// A node that was stopping when all was healed ends first.
  bool everybody_is_up() {
    cluster_.start_missing();
    return cluster_.all_ready();
  }

  void check_acknowledged(RunResult& result) {
    for (int id = 1; id <= size(); ++id) {
      const auto image = cluster_.image(id);
      for (const std::string& name : admin_.created) {
        if (image->topic(name) == nullptr) {
          result.violations.push_back(
              {"I21", fmt::format("node {} lacks {}, whose creation was acknowledged", id, name)});
        }
      }
      for (const std::string& name : admin_.deleted) {
        if (image->topic(name) != nullptr) {
          result.violations.push_back(
              {"I21", fmt::format("node {} has {}, whose deletion was acknowledged", id, name)});
        }
      }
    }
  }

  RunResult summary() {
    return {.violations = cluster_.violations(),
            .trace_hash = world_.trace_hash(),
            .virtual_time = world_.now() - began_,
            .acknowledged = admin_.acknowledged,
            .faults = faults_,
            .plan = plan_.words()};
  }

  RunResult broken(std::string_view what) {
    RunResult result = summary();
    if (!result.violations.empty()) return result;
    std::string states;
    for (int id = 1; id <= size(); ++id) {
      states += fmt::format(" {}:{}", id,
                            cluster_.node(id).ready()   ? "ready"
                            : cluster_.node(id).ended() ? "ended"
                            : cluster_.node(id).up()    ? "starting"
                                                        : "down");
    }
    result.violations = {{"I29", fmt::format("{} did not come to an end ({})", what, states)}};
    return result;
  }

  RunOptions options_;
  AdminHistory admin_;
  world::World world_;
  QuorumPlan plan_;
  QuorumCluster cluster_;
  Instant began_{};
  std::size_t faults_ = 0;
};

}  // namespace

RunResult simulate_quorum(const RunOptions& options) { return QuorumRun(options).go(); }

}  // namespace cairn::simulation
