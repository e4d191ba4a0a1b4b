// SPDX-License-Identifier: Apache-2.0
// CreateTopics (key 19), versions 2-7. 5: partition count, replication factor
// and configurations in the answer; 7: the topic id. What a topic may be is decided by the
// controller (src/metadata/create_topics.cpp); the answer comes when the change is committed and
// applied here.
#include "admin.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::CreateTopicsResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::CreateTopicsRequest request) {
  auto local = [](controller::Controller& controller, protocol::CreateTopicsRequest wanted,
                  std::int16_t) { return controller.create_topics(std::move(wanted)); };
  co_return co_await on_active_controller(broker, context, std::move(request), local);
}

}  // namespace cairn::broker
