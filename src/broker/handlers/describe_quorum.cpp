// SPDX-License-Identifier: Apache-2.0
// DescribeQuorum (key 55), versions 0-2. 1: times of the last fetch and of the last full one;
// 2: directory ids, endpoints, messages. Answered by the quorum's leader, on both kinds of
// listener.
#include "admin.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::DescribeQuorumResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::DescribeQuorumRequest request) {
  auto local = [](controller::Controller& controller, protocol::DescribeQuorumRequest wanted,
                  std::int16_t version) {
    return controller.describe_quorum(std::move(wanted), version);
  };
  co_return co_await on_active_controller(broker, context, std::move(request), local);
}

}  // namespace cairn::broker
