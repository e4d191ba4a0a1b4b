// SPDX-License-Identifier: Apache-2.0
// BrokerHeartbeat (key 63), versions 0-2. 1: offline directories; 2: cordoned ones.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::BrokerHeartbeatResponse> handle(Broker& broker, const RequestContext&,
                                                        protocol::BrokerHeartbeatRequest request) {
  auto call = [&controller = broker.controller, request = std::move(request)]() mutable {
    return controller.broker_heartbeat(std::move(request));
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
