// SPDX-License-Identifier: Apache-2.0
#include "control_side.hpp"

namespace cairn::server {

ControlSide::ControlSide(broker::Broker::Parts parts, runtime::Network& network,
                         std::vector<Socket> sockets, transport::AcceptorLimits limits)
    : broker_(std::move(parts)),
      watch_(network, broker_.config, broker_.controller),
      effective_(std::make_shared<const config::ServerConfig>(broker_.config)) {
  for (Socket& socket : sockets) {
    auto service = std::make_unique<broker::ListenerService>(broker_, socket.name,
                                                             broker::ListenerRole::controller);
    services_.push_back(std::make_unique<WatchedService>(std::move(service), watch_));
    acceptors_.push_back(std::make_unique<transport::Acceptor>(
        broker_.shard, socket.name, std::move(socket.listener), *services_.back(), memory_, quota_,
        limits));
  }
}

void ControlSide::start() {
  for (auto& acceptor : acceptors_) acceptor->start();
}

runtime::Task<> ControlSide::stop(Duration patience) {
  co_await watch_.stop();
  for (auto& acceptor : acceptors_) co_await acceptor->stop(patience);
}

void ControlSide::publish(std::shared_ptr<const metadata::Image> image) {
  using metadata::ResourceType;
  auto own = image->overrides(ResourceType::broker, fmt::format("{}", broker_.node_id()));
  auto all = image->overrides(ResourceType::broker, "");
  const bool same = own_ && all_ && *own == *own_ && *all == *all_;
  if (!same) {
    effective_ = std::make_shared<const config::ServerConfig>(
        config::with_dynamic(broker_.config, *own, *all));
    own_ = std::move(own);
    all_ = std::move(all);
  }
  broker_.set_kraft_version(broker_.controller.kraft_version());
  watch_.publish(image);
  broker_.publish(std::move(image), effective_);
}

}  // namespace cairn::server
