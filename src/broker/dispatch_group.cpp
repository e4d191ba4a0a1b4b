// SPDX-License-Identifier: Apache-2.0
#include "handlers/group.hpp"
#include "route.hpp"

namespace cairn::broker {

std::span<const Route> group_routes() {
  using namespace protocol;
  static constexpr auto slice =
      routes_of<FindCoordinatorRequest, JoinGroupRequest, SyncGroupRequest, HeartbeatRequest,
                LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest, OffsetDeleteRequest,
                DescribeGroupsRequest, ListGroupsRequest, DeleteGroupsRequest>();
  return slice;
}

}  // namespace cairn::broker
