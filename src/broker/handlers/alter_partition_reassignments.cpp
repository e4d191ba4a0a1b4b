// SPDX-License-Identifier: Apache-2.0
// AlterPartitionReassignments (key 45), versions 0-1. 1: a request may forbid that the number of
// replicas changes (KIP-860). Begins and cancels moves; they end by themselves.
#include "admin.hpp"
#include "forward.hpp"

namespace cairn::broker {

runtime::Task<protocol::AlterPartitionReassignmentsResponse> handle(
    Broker& broker, const RequestContext& context,
    protocol::AlterPartitionReassignmentsRequest request) {
  auto local = [](controller::Controller& controller,
                  protocol::AlterPartitionReassignmentsRequest wanted, std::int16_t) {
    return controller.alter_partition_reassignments(std::move(wanted));
  };
  co_return co_await on_active_controller(broker, context, std::move(request), local);
}

}  // namespace cairn::broker
