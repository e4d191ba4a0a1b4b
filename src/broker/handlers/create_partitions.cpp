// SPDX-License-Identifier: Apache-2.0
// CreatePartitions (key 37), versions 0-3. Partitions are only ever added.
#include "admin.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::CreatePartitionsResponse> handle(
    Broker& broker, const RequestContext& context, protocol::CreatePartitionsRequest request) {
  auto local = [](controller::Controller& controller, protocol::CreatePartitionsRequest wanted,
                  std::int16_t) { return controller.create_partitions(std::move(wanted)); };
  co_return co_await on_active_controller(broker, context, std::move(request), local);
}

}  // namespace cairn::broker
