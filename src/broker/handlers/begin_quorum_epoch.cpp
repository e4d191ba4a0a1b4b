// SPDX-License-Identifier: Apache-2.0
// BeginQuorumEpoch (key 53), versions 0-1. 1: directory ids and where the new leader listens.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::BeginQuorumEpochResponse> handle(
    Broker& broker, const RequestContext& context, protocol::BeginQuorumEpochRequest request) {
  auto call = [&controller = broker.controller, version = context.version,
               request = std::move(request)]() mutable {
    return controller.begin_quorum_epoch(std::move(request), version);
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
