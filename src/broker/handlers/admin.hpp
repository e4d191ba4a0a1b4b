// SPDX-License-Identifier: Apache-2.0
// Handlers that read the metadata image (Metadata, DescribeCluster, DescribeTopicPartitions,
// DescribeConfigs, ListConfigResources) and those that have the controller decide. One file an API,
// with the versions it serves on top. They own nothing; a Broker outlives them.
#pragma once

#include <cairn/broker/broker.hpp>
#include <cairn/broker/request_context.hpp>
#include <cairn/protocol/messages/alter_configs.hpp>
#include <cairn/protocol/messages/alter_partition_reassignments.hpp>
#include <cairn/protocol/messages/create_partitions.hpp>
#include <cairn/protocol/messages/create_topics.hpp>
#include <cairn/protocol/messages/delete_topics.hpp>
#include <cairn/protocol/messages/describe_cluster.hpp>
#include <cairn/protocol/messages/describe_configs.hpp>
#include <cairn/protocol/messages/describe_quorum.hpp>
#include <cairn/protocol/messages/describe_topic_partitions.hpp>
#include <cairn/protocol/messages/elect_leaders.hpp>
#include <cairn/protocol/messages/incremental_alter_configs.hpp>
#include <cairn/protocol/messages/list_config_resources.hpp>
#include <cairn/protocol/messages/list_partition_reassignments.hpp>
#include <cairn/protocol/messages/metadata.hpp>
#include <cairn/protocol/messages/update_features.hpp>

namespace cairn::broker {

runtime::Task<protocol::MetadataResponse> handle(Broker& broker, const RequestContext& context,
                                                 protocol::MetadataRequest request);
runtime::Task<protocol::DescribeClusterResponse> handle(Broker& broker,
                                                        const RequestContext& context,
                                                        protocol::DescribeClusterRequest request);
runtime::Task<protocol::DescribeTopicPartitionsResponse> handle(
    Broker& broker, const RequestContext& context,
    protocol::DescribeTopicPartitionsRequest request);
runtime::Task<protocol::CreateTopicsResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::CreateTopicsRequest request);
runtime::Task<protocol::DeleteTopicsResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::DeleteTopicsRequest request);
runtime::Task<protocol::CreatePartitionsResponse> handle(Broker& broker,
                                                         const RequestContext& context,
                                                         protocol::CreatePartitionsRequest request);
runtime::Task<protocol::ElectLeadersResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::ElectLeadersRequest request);
runtime::Task<protocol::AlterPartitionReassignmentsResponse> handle(
    Broker& broker, const RequestContext& context,
    protocol::AlterPartitionReassignmentsRequest request);
runtime::Task<protocol::ListPartitionReassignmentsResponse> handle(
    Broker& broker, const RequestContext& context,
    protocol::ListPartitionReassignmentsRequest request);
runtime::Task<protocol::DescribeConfigsResponse> handle(Broker& broker,
                                                        const RequestContext& context,
                                                        protocol::DescribeConfigsRequest request);
runtime::Task<protocol::AlterConfigsResponse> handle(Broker& broker, const RequestContext& context,
                                                     protocol::AlterConfigsRequest request);
runtime::Task<protocol::IncrementalAlterConfigsResponse> handle(
    Broker& broker, const RequestContext& context,
    protocol::IncrementalAlterConfigsRequest request);
runtime::Task<protocol::ListConfigResourcesResponse> handle(
    Broker& broker, const RequestContext& context, protocol::ListConfigResourcesRequest request);
runtime::Task<protocol::DescribeQuorumResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::DescribeQuorumRequest request);
runtime::Task<protocol::UpdateFeaturesResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::UpdateFeaturesRequest request);

}  // namespace cairn::broker
