// SPDX-License-Identifier: Apache-2.0
// AssignReplicasToDirs (key 73), version 0. Where a broker's replicas lie (KIP-858).
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::AssignReplicasToDirsResponse> handle(
    Broker& broker, const RequestContext&, protocol::AssignReplicasToDirsRequest request) {
  return ask_controller(broker, &controller::Controller::assign_replicas_to_dirs,
                        std::move(request));
}

}  // namespace cairn::broker
