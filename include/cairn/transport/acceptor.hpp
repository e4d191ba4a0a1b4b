// SPDX-License-Identifier: Apache-2.0
// Accepts the connections of one listener and keeps them: caps in all and per address
// (max.connections, max.connections.per.ip), a rate (max.connection.creation.rate), one sweep a
// second over all of them instead of timers of their own. A connection over its address's cap is
// closed at once, with one line in the log; those over the other limits wait. Owner: the server.
// Invariant: connections are served in this object's TaskGroup and die before it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <cairn/runtime/shard.hpp>
#include <cairn/transport/connection.hpp>
#include <cairn/transport/connection_quota.hpp>

namespace cairn::transport {

struct AcceptorLimits {
  std::size_t max_connections = ConnectionCaps::none;
  ConnectionRateLimit rate{};
  /// Other nodes come here: neither the total nor the rate of all listeners holds them up.
  bool of_nodes = false;
  ConnectionLimits connection;
};

class Acceptor {
 public:
  /// `name` is the listener's, for logs and metrics.
  Acceptor(runtime::Shard& shard, std::string name, std::unique_ptr<runtime::Listener> listener,
           Service& service, RequestMemory& memory, ConnectionQuota& quota, AcceptorLimits limits);
  ~Acceptor();

  void start();
  /// New caps, for connections to come; those that are open stay.
  void configure(AcceptorLimits limits);
  /// Accepts no more, answers what has been read, for at most `patience`; then closes everything.
  runtime::Task<> stop(Duration patience);

  runtime::Endpoint local() const { return listener_->local(); }
  const std::string& name() const { return name_; }
  std::size_t connections() const { return count_; }

 private:
  runtime::Task<> accept_loop();
  runtime::Task<> keep_rate();
  runtime::Task<> sweep();
  runtime::Task<> serve(std::unique_ptr<Connection> connection, std::string address);

  runtime::Shard& shard_;
  std::string name_;
  std::unique_ptr<runtime::Listener> listener_;
  Service& service_;
  RequestMemory& memory_;
  ConnectionQuota& quota_;
  AcceptorLimits limits_;
  ConnectionRate rate_;
  runtime::List<Connection, runtime::Hook<InAcceptor>> open_;
  std::size_t count_ = 0;
  bool stopping_ = false;
  Gauge& open_connections_;
  Counter& accepted_;
  runtime::Event closed_one_;
  runtime::Canceller sweeper_;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::transport
