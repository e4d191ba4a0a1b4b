// SPDX-License-Identifier: Apache-2.0
// ListGroups (key 16), versions 0-5. 4: filter by state; 5: filter by type.
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {

runtime::Task<protocol::ListGroupsResponse> handle(Broker& broker, const RequestContext&,
                                                   protocol::ListGroupsRequest request) {
  return broker.groups.list(std::move(request));
}

}  // namespace cairn::broker
