// SPDX-License-Identifier: Apache-2.0
// DeleteGroups (key 42), versions 0-2. Each group has an error of its own; only empty ones go.
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {

runtime::Task<protocol::DeleteGroupsResponse> handle(Broker& broker, const RequestContext&,
                                                     protocol::DeleteGroupsRequest request) {
  protocol::DeleteGroupsResponse reply;
  for (std::string& group : request.groups_names) {
    reply.results.push_back(co_await broker.groups.delete_group(std::move(group)));
  }
  co_return reply;
}

}  // namespace cairn::broker
