// SPDX-License-Identifier: Apache-2.0
// The way from this broker to the active controller, as far as replication needs it. Whoever
// implements it finds the controller, tries again where that is safe, and gives up in time.
// Owner: the node; used on the data shard and outlives its PartitionTable.
#pragma once

#include <cairn/base/result.hpp>
#include <cairn/protocol/messages/alter_partition.hpp>
#include <cairn/runtime/task.hpp>

namespace cairn::partition {

class ControllerChannel {
 public:
  virtual ~ControllerChannel() = default;
  /// Sends at version 3 (members with their broker epochs). An error says that the outcome is not
  /// known; the request is then sent again, which the controller's epochs make harmless.
  virtual runtime::Task<Result<protocol::AlterPartitionResponse>> alter_partition(
      protocol::AlterPartitionRequest request) = 0;
};

}  // namespace cairn::partition
