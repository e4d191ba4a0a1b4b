// SPDX-License-Identifier: Apache-2.0
// EndQuorumEpoch (key 54), versions 0-1. 1: candidates with directory ids, and where the leader
// listens.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::EndQuorumEpochResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::EndQuorumEpochRequest request) {
  auto call = [&controller = broker.controller, version = context.version,
               request = std::move(request)]() mutable {
    return controller.end_quorum_epoch(std::move(request), version);
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
