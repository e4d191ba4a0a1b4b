// SPDX-License-Identifier: Apache-2.0
// Handlers of the group coordinator's APIs, one file an API in this folder. They check what only
// the metadata can tell (topics, ids), translate versions, and leave the rest to GroupCoordinator.
#pragma once

#include <cairn/broker/broker.hpp>
#include <cairn/protocol/messages/delete_groups.hpp>
#include <cairn/protocol/messages/describe_groups.hpp>
#include <cairn/protocol/messages/find_coordinator.hpp>
#include <cairn/protocol/messages/heartbeat.hpp>
#include <cairn/protocol/messages/join_group.hpp>
#include <cairn/protocol/messages/leave_group.hpp>
#include <cairn/protocol/messages/list_groups.hpp>
#include <cairn/protocol/messages/offset_commit.hpp>
#include <cairn/protocol/messages/offset_delete.hpp>
#include <cairn/protocol/messages/offset_fetch.hpp>
#include <cairn/protocol/messages/sync_group.hpp>

namespace cairn::broker {

runtime::Task<protocol::FindCoordinatorResponse> handle(Broker& broker,
                                                        const RequestContext& context,
                                                        protocol::FindCoordinatorRequest request);
runtime::Task<protocol::JoinGroupResponse> handle(Broker& broker, const RequestContext& context,
                                                  protocol::JoinGroupRequest request);
runtime::Task<protocol::SyncGroupResponse> handle(Broker& broker, const RequestContext& context,
                                                  protocol::SyncGroupRequest request);
runtime::Task<protocol::HeartbeatResponse> handle(Broker& broker, const RequestContext& context,
                                                  protocol::HeartbeatRequest request);
runtime::Task<protocol::LeaveGroupResponse> handle(Broker& broker, const RequestContext& context,
                                                   protocol::LeaveGroupRequest request);
runtime::Task<protocol::OffsetCommitResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::OffsetCommitRequest request);
runtime::Task<protocol::OffsetFetchResponse> handle(Broker& broker, const RequestContext& context,
                                                    protocol::OffsetFetchRequest request);
runtime::Task<protocol::OffsetDeleteResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::OffsetDeleteRequest request);
runtime::Task<protocol::DescribeGroupsResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::DescribeGroupsRequest request);
runtime::Task<protocol::ListGroupsResponse> handle(Broker& broker, const RequestContext& context,
                                                   protocol::ListGroupsRequest request);
runtime::Task<protocol::DeleteGroupsResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::DeleteGroupsRequest request);

}  // namespace cairn::broker
