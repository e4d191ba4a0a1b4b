// SPDX-License-Identifier: Apache-2.0
// DescribeGroups (key 15), versions 0-6. 3: authorized operations; 6: GROUP_ID_NOT_FOUND where
// older versions show a dead group without members.
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {

runtime::Task<protocol::DescribeGroupsResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::DescribeGroupsRequest request) {
  // A bit for each ACL operation on a group: READ 3, DELETE 6, DESCRIBE 8, DESCRIBE_CONFIGS 10,
  // ALTER_CONFIGS 11. Without an authorizer everyone may do all of them.
  constexpr std::int32_t all_operations = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;
  protocol::DescribeGroupsResponse reply;
  for (std::string& group : request.groups) {
    auto described = co_await broker.groups.describe(std::move(group), context.version);
    if (request.include_authorized_operations && described.error_code == ErrorCode::none) {
      described.authorized_operations = all_operations;
    }
    reply.groups.push_back(std::move(described));
  }
  co_return reply;
}

}  // namespace cairn::broker
