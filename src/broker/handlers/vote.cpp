// SPDX-License-Identifier: Apache-2.0
// Vote (key 52), versions 0-2. 1: directory ids and which voter is meant; 2: pre-votes (KIP-996).
// Decided by the quorum node (src/raft/node_requests.cpp); a granted vote is durable before it is
// told.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::VoteResponse> handle(Broker& broker, const RequestContext& context,
                                             protocol::VoteRequest request) {
  return ask_controller(broker, &controller::Controller::vote, std::move(request), context.version);
}

}  // namespace cairn::broker
