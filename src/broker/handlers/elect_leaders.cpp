// SPDX-License-Identifier: Apache-2.0
// ElectLeaders (key 43), versions 0-2. 1: unclean elections, and an error for the whole. By hand;
// what the controller elects by itself needs no request.
#include "admin.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::ElectLeadersResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::ElectLeadersRequest request) {
  auto local = [](controller::Controller& controller, protocol::ElectLeadersRequest wanted,
                  std::int16_t) { return controller.elect_leaders(std::move(wanted)); };
  co_return co_await on_active_controller(broker, context, std::move(request), local);
}

}  // namespace cairn::broker
