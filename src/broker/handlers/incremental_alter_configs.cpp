// SPDX-License-Identifier: Apache-2.0
// IncrementalAlterConfigs (key 44), versions 0-1. Set, delete, append to and subtract from single
// keys of topics, brokers, groups and client metrics subscriptions. A broker's own configuration is
// changed through that broker; the rest is decided by the controller (src/metadata/configs.cpp).
#include "admin.hpp"
#include "config_targets.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::IncrementalAlterConfigsResponse> handle(
    Broker& broker, const RequestContext& context,
    protocol::IncrementalAlterConfigsRequest request) {
  protocol::IncrementalAlterConfigsResponse refused;
  if (!context.controller_listener) {
    refuse_other_brokers(broker.node_id(), request.resources, refused.responses);
  }
  if (request.resources.empty()) co_return refused;
  auto local = [](controller::Controller& controller,
                  protocol::IncrementalAlterConfigsRequest wanted,
                  std::int16_t) { return controller.incremental_alter_configs(std::move(wanted)); };
  protocol::IncrementalAlterConfigsResponse response =
      co_await on_active_controller(broker, context, std::move(request), local);
  std::ranges::move(refused.responses, std::back_inserter(response.responses));
  co_return response;
}

}  // namespace cairn::broker
