// SPDX-License-Identifier: Apache-2.0
// FetchSnapshot (key 59), versions 0-1. 1: the directory id of who asks. A piece of a snapshot of
// the metadata log, as it lies on disk.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::FetchSnapshotResponse> handle(Broker& broker, const RequestContext& context,
                                                      protocol::FetchSnapshotRequest request) {
  auto call = [&controller = broker.controller, version = context.version,
               request = std::move(request)]() mutable {
    return controller.fetch_snapshot(std::move(request), version);
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
