// SPDX-License-Identifier: Apache-2.0
// CreatePartitions (key 37), versions 0-3. Partitions are only ever added.
#include "admin.hpp"
#include "on_controller.hpp"

namespace cairn::broker {

runtime::Task<protocol::CreatePartitionsResponse> handle(
    Broker& broker, const RequestContext&, protocol::CreatePartitionsRequest request) {
  auto call = [&controller = broker.controller, request = std::move(request)]() mutable {
    return controller.create_partitions(std::move(request));
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
