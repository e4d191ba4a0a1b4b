// SPDX-License-Identifier: Apache-2.0
// The controller's side of a simulated cluster of brokers: one controller of production code that
// never fails, and the ways to it. What brokers ask takes a random time, is lost now and then, and
// may have happened all the same; images come late. Owner: the run; it outlives the nodes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cairn/controller/controller.hpp>
#include <cairn/storage/environment.hpp>
#include <cairn/storage/log_directories.hpp>

#include "world/world.hpp"

namespace cairn::simulation {

struct ControllerWays {
  Duration longest_image_delay = std::chrono::milliseconds(20);
  Duration longest_answer_delay = std::chrono::milliseconds(20);
  double loss = 0;  // of requests, and of answers
};

/// Heartbeats and registrations are not held up: a broker is fenced for a fault, not by chance.
enum class Way { slow, quick };

class ReplicaCluster {
 public:
  explicit ReplicaCluster(world::World& world);

  void start();
  bool ready() const { return ready_; }
  world::World& world() { return world_; }
  ControllerWays& ways() { return ways_; }
  controller::Controller& controller() { return *parts_->controller; }
  runtime::Shard& shard() { return process_->shard(0); }
  const std::string& cluster_id() const { return cluster_id_; }
  /// What is decided by now, whoever knows it.
  std::shared_ptr<const metadata::Image> image() const { return parts_->controller->image(); }
  /// The first image after `applied`, or a later one; null if there is none.
  std::shared_ptr<const metadata::Image> image_after(Offset applied, Random& random) const;

  /// Asks the controller from another process, which may be killed meanwhile. Nothing: the request
  /// or its answer was lost, or `cut` was set.
  template <class Response>
  runtime::Task<std::optional<Response>> ask(
      runtime::Shard& from, const bool& cut, Way way,
      std::function<runtime::Task<Response>(controller::Controller&)> what);

 private:
  template <class Response>
  static runtime::Task<> serve(
      std::shared_ptr<std::optional<Response>> answer, controller::Controller& controller,
      std::function<runtime::Task<Response>(controller::Controller&)> what) {
    answer->emplace(co_await what(controller));
  }
  runtime::Task<> begin();

  /// Its process owns it.
  struct Parts {
    Parts(world::Process& process, const config::ServerConfig& config);

    storage::Environment environment;
    storage::LogDirectories directories;
    std::unique_ptr<controller::Controller> controller;
  };

  world::World& world_;
  ControllerWays ways_;
  config::ServerConfig config_;
  world::Process* process_ = nullptr;
  std::shared_ptr<Parts> parts_;
  std::string cluster_id_;
  std::vector<std::shared_ptr<const metadata::Image>> images_;
  bool ready_ = false;
};

template <class Response>
runtime::Task<std::optional<Response>> ReplicaCluster::ask(
    runtime::Shard& from, const bool& cut, Way way,
    std::function<runtime::Task<Response>(controller::Controller&)> what) {
  const double loss = way == Way::slow ? ways_.loss : 0;
  const Duration longest =
      way == Way::slow ? ways_.longest_answer_delay : Duration(std::chrono::milliseconds(20));
  constexpr Duration patience = std::chrono::seconds(10);
  Random& random = from.random();
  const Instant deadline = from.clock().now() + patience;
  co_await from.clock().sleep_for(Duration(random.between(0, longest.count())));
  if (cut || random.chance(loss)) {
    co_await from.clock().sleep_for(std::chrono::milliseconds(200));
    co_return std::nullopt;
  }
  auto answer = std::make_shared<std::optional<Response>>();
  process_->shard(0).tasks().spawn(serve(answer, controller(), std::move(what)));
  while (!*answer) {
    if (from.clock().now() >= deadline) co_return std::nullopt;
    if (!co_await from.clock().sleep_for(std::chrono::milliseconds(1))) co_return std::nullopt;
  }
  co_await from.clock().sleep_for(Duration(random.between(0, longest.count())));
  if (cut || random.chance(loss)) co_return std::nullopt;
  co_return std::move(**answer);
}

}  // namespace cairn::simulation
