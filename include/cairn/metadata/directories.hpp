// SPDX-License-Identifier: Apache-2.0
// Which log directory holds which replica, as brokers report it (KIP-858). Decisions look at the
// newest appended Image and return records and the answer.
#pragma once

#include <cairn/metadata/decision.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/protocol/messages/assign_replicas_to_dirs.hpp>

namespace cairn::metadata {

/// stale_broker_epoch and unsupported_version refuse the whole; a partition that is unknown, or not
/// the broker's, only itself.
Decision<protocol::AssignReplicasToDirsResponse> assign_replicas_to_dirs(
    const Image& image, const protocol::AssignReplicasToDirsRequest& request);

}  // namespace cairn::metadata
