// SPDX-License-Identifier: Apache-2.0
// AlterPartition (key 56), versions 2-3. 3: broker epochs of the in-sync replicas (KIP-903).
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::AlterPartitionResponse> handle(Broker& broker,
                                                       const RequestContext& context,
                                                       protocol::AlterPartitionRequest request) {
  return ask_controller(broker, &controller::Controller::alter_partition, std::move(request),
                        context.version);
}

}  // namespace cairn::broker
