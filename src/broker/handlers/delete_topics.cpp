// SPDX-License-Identifier: Apache-2.0
// DeleteTopics (key 20), versions 1-6. 5: messages; 6: topics by id. Topic deletion can
// be switched off (delete.topic.enable).
#include "admin.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::DeleteTopicsResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::DeleteTopicsRequest request) {
  auto local = [](controller::Controller& controller, protocol::DeleteTopicsRequest wanted,
                  std::int16_t version) {
    return controller.delete_topics(std::move(wanted), version);
  };
  co_return co_await on_active_controller(broker, context, std::move(request), local);
}

}  // namespace cairn::broker
