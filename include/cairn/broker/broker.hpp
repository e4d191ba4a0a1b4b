// SPDX-License-Identifier: Apache-2.0
// What every handler is given: the parts of this node, by reference, and the newest Image that its
// data shard has seen. A handler is a free function in src/broker/handlers, one file an API:
//
//   runtime::Task<protocol::XResponse> handle(Broker&, const RequestContext&, protocol::XRequest);
//
// Records in the request point into its frame, which lives until the handler's task ends. Where an
// API has a throttle_time_ms, zero is right. Owner: server::Node, one a data shard, and one on the
// controller's shard for the controller listener (its handlers touch no partition and no group);
// used on its shard alone.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/broker/producer_ids.hpp>
#include <cairn/broker/request_context.hpp>
#include <cairn/broker/traffic.hpp>
#include <cairn/config/server_config.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::partition {
class PartitionTable;
}
namespace cairn::coordinator {
class GroupCoordinator;
}
namespace cairn::controller {
class Controller;
}

namespace cairn::broker {

class Broker {
 public:
  /// A node without the broker role has them too, empty.
  struct Parts {
    const config::ServerConfig& config;
    runtime::Shard& shard;
    runtime::Shard& controller_shard;
    partition::PartitionTable& partitions;
    coordinator::GroupCoordinator& groups;
    controller::Controller& controller;
    std::string cluster_id;
  };

  explicit Broker(Parts parts)
      : config(parts.config),
        shard(parts.shard),
        controller_shard(parts.controller_shard),
        partitions(parts.partitions),
        groups(parts.groups),
        controller(parts.controller),
        metrics(parts.shard.metrics()),
        traffic(parts.shard.metrics()),
        cluster_id(std::move(parts.cluster_id)),
        image_(std::make_shared<metadata::Image>()),
        effective_config_(std::make_shared<const config::ServerConfig>(parts.config)) {}
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// As at start: for what cannot change while the node runs.
  const config::ServerConfig& config;
  runtime::Shard& shard;
  runtime::Shard& controller_shard;
  partition::PartitionTable& partitions;
  coordinator::GroupCoordinator& groups;
  controller::Controller& controller;
  Metrics& metrics;
  Traffic traffic;
  ProducerIds producer_ids;
  std::string cluster_id;  // empty while an empty node looks for its cluster

  BrokerId node_id() const { return config.node_id; }
  Instant now() const { return shard.clock().now(); }

  /// Never null; the newest one applied on this shard. Hold the pointer across co_await, not this.
  std::shared_ptr<const metadata::Image> image() const { return image_; }
  /// Called in order, after the partitions and the groups have applied it.
  void publish(std::shared_ptr<const metadata::Image> image,
               std::shared_ptr<const config::ServerConfig> effective) {
    image_ = std::move(image);
    effective_config_ = std::move(effective);
  }
  /// The configuration that holds by image(), what was set at run time included. Never null.
  std::shared_ptr<const config::ServerConfig> effective_config() const { return effective_config_; }
  /// The quorum's finalized kraft.version, which no record of the metadata says.
  std::int16_t kraft_version() const { return kraft_version_; }
  void set_kraft_version(std::int16_t level) { kraft_version_ = level; }

 private:
  std::shared_ptr<const metadata::Image> image_;
  std::shared_ptr<const config::ServerConfig> effective_config_;
  std::int16_t kraft_version_ = 0;
};

}  // namespace cairn::broker
