// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server on the seams: bounded headers, connections and times; one request of a
// connection at a time; no bodies. Lives on one shard, whose handlers may cross to others.
// Invariant: when stop() has returned, no task and no stream of it is left. Owner: the node.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include <cairn/base/result.hpp>
#include <cairn/http/message.hpp>
#include <cairn/runtime/network.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::http {

struct Limits {
  std::size_t header_bytes = 16 << 10;
  std::size_t connections = 64;  // further ones are closed at once
  /// Until the next request of a connection is there, whole.
  Duration request_timeout = std::chrono::seconds(30);
  /// Until the answer is made and written.
  Duration response_timeout = std::chrono::seconds(60);
};

class Server {
 public:
  Server(runtime::Shard& shard, runtime::Network& network, Routes routes, Limits limits = {});
  /// REQUIRES: stop() has returned, or listen() never succeeded.
  ~Server();

  runtime::Task<Result<>> listen(runtime::Endpoint at);
  /// With the port that was bound. REQUIRES: listen() succeeded.
  runtime::Endpoint local() const;
  std::size_t connection_count() const { return connection_count_; }

  runtime::Task<> stop();

 private:
  struct Connection;

  runtime::Task<> accept();
  runtime::Task<> serve(std::shared_ptr<Connection> connection);
  runtime::Task<> watch(std::shared_ptr<Connection> connection);
  runtime::Task<bool> serve_one(Connection& connection);

  runtime::Shard& shard_;
  runtime::Network& network_;
  Routes routes_;
  Limits limits_;
  std::unique_ptr<runtime::Listener> listener_;
  std::size_t connection_count_ = 0;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::http
