// SPDX-License-Identifier: Apache-2.0
// BrokerHeartbeat (key 63), versions 0-2. 1: offline directories; 2: cordoned ones.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::BrokerHeartbeatResponse> handle(Broker& broker, const RequestContext&,
                                                        protocol::BrokerHeartbeatRequest request) {
  return ask_controller(broker, &controller::Controller::broker_heartbeat, std::move(request));
}

}  // namespace cairn::broker
