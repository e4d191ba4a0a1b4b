// SPDX-License-Identifier: Apache-2.0
#include "handlers/data.hpp"
#include "route.hpp"

namespace cairn::broker {

std::span<const Route> data_routes() {
  using namespace protocol;
  static constexpr auto slice =
      routes_of<ProduceRequest, FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest,
                DeleteRecordsRequest, InitProducerIdRequest, DescribeProducersRequest,
                DescribeLogDirsRequest, AlterReplicaLogDirsRequest>();
  return slice;
}

}  // namespace cairn::broker
