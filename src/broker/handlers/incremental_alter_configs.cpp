// SPDX-License-Identifier: Apache-2.0
// IncrementalAlterConfigs (key 44), versions 0-1. Set, delete, append to and subtract from single
// keys of topics, brokers, groups and client metrics subscriptions. A broker's own configuration is
// changed through that broker; the rest is decided by the controller (src/metadata/configs.cpp).
#include "admin.hpp"
#include "config_targets.hpp"
#include "on_controller.hpp"

namespace cairn::broker {

runtime::Task<protocol::IncrementalAlterConfigsResponse> handle(
    Broker& broker, const RequestContext& context,
    protocol::IncrementalAlterConfigsRequest request) {
  protocol::IncrementalAlterConfigsResponse refused;
  if (!context.controller_listener) {
    refuse_other_brokers(broker.node_id(), request.resources, refused.responses);
  }
  if (request.resources.empty()) co_return refused;
  auto call = [&controller = broker.controller, request = std::move(request)]() mutable {
    return controller.incremental_alter_configs(std::move(request));
  };
  auto answer = on_controller(broker, std::move(call));
  protocol::IncrementalAlterConfigsResponse response = co_await std::move(answer);
  std::ranges::move(refused.responses, std::back_inserter(response.responses));
  co_return response;
}

}  // namespace cairn::broker
