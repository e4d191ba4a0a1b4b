// SPDX-License-Identifier: Apache-2.0
#include "cluster_run.hpp"

#include <fmt/format.h>

#include "cluster_nemesis.hpp"
#include "replica_probe.hpp"
#include "workload.hpp"

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration convergence = 60s;
constexpr Duration idle_limit = 10s;  // of connections, as the plan sets it

/// All bytes of a log, for I25.
runtime::Task<> copy_replica(std::shared_ptr<storage::PartitionLog> log, std::shared_ptr<Bytes> to,
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

class ClusterRun {
 public:
  explicit ClusterRun(const RunOptions& options)
      : options_(options),
        world_(options.seed),
        plan_(draw_cluster_plan(world_.random())),
        cluster_(world_, plan_.roles, plan_.settings),
        probe_([this] { return running(); }, [this] { return cluster_.newest_image(); }),
        nemesis_(world_, cluster_, plan_, hosts_of_clients()),
        stage_{.history = history_, .bootstrap = cluster_.brokers(), .metadata_age = 10s} {
    stage_.serves_older_life = [this](const TopicPartition& of) { return serves_older_life(of); };
    history_.starts_are_saved = !plan_.faults.full && !plan_.faults.errors;
    cluster_.on_loss([this](int id) { probe_.look_at(running_one(id)); });
    cluster_.on_turn([this] { look(); });
  }

  RunResult go() {
    began_ = world_.now();
    cluster_.start_all();
    if (!run_until([this] { return cluster_.all_ready(); }, 2min)) return stuck("the first start");
    start_client("admin", [this](world::Process& process) {
      return create_topics(process.shard(), process.network(), stage_, plan_.topics);
    });
    if (!settle(2min)) return stuck("creating the topics");
    start_workloads();
    while (world_.now() - began_ < options_.faulty && sound()) nemesis_.misbehave();
    nemesis_.heal();
    if (!eventually([this] { return everybody_is_up(); }, 2min)) return stuck("the last start");
    if (!eventually([this] { return in_sync(); }, convergence)) return stuck("catching up");
    if (!eventually([this] { return group_is_stable(); }, convergence)) return stuck("the group");
    cluster_.run_for(1s);
    stage_.stop = true;
    if (!settle(10min)) return stuck("the clients' end");
    if (!eventually([this] { return is_settled(); }, convergence)) return stuck("convergence");
    compare_logs();
    start_client("reader", [this](world::Process& process) {
      return read_all(process.shard(), process.network(), stage_, all_partitions(), "group");
    });
    if (!settle(5min)) return stuck("the final read");
    note_machines();
    check_resources();
    RunResult result = summary();
    for (Violation& violation : judge(history_)) result.violations.push_back(std::move(violation));
    return result;
  }

 private:
  // ---- what runs ----

  ProbedNode running_one(int id) { return {BrokerId(id), cluster_.node(id).partitions()}; }
  std::vector<ProbedNode> running() {
    std::vector<ProbedNode> all;
    for (int id = 1; id <= plan_.size(); ++id) {
      if (cluster_.roles(id) != Roles::controller) all.push_back(running_one(id));
    }
    return all;
  }

  /// At every turn of the clock: into each replica now and then, and after acknowledgements.
  void look() {
    const bool due = world_.now() >= next_look_;
    if (due) {
      next_look_ = world_.now() + 20ms;
      probe_.look();
    }
    const int least = plan_.settings.at("min.insync.replicas") == "2" ? 2 : 1;
    for (const std::size_t index : std::exchange(history_.fresh_acks, {})) {
      const Send& send = history_.sends[index];
      if (history_.kind_of(send.to.topic) == TopicKind::passing) continue;
      probe_.on_acknowledged(send.to, send.offset, least);
    }
  }

  /// A producer that has not heard of it either may be acknowledged there, by the id of the topic
  /// that was deleted, until the last replica has heard: Kafka promises no more.
  bool serves_older_life(const TopicPartition& of) {
    if (history_.kind_of(of.topic) != TopicKind::passing) return false;
    const metadata::Topic* newest = cluster_.newest_image()->topic(of.topic);
    return std::ranges::any_of(running(), [&](const ProbedNode& node) {
      if (node.partitions == nullptr) return false;
      const auto replica = node.partitions->find(of.topic, of.partition);
      return replica != nullptr && (newest == nullptr || replica->topic_id() != newest->id);
    });
  }

  bool sound() { return cluster_.violations().empty() && probe_.violations().empty(); }

  bool run_until(const std::function<bool()>& done, Duration limit) {
    return cluster_.run_until(done, limit);
  }

  /// The same, for what is dear to ask or may lag behind: not after every step.
  bool eventually(const std::function<bool()>& done, Duration limit) {
    const Instant deadline = world_.now() + limit;
    while (!done()) {
      if (world_.now() >= deadline) return false;
      cluster_.run_for(20ms);
    }
    return true;
  }

  // ---- clients ----

  template <class Start>
  void start_client(const std::string& host, Start start) {
    world::Process& process = world_.start(host);
    process.shard().tasks().spawn(start(process));
    world_.run_ready();
  }

  std::vector<std::string> hosts_of_clients() const {
    std::vector<std::string> hosts{"administrator"};
    for (std::size_t i = 0; i < plan_.producers.size(); ++i) {
      hosts.push_back(fmt::format("producer-{}", i));
    }
    for (int i = 0; i < plan_.consumers; ++i) hosts.push_back(fmt::format("consumer-{}", i));
    return hosts;
  }

  void start_workloads() {
    for (std::size_t i = 0; i < plan_.producers.size(); ++i) {
      start_producer(static_cast<int>(i), plan_.lasting_partitions(), plan_.producers[i]);
    }
    if (plan_.topics.contains("passing")) {
      start_producer(passing_producer, plan_.partitions_of(TopicKind::passing), true);
    }
    start_administrator();
    for (int i = 0; i < plan_.consumers; ++i) start_consumer(i);
  }

  void start_producer(int id, std::vector<TopicPartition> targets, bool idempotent) {
    static constexpr record::Codec codecs[] = {record::Codec::none, record::Codec::none,
                                               record::Codec::lz4, record::Codec::zstd};
    Random& random = world_.random();
    ProducerPlan plan{.id = id, .targets = std::move(targets)};
    plan.options.idempotent = idempotent;
    if (!idempotent) history_.repeating.insert(id);
    const bool passing = id == passing_producer;
    plan.options.delivery_timeout = std::chrono::seconds(passing ? 10 : random.between(10, 60));
    plan.options.max_block = plan.options.delivery_timeout;
    plan.options.linger = std::chrono::milliseconds(random.between(0, 20));
    plan.options.codec = codecs[random.below(std::size(codecs))];
    plan.pause = std::chrono::milliseconds(random.between(20, 300));
    start_client(fmt::format("producer-{}", id), [this, plan](world::Process& process) {
      return produce(process.shard(), process.network(), stage_, plan);
    });
  }

  void start_administrator() {
    AdminPlan plan{.trimmed = plan_.partitions_of(TopicKind::trimmed),
                   .growing = plan_.growing,
                   .topics = plan_.topics};
    if (plan_.topics.contains("passing")) plan.passing.push_back("passing");
    start_client("administrator", [this, plan](world::Process& process) {
      return administer(process.shard(), process.network(), stage_, plan);
    });
  }

  void start_consumer(int id) {
    const ConsumerPlan plan = group_member(id, plan_.topics, plan_.cooperative);
    start_client(fmt::format("consumer-{}", id), [this, plan](world::Process& process) {
      return consume(process.shard(), process.network(), stage_, plan);
    });
  }

  std::vector<TopicPartition> all_partitions() const {
    std::vector<TopicPartition> all = plan_.partitions();
    all.insert(all.end(), stage_.added.begin(), stage_.added.end());
    return all;
  }

  // ---- I29 ----

  /// A node that was stopping when all was healed ends first.
  bool everybody_is_up() {
    cluster_.start_missing();
    return cluster_.all_ready();
  }

  bool in_sync() {
    const auto image = cluster_.newest_image();
    for (const auto& [id, topic] : image->topics) {
      for (const auto& [index, state] : topic->partitions) {
        if (state.leader == no_broker || state.isr.size() < state.replicas.size()) return false;
        if (!state.adding_replicas.empty() || !state.removing_replicas.empty()) return false;
      }
    }
    return cluster_.leader().has_value();
  }

  /// All members are of one generation, and share all partitions (I17).
  bool group_is_stable() const {
    if (plan_.consumers == 0) return true;
    std::set<std::int32_t> generations;
    std::size_t held = 0;
    for (const auto& [id, member] : stage_.members) {
      generations.insert(member.generation);
      held += member.partitions.size();
    }
    std::size_t all = 0;
    for (const auto& [name, topic] : plan_.topics) {
      const metadata::Topic* known = cluster_.newest_image()->topic(name);
      if (topic.kind == TopicKind::passing || known == nullptr) continue;
      all += static_cast<std::size_t>(known->partition_count());
    }
    return stage_.members.size() == static_cast<std::size_t>(plan_.consumers) &&
           generations.size() == 1 && held == all;
  }

  bool is_settled() { return cluster_.all_agree() && probe_.settled(); }

  bool settle(Duration limit) {
    return run_until([this] { return stage_.running == 0; }, limit) && stage_.failures == 0 &&
           stage_.running == 0;
  }

  // ---- the end ----

  std::shared_ptr<Bytes> copy_of(int id, const TopicPartition& of) {
    const auto one = cluster_.node(id).partitions()->find(of.topic, of.partition);
    if (one == nullptr) return nullptr;
    auto copy = std::make_shared<Bytes>();
    auto done = std::make_shared<bool>(false);
    auto log = cluster_.node(id).partitions()->directories().find({one->topic_id(), of.partition});
    world::Process& process = *world_.process(QuorumCluster::host(id));
    process.shard(0).tasks().spawn(copy_replica(log, copy, done));
    world_.run_until([&] { return *done; }, 60s);
    return copy;
  }

  /// I25: caught-up replicas are equal, byte for byte. What begins elsewhere or was cleaned by each
  /// for itself is not compared.
  void compare_logs() {
    for (const TopicPartition& of : all_partitions()) {
      const TopicKind kind = history_.kind_of(of.topic);
      if (kind == TopicKind::trimmed || kind == TopicKind::compacted) continue;
      std::shared_ptr<Bytes> first;
      for (const ProbedNode& node : running()) {
        if (node.partitions == nullptr) continue;
        const auto copy = copy_of(node.id.value(), of);
        if (copy == nullptr) continue;
        if (first == nullptr) first = copy;
        if (*copy == *first) continue;
        probe_.violations().push_back({"I25", fmt::format("the replicas of {} differ", of)});
        break;
      }
    }
  }

  /// What the checkers know of the machines: their clocks, and how much the logs hold.
  void note_machines() {
    const auto now = world_.process("reader")->clock().wall();
    history_.latest_wall_ms = to_timestamp(now) + nemesis_.furthest_ahead().count();
    for (const TopicPartition& partition : plan_.partitions_of(TopicKind::trimmed)) {
      for (int id = 1; id <= plan_.size(); ++id) {
        std::uint64_t bytes = 0;
        world::SimMachine& machine = cluster_.node(id).machine();
        for (const std::string& file : machine.files_below(fmt::format("/data/{}/", partition))) {
          if (file.ends_with(".log")) bytes += machine.content(file)->size();
        }
        std::uint64_t& most = history_.final_bytes[partition];
        most = std::max(most, bytes);
      }
    }
  }

  std::size_t segments_of(int id) {
    const auto files = cluster_.node(id).machine().files_below("/data/");
    return static_cast<std::size_t>(std::ranges::count_if(
        files, [](const std::string& file) { return file.ends_with(".log"); }));
  }

  /// I30: once all clients have gone, a node holds little: what its partitions and peers need.
  void check_resources() {
    cluster_.run_for(idle_limit + 5s);
    const auto nodes = static_cast<std::size_t>(plan_.size());
    for (int id = 1; id <= plan_.size(); ++id) {
      const std::string host = QuorumCluster::host(id);
      const std::size_t files = cluster_.node(id).machine().open_files();
      const std::size_t timers = world_.process(host)->timer_count();
      const std::size_t connections = world_.fabric().connections_of(host);
      if (files <= 3 * segments_of(id) + 10 && timers <= 10 * nodes + 20 &&
          connections <= 4 * nodes) {
        continue;
      }
      probe_.violations().push_back(
          {"I30", fmt::format("node {} idles with {} files, {} timers, {} connections", id, files,
                              timers, connections)});
    }
  }

  RunResult summary() {
    RunResult result{.violations = cluster_.violations(),
                     .trace_hash = world_.trace_hash(),
                     .virtual_time = world_.now() - began_,
                     .polled = history_.polled.size(),
                     .faults = nemesis_.count(),
                     .plan = plan_.words()};
    for (const Violation& one : probe_.violations()) result.violations.push_back(one);
    for (const Send& send : history_.sends) result.acknowledged += send.outcome == Outcome::ok;
    return result;
  }

  RunResult stuck(std::string_view what) {
    RunResult result = summary();
    if (!result.violations.empty()) return result;
    std::string states;
    for (int id = 1; id <= plan_.size(); ++id) {
      const SimNode& node = cluster_.node(id);
      states += fmt::format(" {}:{}{}", id,
                            node.ready()   ? "ready"
                            : node.ended() ? "ended"
                            : node.up()    ? "starting"
                                           : "down",
                            cluster_.leads(id) ? "*" : "");
    }
    result.violations = {{"I29", fmt::format("{} did not come to an end ({}; {} clients run, {} "
                                             "failures) {}{}",
                                             what, states, stage_.running, stage_.failures,
                                             probe_.unsettled(), members_in_words())}};
    return result;
  }

  std::string members_in_words() const {
    std::string text;
    for (const auto& [id, member] : stage_.members) {
      text += fmt::format("; consumer {} of generation {} has {}", id, member.generation,
                          member.partitions.size());
    }
    return text;
  }

  RunOptions options_;
  History history_;
  world::World world_;
  ClusterPlan plan_;
  QuorumCluster cluster_;
  ReplicaProbe probe_;
  ClusterNemesis nemesis_;
  Stage stage_;
  Instant began_{};
  Instant next_look_{};
};

}  // namespace

RunResult simulate_cluster(const RunOptions& options) { return ClusterRun(options).go(); }

}  // namespace cairn::simulation
