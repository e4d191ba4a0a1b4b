// SPDX-License-Identifier: Apache-2.0
#include "replica_cluster.hpp"

#include <cairn/base/assert.hpp>

#include "replica_node.hpp"

namespace cairn::simulation {

using runtime::Task;

namespace {

const std::string metadata_directory = "/data";

storage::LogDirectoriesOptions options_of(const config::ServerConfig& config) {
  return {.paths = {metadata_directory}, .metadata_path = metadata_directory, .config = config.log};
}

Task<> keep(std::vector<std::shared_ptr<const metadata::Image>>& images,
            std::shared_ptr<const metadata::Image> image) {
  images.push_back(std::move(image));
  co_return;
}

}  // namespace

ReplicaCluster::ReplicaCluster(world::World& world)
    : world_(world),
      config_(replica_config({{"node.id", "100"},
                              {"listeners",
                               "PLAINTEXT://controller:9092,"
                               "CONTROLLER://controller:9093"},
                              {"broker.session.timeout.ms", "2000"}})) {}

ReplicaCluster::Parts::Parts(world::Process& process, const config::ServerConfig& config)
    : environment(process.disk(), process.clock(), process.shard().random().fork()),
      directories(environment, process.shard(), options_of(config)) {}

void ReplicaCluster::start() {
  process_ = &world_.start("controller");
  parts_ = std::make_shared<Parts>(*process_, config_);
  process_->own(parts_);
  process_->shard().tasks().spawn(begin());
}

Task<> ReplicaCluster::begin() {
  const auto locked = co_await parts_->directories.lock();
  cluster_id_ = Uuid::random(process_->shard().random()).text();
  const auto formatted = co_await parts_->directories.format(cluster_id_, config_.node_id);
  ASSERT(locked && formatted, "an empty directory can be formatted");
  controller::Identity identity{
      .cluster_id = cluster_id_,
      .directory = parts_->directories.directory_ids().front(),
      .metadata_directory = metadata_directory,
      .incarnation = Uuid::random(process_->shard().random()),
      .controller_endpoints = {{.listener = "CONTROLLER", .host = "controller", .port = 9093}}};
  parts_->controller = std::make_unique<controller::Controller>(
      process_->shard(), process_->disk(), process_->network(), config_, std::move(identity));
  parts_->controller->subscribe(process_->shard(),
                                [this](std::shared_ptr<const metadata::Image> image) {
                                  return keep(images_, std::move(image));
                                });
  const Result<> started = co_await parts_->controller->start();
  ASSERT(started, "a new quorum of one starts");
  ready_ = true;
}

std::shared_ptr<const metadata::Image> ReplicaCluster::image_after(Offset applied,
                                                                   Random& random) const {
  for (auto it = images_.rbegin(); it != images_.rend(); ++it) {
    if ((*it)->offset > applied) continue;
    if (it == images_.rbegin()) return nullptr;
    // Those that are overtaken may be left out.
    return random.chance(0.5) ? *(it - 1) : images_.back();
  }
  return images_.empty() ? nullptr : images_.back();
}

}  // namespace cairn::simulation
