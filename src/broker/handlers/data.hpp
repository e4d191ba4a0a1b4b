// SPDX-License-Identifier: Apache-2.0
// The handlers of the data path and of what asks about logs. Each stands in a file of its own,
// named after its API, with the versions it serves on top. They own nothing; a Broker outlives
// them.
#pragma once

#include <cairn/broker/broker.hpp>
#include <cairn/broker/request_context.hpp>
#include <cairn/protocol/messages/alter_replica_log_dirs.hpp>
#include <cairn/protocol/messages/delete_records.hpp>
#include <cairn/protocol/messages/describe_log_dirs.hpp>
#include <cairn/protocol/messages/describe_producers.hpp>
#include <cairn/protocol/messages/fetch.hpp>
#include <cairn/protocol/messages/init_producer_id.hpp>
#include <cairn/protocol/messages/list_offsets.hpp>
#include <cairn/protocol/messages/offset_for_leader_epoch.hpp>
#include <cairn/protocol/messages/produce.hpp>

namespace cairn::broker {

runtime::Task<protocol::ProduceResponse> handle(Broker&, const RequestContext&,
                                                protocol::ProduceRequest);
runtime::Task<protocol::FetchResponse> handle(Broker&, const RequestContext&,
                                              protocol::FetchRequest);
runtime::Task<protocol::ListOffsetsResponse> handle(Broker&, const RequestContext&,
                                                    protocol::ListOffsetsRequest);
runtime::Task<protocol::OffsetForLeaderEpochResponse> handle(Broker&, const RequestContext&,
                                                             protocol::OffsetForLeaderEpochRequest);
runtime::Task<protocol::DeleteRecordsResponse> handle(Broker&, const RequestContext&,
                                                      protocol::DeleteRecordsRequest);
runtime::Task<protocol::InitProducerIdResponse> handle(Broker&, const RequestContext&,
                                                       protocol::InitProducerIdRequest);
runtime::Task<protocol::DescribeProducersResponse> handle(Broker&, const RequestContext&,
                                                          protocol::DescribeProducersRequest);
runtime::Task<protocol::DescribeLogDirsResponse> handle(Broker&, const RequestContext&,
                                                        protocol::DescribeLogDirsRequest);
runtime::Task<protocol::AlterReplicaLogDirsResponse> handle(Broker&, const RequestContext&,
                                                            protocol::AlterReplicaLogDirsRequest);

}  // namespace cairn::broker
