// SPDX-License-Identifier: Apache-2.0
#include "replica_node.hpp"

#include <cairn/base/assert.hpp>
#include <cairn/base/log.hpp>
#include <cairn/metadata/features.hpp>

#include "replica_cluster.hpp"

namespace cairn::simulation {

using namespace std::chrono_literals;
using runtime::Task;

config::ServerConfig replica_config(const std::map<std::string, std::string>& settings) {
  std::map<std::string, std::string> all{{"controller.listener.names", "CONTROLLER"},
                                         {"log.retention.check.interval.ms", "5000"},
                                         {"log.segment.delete.delay.ms", "1000"},
                                         {"replica.high.watermark.checkpoint.interval.ms", "2000"},
                                         {"cairn.http.listener", ""}};
  for (const auto& [key, value] : settings) all[key] = value;
  std::vector<std::string> lines;
  for (const auto& [key, value] : all) lines.push_back(key + "=" + value);
  config::Problems problems;
  config::StaticConfig layer;
  layer.add(config::parse_overrides(lines, problems), problems);
  auto config = config::make_server_config(std::move(layer), "/data");
  ASSERT(problems.empty() && config.has_value(), "the simulated node's configuration is good");
  return std::move(*config);
}

ReplicaNode::ReplicaNode(ReplicaCluster& cluster, BrokerId id,
                         std::map<std::string, std::string> settings)
    : cluster_(cluster), id_(id), host_(fmt::format("broker-{}", id)), settings_(settings) {
  settings_["node.id"] = fmt::format("{}", id);
  settings_["listeners"] = "PLAINTEXT://broker:9092,CONTROLLER://broker:9093";  // not bound
}

ReplicaNode::Life::Life(ReplicaNode& node, world::Process& process)
    : shard(&process.shard()),
      network(process.network()),
      config(replica_config(node.settings_)),
      channel(node),
      environment(process.disk(), process.clock(), process.shard().random().fork()),
      directories(environment, process.shard(),
                  {.paths = {"/data"}, .metadata_path = "/data", .config = config.log}),
      partitions(process.shard(), directories, config),
      groups(process.shard(), config),
      broker({.config = config,
              .shard = process.shard(),
              .controller_shard = node.cluster_.shard(),
              .partitions = partitions,
              .groups = groups,
              .controller = node.cluster_.controller(),
              .cluster_id = node.cluster_.cluster_id()}),
      service(broker, "PLAINTEXT", broker::ListenerRole::broker),
      tasks(process.shard().context()) {}

world::SimMachine& ReplicaNode::machine() { return cluster_.world().machine(host_); }

// ---- lives ----

void ReplicaNode::start() {
  ASSERT(!up(), "one life at a time");
  world::Process& process = cluster_.world().start(host_);
  auto life = std::make_shared<Life>(*this, process);
  process.own(life);
  life_ = life;
  loaded_ends.clear();
  process.shard().tasks().spawn(live(std::move(life)));
}

bool ReplicaNode::up() const { return cluster_.world().process(host_) != nullptr; }

void ReplicaNode::remember_ends() {
  partition::PartitionTable* table = partitions();
  if (table == nullptr) return;
  last_ends.clear();
  table->for_each([this](const std::shared_ptr<partition::Partition>& one) {
    last_ends[one->id()] = {one->log().log_end(), one->log().flushed(),
                            one->log().generation() > 0};
  });
}

void ReplicaNode::kill() {
  remember_ends();
  life_.reset();
  cluster_.world().kill(host_);
}

void ReplicaNode::crash() {
  remember_ends();
  life_.reset();
  cluster_.world().crash(host_);
}

void ReplicaNode::wipe() {
  ASSERT(!up(), "only a machine that is off is replaced");
  host_ = fmt::format("broker-{}-{}", id_, ++replacements_);
  last_ends.clear();
}

void ReplicaNode::stop() {
  if (life_) life_->stop_asked = true;
}

void ReplicaNode::collect() {
  remember_ends();
  life_.reset();
  cluster_.world().kill(host_);
}

// ---- one life ----

Task<> ReplicaNode::live(std::shared_ptr<Life> life) {
  const auto locked = co_await life->directories.lock();
  const auto formatted = co_await life->directories.format(cluster_.cluster_id(), id_);
  ASSERT(locked && formatted, "the directory is this node's");
  life->partitions.connect(life->network, life->channel);
  if (!co_await enrol(life)) co_return;
  while (life->applied < Offset(life->epoch.value())) co_await apply_next(life);
  // Producer ids for this life: asked for once, so that no crossing is broken off later.
  life->crossing = true;
  co_await life->broker.producer_ids.next(life->broker);
  life->crossing = false;
  auto socket = co_await life->network.listen({host_, 9092});
  ASSERT(socket, "the port is free");
  life->acceptor = std::make_unique<transport::Acceptor>(
      *life->shard, "PLAINTEXT", *std::move(socket), life->service, life->memory, life->quota,
      transport::AcceptorLimits{});
  life->acceptor->start();
  life->tasks.spawn(follow_images(life));
  life->tasks.spawn(beat(life));
  life->serving = true;
  while (!life->may_stop) co_await life->shard->clock().sleep_for(10ms);
  life->serving = false;
  co_await life->acceptor->stop(1s);
  life->tasks.cancel();
  co_await life->tasks.join();
  co_await life->partitions.stop();
  co_await life->directories.stop(life->epoch);
  life->ended = true;
}

Task<bool> ReplicaNode::enrol(std::shared_ptr<Life> life) {
  protocol::BrokerRegistrationRequest request;
  request.broker_id = id_.value();
  request.cluster_id = cluster_.cluster_id();
  request.incarnation_id = Uuid::random(life->shard->random());
  auto& listener = request.listeners.emplace_back();
  listener.name = "PLAINTEXT";
  listener.host = host_;
  listener.port = 9092;
  for (const metadata::SupportedFeature& supported : metadata::supported_features()) {
    auto& feature = request.features.emplace_back();
    feature.name = supported.name;
    feature.min_supported_version = supported.range.min;
    feature.max_supported_version = supported.range.max;
  }
  request.log_dirs = life->directories.directory_ids();
  request.previous_broker_epoch = life->directories.previous_broker_epoch().value();
  const auto ask = [request](controller::Controller& controller) {
    return controller.register_broker(request);
  };
  for (;;) {
    const auto answer = co_await cluster_.ask<protocol::BrokerRegistrationResponse>(
        *life->shard, cut_from_controller, Way::quick, ask);
    if (answer && answer->error_code == ErrorCode::none) {
      life->epoch = BrokerEpoch(answer->broker_epoch);
      co_return true;
    }
    if (!co_await life->shard->clock().sleep_for(100ms)) co_return false;
  }
}

Task<bool> ReplicaNode::apply_next(std::shared_ptr<Life> life) {
  Random& random = life->shard->random();
  const auto longest = cluster_.ways().longest_image_delay.count();
  if (!co_await life->shard->clock().sleep_for(1ms + Duration(random.between(0, longest)))) {
    co_return false;
  }
  if (cut_from_controller) co_return true;
  // An image of before this life's registration speaks of another incarnation.
  const Offset from = std::max(life->applied, Offset(life->epoch.value()) - 1);
  const auto image = cluster_.image_after(from, random);
  if (image == nullptr) co_return true;
  if (!life->loaded) {
    const auto loaded = co_await life->partitions.load(image);
    ASSERT(loaded, "the logs can be opened");
    note_load(*life);
    life->loaded = true;
  }
  co_await life->partitions.apply(image);
  life->broker.publish(image, life->partitions.effective_config());
  life->applied = image->offset;
  co_return true;
}

void ReplicaNode::note_load(Life& life) {
  for (const auto& log : life.directories.logs()) loaded_ends[log->partition()] = log->log_end();
}

Task<> ReplicaNode::follow_images(std::shared_ptr<Life> life) {
  while (co_await apply_next(life)) {
  }
}

Task<> ReplicaNode::beat(std::shared_ptr<Life> life) {
  do {
    protocol::BrokerHeartbeatRequest request;
    request.broker_id = id_.value();
    request.broker_epoch = life->epoch.value();
    request.current_metadata_offset = life->applied.value();
    request.want_shut_down = life->stop_asked;
    request.cordoned_log_dirs.emplace();
    const auto ask = [request](controller::Controller& controller) {
      return controller.broker_heartbeat(request);
    };
    const auto answer = co_await cluster_.ask<protocol::BrokerHeartbeatResponse>(
        *life->shard, cut_from_controller, Way::quick, ask);
    if (answer && answer->should_shut_down) life->may_stop = true;
  } while (co_await life->shard->clock().sleep_for(200ms));
}

Task<Result<protocol::AlterPartitionResponse>> ReplicaNode::Channel::alter_partition(
    protocol::AlterPartitionRequest request) {
  const auto ask = [request](controller::Controller& controller) {
    return controller.alter_partition(request, 3);
  };
  auto answer = co_await node.cluster_.ask<protocol::AlterPartitionResponse>(
      *node.life_->shard, node.cut_from_controller, Way::slow, ask);
  if (!answer) co_return fail(ErrorCode::request_timed_out, "lost");
  co_return *std::move(answer);
}

}  // namespace cairn::simulation
