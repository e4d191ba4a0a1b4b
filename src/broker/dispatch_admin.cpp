// SPDX-License-Identifier: Apache-2.0
#include "handlers/admin.hpp"
#include "route.hpp"

namespace cairn::broker {

std::span<const Route> admin_routes() {
  using namespace protocol;
  static constexpr auto slice =
      routes_of<AlterConfigsRequest, AlterPartitionReassignmentsRequest, CreatePartitionsRequest,
                CreateTopicsRequest, DeleteTopicsRequest, DescribeClusterRequest,
                DescribeConfigsRequest, DescribeQuorumRequest, DescribeTopicPartitionsRequest,
                ElectLeadersRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest,
                ListPartitionReassignmentsRequest, MetadataRequest, UpdateFeaturesRequest>();
  return slice;
}

}  // namespace cairn::broker
