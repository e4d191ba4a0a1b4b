// SPDX-License-Identifier: Apache-2.0
// UpdateFeatures (key 57), versions 0-2. 1: upgrade types and dry runs; 2: one error for the whole
// request. All features of a request change together or not at all.
#include "admin.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::UpdateFeaturesResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::UpdateFeaturesRequest request) {
  auto local = [](controller::Controller& controller, protocol::UpdateFeaturesRequest wanted,
                  std::int16_t version) {
    return controller.update_features(std::move(wanted), version);
  };
  co_return co_await on_active_controller(broker, context, std::move(request), local);
}

}  // namespace cairn::broker
