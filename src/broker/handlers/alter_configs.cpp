// SPDX-License-Identifier: Apache-2.0
// AlterConfigs (key 33), versions 0-2. Replaces all that is set for a resource (deprecated since
// Kafka 2.3, still used). A broker's own configuration is changed through that broker; the rest is
// decided by the controller (src/metadata/configs.cpp).
#include "admin.hpp"
#include "config_targets.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::AlterConfigsResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::AlterConfigsRequest request) {
  protocol::AlterConfigsResponse refused;
  if (!context.controller_listener) {
    refuse_other_brokers(broker.node_id(), request.resources, refused.responses);
  }
  if (request.resources.empty()) co_return refused;
  auto local = [](controller::Controller& controller, protocol::AlterConfigsRequest wanted,
                  std::int16_t) { return controller.alter_configs(std::move(wanted)); };
  protocol::AlterConfigsResponse response =
      co_await on_active_controller(broker, context, std::move(request), local);
  std::ranges::move(refused.responses, std::back_inserter(response.responses));
  co_return response;
}

}  // namespace cairn::broker
