// SPDX-License-Identifier: Apache-2.0
// FetchSnapshot (key 59), versions 0-1. 1: the directory id of who asks. A piece of a snapshot of
// the metadata log, as it lies on disk.
#include "on_controller.hpp"
#include "quorum.hpp"

namespace cairn::broker {

runtime::Task<protocol::FetchSnapshotResponse> handle(Broker& broker, const RequestContext& context,
                                                      protocol::FetchSnapshotRequest request) {
  return ask_controller(broker, &controller::Controller::fetch_snapshot, std::move(request),
                        context.version);
}

}  // namespace cairn::broker
