// SPDX-License-Identifier: Apache-2.0
// BrokerRegistration (key 62), versions 0-4. 1-2: directories; 3: the epoch of the life before. The
// answer comes when the registration is committed.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::BrokerRegistrationResponse> handle(
    Broker& broker, const RequestContext&, protocol::BrokerRegistrationRequest request) {
  return ask_controller(broker, &controller::Controller::register_broker, std::move(request));
}

}  // namespace cairn::broker
