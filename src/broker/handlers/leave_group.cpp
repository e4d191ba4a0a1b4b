// SPDX-License-Identifier: Apache-2.0
// LeaveGroup (key 13), versions 0-5. Below 3 one member leaves, and its error is the answer's; from
// 3 on several may, each with an error of its own; 5: reason.
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {

runtime::Task<protocol::LeaveGroupResponse> handle(Broker& broker, const RequestContext& context,
                                                   protocol::LeaveGroupRequest request) {
  constexpr std::int16_t first_with_members = 3;
  const bool one = context.version < first_with_members;
  if (one) {
    request.members.resize(1);
    request.members.front().member_id = std::move(request.member_id);
  }
  auto reply = co_await broker.groups.leave(std::move(request));
  if (one && reply.error_code == ErrorCode::none && !reply.members.empty()) {
    reply.error_code = reply.members.front().error_code;
  }
  if (one) reply.members.clear();
  co_return reply;
}

}  // namespace cairn::broker
