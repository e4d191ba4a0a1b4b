// SPDX-License-Identifier: Apache-2.0
// CreateTopics (key 19), versions 2-7. 5: partition count, replication factor
// and configurations in the answer; 7: the topic id. What a topic may be is decided by the
// controller (src/metadata/create_topics.cpp); the answer comes when the change is committed and
// applied here.
#include "admin.hpp"
#include "on_controller.hpp"

namespace cairn::broker {

runtime::Task<protocol::CreateTopicsResponse> handle(Broker& broker, const RequestContext&,
                                                     protocol::CreateTopicsRequest request) {
  auto call = [&controller = broker.controller, request = std::move(request)]() mutable {
    return controller.create_topics(std::move(request));
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
