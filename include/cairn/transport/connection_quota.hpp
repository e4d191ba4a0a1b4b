// SPDX-License-Identifier: Apache-2.0
// The caps on connections that hold over all listeners of a node: max.connections in all and
// max.connections.per.ip for each address, with its overrides. Whoever accepts asks first; a client
// listener that finds the total used up stops accepting, and the socket's backlog holds the others.
// Owner: the node, one a shard; it outlives the acceptors.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <string>

#include <cairn/runtime/event.hpp>
#include <cairn/transport/connection_rate.hpp>

namespace cairn::transport {

struct ConnectionCaps {
  static constexpr std::size_t none = std::numeric_limits<std::int32_t>::max();

  std::size_t in_all = none;
  std::size_t per_address = none;
  std::map<std::string, std::size_t> overrides{};  // by address
  ConnectionRateLimit rate{};
};

class ConnectionQuota {
 public:
  explicit ConnectionQuota(ConnectionCaps caps = {}) : caps_(std::move(caps)), rate_(caps_.rate) {}

  /// New caps, for connections to come; those that are open stay.
  void configure(ConnectionCaps caps);
  bool full() const { return open_ >= caps_.in_all; }
  /// Counts a connection in; false if its address has as many as it may.
  bool admit(const std::string& address);
  /// The rate of all listeners that clients use.
  ConnectionRate& rate() { return rate_; }
  void release(const std::string& address);
  std::size_t open() const { return open_; }
  /// Woken whenever a connection has gone or the caps have changed.
  runtime::Event& released() { return released_; }

 private:
  ConnectionCaps caps_;
  ConnectionRate rate_;
  std::size_t open_ = 0;
  std::map<std::string, std::size_t> by_address_;
  runtime::Event released_;
};

}  // namespace cairn::transport
