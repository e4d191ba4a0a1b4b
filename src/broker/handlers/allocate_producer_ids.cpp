// SPDX-License-Identifier: Apache-2.0
// AllocateProducerIds (key 67), version 0. A block of producer ids for a broker.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::AllocateProducerIdsResponse> handle(
    Broker& broker, const RequestContext&, protocol::AllocateProducerIdsRequest request) {
  return ask_controller(broker, &controller::Controller::allocate_producer_ids, std::move(request));
}

}  // namespace cairn::broker
