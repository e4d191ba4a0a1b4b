// SPDX-License-Identifier: Apache-2.0
// ControllerRegistration (key 70), version 0. Standby controllers make themselves known to the
// active one.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::ControllerRegistrationResponse> handle(
    Broker& broker, const RequestContext&, protocol::ControllerRegistrationRequest request) {
  auto call = [&controller = broker.controller, request = std::move(request)]() mutable {
    return controller.register_controller(std::move(request));
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
