// SPDX-License-Identifier: Apache-2.0
// DescribeQuorum (key 55), versions 0-2. 1: times of the last fetch and of the last full one;
// 2: directory ids, endpoints, messages. Answered by the quorum's leader, on both kinds of
// listener.
#include "admin.hpp"
#include "on_controller.hpp"

namespace cairn::broker {

runtime::Task<protocol::DescribeQuorumResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::DescribeQuorumRequest request) {
  auto call = [&controller = broker.controller, version = context.version,
               request = std::move(request)]() mutable {
    return controller.describe_quorum(std::move(request), version);
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
