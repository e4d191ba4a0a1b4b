// SPDX-License-Identifier: Apache-2.0
#include "node.hpp"

#include <cairn/base/assert.hpp>
#include <cairn/server/node.hpp>

namespace cairn::simulation {

/// One life of the node, from start to its end or to the loss of its process.
struct SimNode::Life {
  std::unique_ptr<server::Node> node;
  bool ready = false;
  bool ended = false;
  std::string refusal;
};

namespace {

config::ServerConfig config_of(const std::string& host,
                               const std::map<std::string, std::string>& settings) {
  std::map<std::string, std::string> all{
      {"listeners", fmt::format("PLAINTEXT://{0}:9092,CONTROLLER://{0}:9093", host)},
      {"controller.listener.names", "CONTROLLER"},
      {"group.initial.rebalance.delay.ms", "100"},
      {"log.retention.check.interval.ms", "5000"},
      {"log.segment.delete.delay.ms", "1000"},
      {"cairn.http.listener", ""},
      {"auto.create.topics.enable", "false"},
  };
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

}  // namespace

SimNode::SimNode(world::World& world, std::string host, std::map<std::string, std::string> settings)
    : world_(world), host_(std::move(host)), settings_(std::move(settings)) {}

void SimNode::start() {
  ASSERT(!up(), "one life at a time");
  world::Process& process = world_.start(host_, 2);
  set_wall_skew(wall_skew_);
  auto life = std::make_shared<Life>();
  auto live = [](std::shared_ptr<Life> mine) -> runtime::Task<> {
    const auto started = co_await mine->node->start();
    if (started) {
      mine->ready = true;
      // A stop that was asked for, or a failed disk: either way it ends in order.
      co_await mine->node->failed().wait();
      mine->ready = false;
    } else {
      mine->refusal = started.error();
    }
    co_await mine->node->stop(std::chrono::seconds(5));
    mine->ended = true;
  };
  life->node = std::make_unique<server::Node>(server::Seams{.data = process.shard(0),
                                                            .data_disk = process.disk(0),
                                                            .data_network = process.network(0),
                                                            .control = process.shard(1),
                                                            .control_disk = process.disk(1),
                                                            .control_network = process.network(1)},
                                              config_of(host_, settings_));
  process.own(life);
  process.shard(0).tasks().spawn(live(life));
  life_ = std::move(life);
}

void SimNode::kill() {
  refusal_ = life_ ? life_->refusal : std::string();
  life_.reset();
  world_.kill(host_);
}

void SimNode::crash() {
  life_.reset();
  world_.crash(host_);
}

void SimNode::stop() {
  if (life_ && !life_->ready && !life_->ended) life_->node->interrupt();
  if (!ready()) return;
  life_->ready = false;  // at once: who asks next must not take it for serving
  life_->node->failed().set();
}

bool SimNode::ready() const { return life_ && life_->ready; }
bool SimNode::ended() const { return life_ && life_->ended; }

void SimNode::set_wall_skew(std::chrono::milliseconds skew) {
  wall_skew_ = skew;
  world::Process* process = world_.process(host_);
  if (process == nullptr) return;
  for (const int shard : {0, 1}) process->clock(shard).set_wall_skew(skew);
}

controller::Controller* SimNode::controller() const {
  return life_ && !life_->ended ? life_->node->controller() : nullptr;
}

partition::PartitionTable* SimNode::partitions() const {
  return life_ && !life_->ended ? life_->node->partitions() : nullptr;
}

}  // namespace cairn::simulation
