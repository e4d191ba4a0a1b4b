// SPDX-License-Identifier: Apache-2.0
// SyncGroup (key 14), versions 0-5. 3: static members; 5: protocol type and name, checked both
// ways.
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {

runtime::Task<protocol::SyncGroupResponse> handle(Broker& broker, const RequestContext& context,
                                                  protocol::SyncGroupRequest request) {
  constexpr std::int16_t first_with_protocol = 5;
  if (context.version >= first_with_protocol &&
      (!request.protocol_type || !request.protocol_name)) {
    protocol::SyncGroupResponse refused;  // KIP-559: from here on both must be named
    refused.error_code = ErrorCode::inconsistent_group_protocol;
    co_return refused;
  }
  const Instant began = broker.now();
  auto reply = co_await broker.groups.sync(std::move(request));
  context.note_wait(broker.now() - began);
  co_return reply;
}

}  // namespace cairn::broker
