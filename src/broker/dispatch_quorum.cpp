// SPDX-License-Identifier: Apache-2.0
#include "handlers/quorum.hpp"
#include "route.hpp"

namespace cairn::broker {

std::span<const Route> quorum_routes() {
  using namespace protocol;
  static constexpr auto slice =
      routes_of<VoteRequest, BeginQuorumEpochRequest, EndQuorumEpochRequest, AlterPartitionRequest,
                EnvelopeRequest, FetchSnapshotRequest, BrokerRegistrationRequest,
                BrokerHeartbeatRequest, UnregisterBrokerRequest, AllocateProducerIdsRequest,
                ControllerRegistrationRequest, AssignReplicasToDirsRequest>();
  return slice;
}

}  // namespace cairn::broker
