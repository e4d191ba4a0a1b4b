// SPDX-License-Identifier: Apache-2.0
// The controller of a node as an actor on a shard of its own: it keeps the metadata log, takes part
// in the quorum, and, while it leads, decides. A request is: decide on the newest appended image,
// append, flush, commit, apply, publish, answer; one decision at a time, one flush for all that
// wait. Images that are committed are handed to every subscriber, in order; an answer leaves after
// that. Functions run on shard(); others reach them through runtime::call_on. Owned by
// server::Node.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cairn/config/server_config.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/protocol/messages/allocate_producer_ids.hpp>
#include <cairn/protocol/messages/alter_configs.hpp>
#include <cairn/protocol/messages/alter_partition.hpp>
#include <cairn/protocol/messages/broker_heartbeat.hpp>
#include <cairn/protocol/messages/broker_registration.hpp>
#include <cairn/protocol/messages/create_partitions.hpp>
#include <cairn/protocol/messages/create_topics.hpp>
#include <cairn/protocol/messages/delete_topics.hpp>
#include <cairn/protocol/messages/describe_quorum.hpp>
#include <cairn/protocol/messages/elect_leaders.hpp>
#include <cairn/protocol/messages/incremental_alter_configs.hpp>
#include <cairn/protocol/messages/unregister_broker.hpp>
#include <cairn/protocol/messages/update_features.hpp>
#include <cairn/runtime/disk.hpp>
#include <cairn/runtime/event.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::controller {

/// Who this node is: from meta.properties, which exists before the controller starts.
struct Identity {
  std::string cluster_id;
  DirectoryId directory;           // of the directory that holds the metadata log
  std::string metadata_directory;  // its path: __cluster_metadata-0 lies in it
  Uuid incarnation;                // random, one a process
  std::vector<metadata::Endpoint> controller_endpoints;  // as advertised
};

/// What the node's own broker says of itself.
struct LocalBroker {
  std::vector<metadata::Endpoint> endpoints;  // advertised, of the broker's listeners
  std::vector<DirectoryId> log_dirs;
  BrokerEpoch previous_epoch = no_broker_epoch;  // from the clean-shutdown files; -1 if unclean
};

/// Called on the subscriber's shard with every image, in order (one that is already overtaken may
/// be left out). The next one is not handed over before the task has ended.
using Deliver = std::function<runtime::Task<>(std::shared_ptr<const metadata::Image>)>;

class Controller {
 public:
  Controller(runtime::Shard& shard, runtime::Disk& disk, const config::ServerConfig& config,
             Identity identity);
  ~Controller();

  runtime::Shard& shard();

  /// Before start(), from the main program.
  void subscribe(runtime::Shard& to, Deliver deliver);

  /// Formats an empty metadata directory, loads snapshot and log, takes its place in the quorum.
  /// Returns when a leader is known and everything committed was published.
  runtime::Task<Result<>> start();
  /// Refuses what is new, ends what runs, closes the log. Call after the broker has left.
  runtime::Task<> stop();

  /// Registers the node's own broker, fenced; its epoch.
  runtime::Task<Result<BrokerEpoch>> register_local(LocalBroker broker);
  /// The broker has applied the image and serves: unfenced when this returns.
  runtime::Task<Result<>> unfence_local();
  /// Controlled shutdown: takes its leaderships away where another replica can lead.
  runtime::Task<Result<>> leave_local();

  // One a controller API. Answers carry NOT_CONTROLLER while this node does not lead.
  runtime::Task<protocol::CreateTopicsResponse> create_topics(
      protocol::CreateTopicsRequest request);
  runtime::Task<protocol::DeleteTopicsResponse> delete_topics(protocol::DeleteTopicsRequest request,
                                                              std::int16_t version);
  runtime::Task<protocol::CreatePartitionsResponse> create_partitions(
      protocol::CreatePartitionsRequest request);
  runtime::Task<protocol::AlterConfigsResponse> alter_configs(
      protocol::AlterConfigsRequest request);
  runtime::Task<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(
      protocol::IncrementalAlterConfigsRequest request);
  runtime::Task<protocol::UpdateFeaturesResponse> update_features(
      protocol::UpdateFeaturesRequest request, std::int16_t version);
  runtime::Task<protocol::ElectLeadersResponse> elect_leaders(
      protocol::ElectLeadersRequest request);
  runtime::Task<protocol::AlterPartitionResponse> alter_partition(
      protocol::AlterPartitionRequest request, std::int16_t version);
  runtime::Task<protocol::BrokerRegistrationResponse> register_broker(
      protocol::BrokerRegistrationRequest request);
  runtime::Task<protocol::BrokerHeartbeatResponse> broker_heartbeat(
      protocol::BrokerHeartbeatRequest request);
  runtime::Task<protocol::UnregisterBrokerResponse> unregister_broker(
      protocol::UnregisterBrokerRequest request);
  /// A block of producer ids for the node's own broker or another.
  runtime::Task<protocol::AllocateProducerIdsResponse> allocate_producer_ids(
      protocol::AllocateProducerIdsRequest request);
  runtime::Task<protocol::DescribeQuorumResponse> describe_quorum(
      protocol::DescribeQuorumRequest request, std::int16_t version);

  /// The newest committed image; on this shard.
  std::shared_ptr<const metadata::Image> image() const;
  /// The quorum's leader, -1 if unknown; on this shard.
  BrokerId active_controller() const;
  runtime::Task<BrokerId> ask_active_controller() const;  // the same, for call_on
  std::int16_t kraft_version() const;
  /// Set when the metadata log's disk failed: the process must end.
  runtime::Latch& failed();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace cairn::controller
