// SPDX-License-Identifier: Apache-2.0
// Handlers of what nodes ask of one another: the quorum's own requests and the duties of the active
// controller. All but UnregisterBroker are served on controller listeners alone, on the
// controller's shard. One file an API, with the versions it serves on top.
#pragma once

#include <cairn/broker/broker.hpp>
#include <cairn/broker/request_context.hpp>
#include <cairn/protocol/messages/allocate_producer_ids.hpp>
#include <cairn/protocol/messages/alter_partition.hpp>
#include <cairn/protocol/messages/assign_replicas_to_dirs.hpp>
#include <cairn/protocol/messages/begin_quorum_epoch.hpp>
#include <cairn/protocol/messages/broker_heartbeat.hpp>
#include <cairn/protocol/messages/broker_registration.hpp>
#include <cairn/protocol/messages/controller_registration.hpp>
#include <cairn/protocol/messages/end_quorum_epoch.hpp>
#include <cairn/protocol/messages/envelope.hpp>
#include <cairn/protocol/messages/fetch_snapshot.hpp>
#include <cairn/protocol/messages/unregister_broker.hpp>
#include <cairn/protocol/messages/vote.hpp>

namespace cairn::broker {

runtime::Task<protocol::VoteResponse> handle(Broker&, const RequestContext&, protocol::VoteRequest);
runtime::Task<protocol::BeginQuorumEpochResponse> handle(Broker&, const RequestContext&,
                                                         protocol::BeginQuorumEpochRequest);
runtime::Task<protocol::EndQuorumEpochResponse> handle(Broker&, const RequestContext&,
                                                       protocol::EndQuorumEpochRequest);
runtime::Task<protocol::FetchSnapshotResponse> handle(Broker&, const RequestContext&,
                                                      protocol::FetchSnapshotRequest);
runtime::Task<protocol::BrokerRegistrationResponse> handle(Broker&, const RequestContext&,
                                                           protocol::BrokerRegistrationRequest);
runtime::Task<protocol::BrokerHeartbeatResponse> handle(Broker&, const RequestContext&,
                                                        protocol::BrokerHeartbeatRequest);
runtime::Task<protocol::ControllerRegistrationResponse> handle(
    Broker&, const RequestContext&, protocol::ControllerRegistrationRequest);
runtime::Task<protocol::AlterPartitionResponse> handle(Broker&, const RequestContext&,
                                                       protocol::AlterPartitionRequest);
runtime::Task<protocol::AssignReplicasToDirsResponse> handle(Broker&, const RequestContext&,
                                                             protocol::AssignReplicasToDirsRequest);
runtime::Task<protocol::AllocateProducerIdsResponse> handle(Broker&, const RequestContext&,
                                                            protocol::AllocateProducerIdsRequest);
runtime::Task<protocol::UnregisterBrokerResponse> handle(Broker&, const RequestContext&,
                                                         protocol::UnregisterBrokerRequest);
runtime::Task<protocol::EnvelopeResponse> handle(Broker&, const RequestContext&,
                                                 protocol::EnvelopeRequest);

}  // namespace cairn::broker
