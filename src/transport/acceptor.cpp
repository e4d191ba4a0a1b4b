// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/transport/acceptor.hpp>

namespace cairn::transport {

using runtime::Task;

namespace {

constexpr Duration sweep_interval = std::chrono::seconds(1);
constexpr Duration accept_pause = std::chrono::milliseconds(100);

Labels labels_of(const std::string& listener) { return {{"listener", listener}}; }

}  // namespace

Acceptor::Acceptor(runtime::Shard& shard, std::string name,
                   std::unique_ptr<runtime::Listener> listener, Service& service,
                   RequestMemory& memory, ConnectionQuota& quota, AcceptorLimits limits)
    : shard_(shard),
      name_(std::move(name)),
      listener_(std::move(listener)),
      service_(service),
      memory_(memory),
      quota_(quota),
      limits_(std::move(limits)),
      rate_(limits_.rate),
      open_connections_(shard.metrics().gauge("kafka_server_socket_server_metrics_connection_count",
                                              "Connections that are open.", labels_of(name_))),
      accepted_(
          shard.metrics().counter("kafka_server_socket_server_metrics_connection_creation_total",
                                  "Connections accepted.", labels_of(name_))),
      tasks_(shard.context()) {}

Acceptor::~Acceptor() = default;

void Acceptor::start() {
  tasks_.spawn(accept_loop());
  tasks_.spawn(sweep(), sweeper_);
}

void Acceptor::configure(AcceptorLimits limits) {
  limits_ = std::move(limits);
  rate_.configure(limits_.rate);
  closed_one_.set();  // there may be room now
}

Task<> Acceptor::accept_loop() {
  while (!stopping_ && !tasks_.stopping()) {
    if (count_ >= limits_.max_connections) {
      co_await closed_one_.wait();  // the backlog of the socket holds the others
      continue;
    }
    if (quota_.full() && !limits_.of_nodes) {
      co_await quota_.released().wait();
      continue;
    }
    auto stream = co_await listener_->accept();
    if (!stream) {
      if (stopping_ || tasks_.stopping()) co_return;
      co_await shard_.clock().sleep_for(accept_pause);
      continue;
    }
    co_await keep_rate();
    if (stopping_ || tasks_.stopping()) co_return;
    const runtime::Endpoint peer = (*stream)->peer();
    if (!quota_.admit(peer.host)) {  // destroying the stream closes it
      logging::warn("refused connection listener={} client={}: its address has its share of them",
                    name_, peer.host);
      continue;
    }
    accepted_.add();
    open_connections_.set(static_cast<double>(++count_));
    auto session = service_.open_session(peer);
    auto connection = std::make_unique<Connection>(shard_, tasks_, *std::move(stream),
                                                   std::move(session), memory_, limits_.connection);
    tasks_.spawn(serve(std::move(connection), peer.host));
  }
}

/// Returns when a connection that was accepted just now may be served.
Task<> Acceptor::keep_rate() {
  const Instant now = shard_.clock().now();
  Duration wait = rate_.record(now);
  if (!limits_.of_nodes) wait = std::max(wait, quota_.rate().record(now));
  const Instant until = now + wait;
  while (!stopping_ && !tasks_.stopping() && shard_.clock().now() < until) {
    co_await closed_one_.wait_until(shard_.clock(), until);
  }
}

Task<> Acceptor::serve(std::unique_ptr<Connection> connection, std::string address) {
  open_.push_back(*connection);
  if (stopping_) connection->drain();
  co_await connection->run();
  connection.reset();
  quota_.release(address);
  open_connections_.set(static_cast<double>(--count_));
  closed_one_.set();
}

Task<> Acceptor::sweep() {
  while (co_await shard_.clock().sleep_for(sweep_interval)) {
    const Instant now = shard_.clock().now();
    for (Connection* each = open_.first(); each != nullptr; each = open_.next(*each)) {
      each->look_after(now);
    }
  }
}

Task<> Acceptor::stop(Duration patience) {
  stopping_ = true;
  sweeper_.cancel();
  listener_->close();
  closed_one_.set();
  quota_.released().set();
  for (Connection* each = open_.first(); each != nullptr; each = open_.next(*each)) each->drain();
  const Instant deadline = shard_.clock().now() + patience;
  while (count_ > 0) {
    if (!co_await closed_one_.wait_until(shard_.clock(), deadline)) break;
  }
  for (Connection* each = open_.first(); each != nullptr; each = open_.next(*each)) each->close();
  tasks_.cancel();
  co_await tasks_.join();
}

}  // namespace cairn::transport
