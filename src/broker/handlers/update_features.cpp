// SPDX-License-Identifier: Apache-2.0
// UpdateFeatures (key 57), versions 0-2. 1: upgrade types and dry runs; 2: one error for the whole
// request. All features of a request change together or not at all.
#include "admin.hpp"
#include "on_controller.hpp"

namespace cairn::broker {

runtime::Task<protocol::UpdateFeaturesResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::UpdateFeaturesRequest request) {
  auto call = [&controller = broker.controller, version = context.version,
               request = std::move(request)]() mutable {
    return controller.update_features(std::move(request), version);
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
