// SPDX-License-Identifier: Apache-2.0
// AssignReplicasToDirs (key 73), version 0. Where a broker's replicas lie (KIP-858).
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::AssignReplicasToDirsResponse> handle(
    Broker& broker, const RequestContext&, protocol::AssignReplicasToDirsRequest request) {
  auto call = [&controller = broker.controller, request = std::move(request)]() mutable {
    return controller.assign_replicas_to_dirs(std::move(request));
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
