// SPDX-License-Identifier: Apache-2.0
// AlterPartition (key 56), versions 2-3. 3: broker epochs of the in-sync replicas (KIP-903).
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::AlterPartitionResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::AlterPartitionRequest request) {
  auto call = [&controller = broker.controller, version = context.version,
               request = std::move(request)]() mutable {
    return controller.alter_partition(std::move(request), version);
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
