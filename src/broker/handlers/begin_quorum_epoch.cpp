// SPDX-License-Identifier: Apache-2.0
// BeginQuorumEpoch (key 53), versions 0-1. 1: directory ids and where the new leader listens.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::BeginQuorumEpochResponse> handle(
    Broker& broker, const RequestContext& context, protocol::BeginQuorumEpochRequest request) {
  return ask_controller(broker, &controller::Controller::begin_quorum_epoch, std::move(request),
                        context.version);
}

}  // namespace cairn::broker
