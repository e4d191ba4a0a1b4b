// SPDX-License-Identifier: Apache-2.0
// ControllerRegistration (key 70), version 0. Standby controllers make themselves known to the
// active one.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::ControllerRegistrationResponse> handle(
    Broker& broker, const RequestContext&, protocol::ControllerRegistrationRequest request) {
  return ask_controller(broker, &controller::Controller::register_controller, std::move(request));
}

}  // namespace cairn::broker
