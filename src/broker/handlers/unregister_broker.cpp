// SPDX-License-Identifier: Apache-2.0
// UnregisterBroker (key 64), version 0. Takes a broker that is gone for good out of the metadata.
#include "forward.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::UnregisterBrokerResponse> handle(
    Broker& broker, const RequestContext& context, protocol::UnregisterBrokerRequest request) {
  auto local = [](controller::Controller& controller, protocol::UnregisterBrokerRequest wanted,
                  std::int16_t) { return controller.unregister_broker(wanted); };
  co_return co_await on_active_controller(broker, context, std::move(request), local);
}

}  // namespace cairn::broker
