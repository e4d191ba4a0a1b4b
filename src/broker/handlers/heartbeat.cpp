// SPDX-License-Identifier: Apache-2.0
// Heartbeat (key 12), versions 0-4. 3: static members.
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {

runtime::Task<protocol::HeartbeatResponse> handle(Broker& broker, const RequestContext&,
                                                  protocol::HeartbeatRequest request) {
  return broker.groups.heartbeat(std::move(request));
}

}  // namespace cairn::broker
