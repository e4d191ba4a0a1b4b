// SPDX-License-Identifier: Apache-2.0
// AllocateProducerIds (key 67), version 0. A block of producer ids for a broker.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::AllocateProducerIdsResponse> handle(
    Broker& broker, const RequestContext&, protocol::AllocateProducerIdsRequest request) {
  auto call = [&controller = broker.controller, request = std::move(request)]() mutable {
    return controller.allocate_producer_ids(std::move(request));
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
