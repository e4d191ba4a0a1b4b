// SPDX-License-Identifier: Apache-2.0
// Moves of partitions to other replicas (KIP-455). A move begins with a record that adds the new
// replicas to the old ones; it ends with the record that takes the old ones out, once those that
// were added are in sync (PartitionChange sees to that whenever the ISR changes):
//
//   [1 2] --to [3 2]--> [3 2 1] adding 3, removing 1 --3 in sync--> [3 2]
//                               '--cancelled--> [2 1]
//
// Decisions look at the newest appended Image and return records and the answer, with Kafka's error
// codes and messages, a partition at a time.
#pragma once

#include <cairn/config/server_config.hpp>
#include <cairn/metadata/decision.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/protocol/messages/alter_partition_reassignments.hpp>
#include <cairn/protocol/messages/list_partition_reassignments.hpp>

namespace cairn::metadata {

Decision<protocol::AlterPartitionReassignmentsResponse> alter_partition_reassignments(
    const Image& image, const config::ServerConfig& server,
    const protocol::AlterPartitionReassignmentsRequest& request);

/// Has no records.
Decision<protocol::ListPartitionReassignmentsResponse> list_partition_reassignments(
    const Image& image, const protocol::ListPartitionReassignmentsRequest& request);

}  // namespace cairn::metadata
