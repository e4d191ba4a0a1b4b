// SPDX-License-Identifier: Apache-2.0
// JoinGroup (key 11), versions 0-9. 1: rebalance timeout; 4: MEMBER_ID_REQUIRED (KIP-394); 5:
// static members (KIP-345); 7: protocol name may be null; 8: reason; 9: skip_assignment (KIP-814).
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {

runtime::Task<protocol::JoinGroupResponse> handle(Broker& broker, const RequestContext& context,
                                                  protocol::JoinGroupRequest request) {
  constexpr std::int16_t first_with_null_protocol = 7;
  group::Caller caller{context.client_id, context.client_host, context.version};
  const Instant began = broker.now();
  auto reply = co_await broker.groups.join(std::move(caller), std::move(request));
  context.note_wait(broker.now() - began);
  if (context.version < first_with_null_protocol && !reply.protocol_name) {
    reply.protocol_name.emplace();
  }
  co_return reply;
}

}  // namespace cairn::broker
