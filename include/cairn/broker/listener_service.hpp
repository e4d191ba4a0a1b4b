// SPDX-License-Identifier: Apache-2.0
// Serves one listener's connections with the broker's handlers: a session a connection, a table
// from API key to decode, handle, encode, and Kafka's rules for requests that cannot be served.
// Owner: server::Node; outlives the Acceptor that uses it.
#pragma once

#include <memory>
#include <string>

#include <cairn/broker/broker.hpp>
#include <cairn/transport/session.hpp>

namespace cairn::broker {

class RequestMetrics;

enum class ListenerRole { broker, controller };

class ListenerService : public transport::Service {
 public:
  ListenerService(Broker& broker, std::string listener_name, ListenerRole role);
  ~ListenerService() override;

  std::unique_ptr<transport::Session> open_session(const runtime::Endpoint& peer) override;

  Broker& broker() { return broker_; }
  const std::string& listener_name() const { return listener_name_; }
  ListenerRole role() const { return role_; }

 private:
  Broker& broker_;
  std::string listener_name_;
  ListenerRole role_;
  std::unique_ptr<RequestMetrics> metrics_;
};

}  // namespace cairn::broker
