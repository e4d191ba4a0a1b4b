// SPDX-License-Identifier: Apache-2.0
// ListPartitionReassignments (key 46), version 0. The moves that have not ended, as the active
// controller knows them.
#include "admin.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::ListPartitionReassignmentsResponse> handle(
    Broker& broker, const RequestContext& context,
    protocol::ListPartitionReassignmentsRequest request) {
  auto local = [](controller::Controller& controller,
                  protocol::ListPartitionReassignmentsRequest wanted, std::int16_t) {
    return controller.list_partition_reassignments(std::move(wanted));
  };
  co_return co_await on_active_controller(broker, context, std::move(request), local);
}

}  // namespace cairn::broker
