// SPDX-License-Identifier: Apache-2.0
// EndQuorumEpoch (key 54), versions 0-1. 1: candidates with directory ids, and where the leader
// listens.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::EndQuorumEpochResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::EndQuorumEpochRequest request) {
  return ask_controller(broker, &controller::Controller::end_quorum_epoch, std::move(request),
                        context.version);
}

}  // namespace cairn::broker
