// SPDX-License-Identifier: Apache-2.0
// What replication asks of the active controller, from the data shard: by a call where this node
// is that controller, else over the network. While nobody is known to lead, or the connection
// breaks, it asks again, for some seconds; after that the asker looks whether it still wants it.
// Owner: Node::Parts.
#pragma once

#include <memory>

#include <cairn/controller/controller.hpp>
#include <cairn/partition/controller_channel.hpp>

namespace cairn::server {

class ToController : public partition::ControllerChannel {
 public:
  ToController(runtime::Shard& data, controller::Controller& controller)
      : data_(data), controller_(controller) {}

  runtime::Task<Result<protocol::AlterPartitionResponse>> alter_partition(
      protocol::AlterPartitionRequest request) override;

 private:
  runtime::Shard& data_;
  controller::Controller& controller_;
};

}  // namespace cairn::server
