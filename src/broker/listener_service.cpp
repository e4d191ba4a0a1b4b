// SPDX-License-Identifier: Apache-2.0
#include <cairn/broker/listener_service.hpp>

#include "client_session.hpp"

namespace cairn::broker {

ListenerService::ListenerService(Broker& broker, std::string listener_name, ListenerRole role)
    : broker_(broker),
      listener_name_(std::move(listener_name)),
      role_(role),
      metrics_(std::make_unique<RequestMetrics>(broker.metrics)) {}

ListenerService::~ListenerService() = default;

std::unique_ptr<transport::Session> ListenerService::open_session(const runtime::Endpoint& peer) {
  return std::make_unique<ClientSession>(*this, *metrics_, peer);
}

}  // namespace cairn::broker
