// SPDX-License-Identifier: Apache-2.0
// DeleteTopics (key 20), versions 1-6. 5: messages; 6: topics by id. Topic deletion can
// be switched off (delete.topic.enable).
#include "admin.hpp"
#include "on_controller.hpp"

namespace cairn::broker {

runtime::Task<protocol::DeleteTopicsResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::DeleteTopicsRequest request) {
  auto call = [&controller = broker.controller, version = context.version,
               request = std::move(request)]() mutable {
    return controller.delete_topics(std::move(request), version);
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
