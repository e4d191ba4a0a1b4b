// SPDX-License-Identifier: Apache-2.0
// What tells the active controller sooner than a session timeout that a broker's process is gone:
// the connection its heartbeats came on has closed and no other came within 200 ms, or it has not
// come to a new active controller within 500 ms. Where nothing listens at the broker's address any
// more it is fenced at once. Silence alone proves nothing; broker.session.timeout.ms stays for
// that. Also brings leaderships back to the preferred replicas from time to time.
// On the controller's shard; the controller itself decides. Owner: ControlSide.
#pragma once

#include <map>
#include <memory>

#include <cairn/config/server_config.hpp>
#include <cairn/controller/controller.hpp>
#include <cairn/runtime/network.hpp>
#include <cairn/transport/session.hpp>

namespace cairn::server {

class BrokerWatch {
 public:
  BrokerWatch(runtime::Network& network, const config::ServerConfig& config,
              controller::Controller& controller);

  /// Every image, in order.
  void publish(std::shared_ptr<const metadata::Image> image);
  runtime::Task<> stop();

  /// A heartbeat came on a connection (numbers are never used again), which closed later.
  void heard(BrokerId id, std::uint64_t connection);
  void closed(std::uint64_t connection);
  std::uint64_t next_connection() { return ++connections_; }

 private:
  struct Contact {
    std::uint64_t connection = 0;  // that the last heartbeat came on
    Instant heard{};
    bool open = true;
    bool doubted = false;  // a task looks after it
  };

  bool lives(BrokerId id, Instant since) const;
  void doubt(BrokerId id, Instant until, Instant since);
  runtime::Task<> wait_for_sign(BrokerId id, Instant until, Instant since);
  runtime::Task<bool> is_refused(BrokerId id);
  runtime::Task<> fence(BrokerId id, const char* why);
  runtime::Task<> restore_leaders();

  runtime::Network& network_;
  const config::ServerConfig& config_;
  controller::Controller& controller_;
  runtime::Shard& shard_;
  std::shared_ptr<const metadata::Image> image_;
  std::map<BrokerId, Contact> contacts_;
  std::uint64_t connections_ = 0;
  Epoch active_in_ = no_epoch;  // the epoch in which this node became the active controller
  bool restoring_ = false;
  runtime::TaskGroup tasks_;
};

/// A listener's service, and besides it tells the watch of heartbeats and closed connections.
class WatchedService : public transport::Service {
 public:
  WatchedService(std::unique_ptr<transport::Service> inner, BrokerWatch& watch)
      : inner_(std::move(inner)), watch_(watch) {}
  std::unique_ptr<transport::Session> open_session(const runtime::Endpoint& peer) override;

 private:
  std::unique_ptr<transport::Service> inner_;
  BrokerWatch& watch_;
};

}  // namespace cairn::server
