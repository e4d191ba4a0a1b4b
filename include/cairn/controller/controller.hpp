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
#include <cairn/protocol/messages/alter_partition_reassignments.hpp>
#include <cairn/protocol/messages/assign_replicas_to_dirs.hpp>
#include <cairn/protocol/messages/begin_quorum_epoch.hpp>
#include <cairn/protocol/messages/broker_heartbeat.hpp>
#include <cairn/protocol/messages/broker_registration.hpp>
#include <cairn/protocol/messages/controller_registration.hpp>
#include <cairn/protocol/messages/create_partitions.hpp>
#include <cairn/protocol/messages/create_topics.hpp>
#include <cairn/protocol/messages/delete_topics.hpp>
#include <cairn/protocol/messages/describe_cluster.hpp>
#include <cairn/protocol/messages/describe_quorum.hpp>
#include <cairn/protocol/messages/elect_leaders.hpp>
#include <cairn/protocol/messages/end_quorum_epoch.hpp>
#include <cairn/protocol/messages/envelope.hpp>
#include <cairn/protocol/messages/fetch.hpp>
#include <cairn/protocol/messages/fetch_snapshot.hpp>
#include <cairn/protocol/messages/incremental_alter_configs.hpp>
#include <cairn/protocol/messages/list_partition_reassignments.hpp>
#include <cairn/protocol/messages/unregister_broker.hpp>
#include <cairn/protocol/messages/update_features.hpp>
#include <cairn/protocol/messages/vote.hpp>
#include <cairn/runtime/disk.hpp>
#include <cairn/runtime/event.hpp>
#include <cairn/runtime/network.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::controller {

/// Who this node is: from meta.properties, which exists before the controller starts.
struct Identity {
  std::string cluster_id;          // empty until an empty node has found its cluster
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

/// Which image a subscriber may see first. What opens a partition's log by it must know that it is
/// newer than all that this broker was told in its lives before: it has this life's registration.
enum class FirstImage { any, after_registration };

/// Where this node stands in the quorum.
struct QuorumStatus {
  Epoch epoch{0};
  BrokerId leader = no_broker;
  bool leading = false;
  Offset log_end{0};
  Offset high_watermark = no_offset;
  Epoch last_epoch{-1};                  // of the last record
  std::string_view role = "unattached";  // in lower case, as Kafka names it
  std::size_t voters = 0;
};

class Controller {
 public:
  Controller(runtime::Shard& shard, runtime::Disk& disk, runtime::Network& network,
             const config::ServerConfig& config, Identity identity);
  ~Controller();

  runtime::Shard& shard();

  /// Before start(), from the main program.
  void subscribe(runtime::Shard& to, Deliver deliver, FirstImage first = FirstImage::any);

  /// Of an empty node whose configuration names other controllers: waits until there is a cluster
  /// to join, or all of them are there, empty too, and it is for this one to form a new one. Writes
  /// the voters into the metadata directory and returns the cluster id, which the caller makes
  /// durable in meta.properties; before that nobody is told of it.
  runtime::Task<Result<std::string>> find_cluster();
  /// From here on this node says that it is of that cluster. Before start().
  void belong_to(std::string cluster_id);
  const std::string& cluster_id() const;

  /// Formats an empty metadata directory, loads snapshot and log, takes its place in the quorum.
  /// Returns when a leader is known and everything committed was published.
  runtime::Task<Result<>> start();
  /// What waits for other nodes (find_cluster, start, register_local) fails instead.
  void give_up_starting();
  /// A leader of several gives its leadership away, so that nobody has to miss it.
  runtime::Task<> hand_over();
  /// Refuses what is new, ends what runs, closes the log. Call after the broker has left. Makes a
  /// start() or find_cluster() that still waits return.
  runtime::Task<> stop();

  // The node's own broker; over the network while another node is the active controller.

  /// Registers it, fenced; its epoch. When this returns every subscriber has seen an image that is
  /// newer than the registration, and heartbeats go out.
  runtime::Task<Result<BrokerEpoch>> register_local(LocalBroker broker);
  /// The broker has applied the image and serves: unfenced when this returns.
  runtime::Task<Result<>> unfence_local();
  /// Of the directories that it registered with, these have failed: the next heartbeat, at once,
  /// tells the active controller, which takes their replicas' leaderships away.
  void report_failed_directories(std::vector<DirectoryId> failed);
  /// Controlled shutdown: takes its leaderships away where another replica can lead.
  runtime::Task<Result<>> leave_local();

  /// What the node's own broker asks of the active controller, wherever that is. One attempt:
  /// NOT_CONTROLLER while none is known, network errors as they come.
  runtime::Task<Result<protocol::AllocateProducerIdsResponse>> ask_producer_ids(
      protocol::AllocateProducerIdsRequest request);
  runtime::Task<Result<protocol::AlterPartitionResponse>> ask_alter_partition(
      protocol::AlterPartitionRequest request);
  runtime::Task<Result<protocol::AssignReplicasToDirsResponse>> ask_assign_replicas_to_dirs(
      protocol::AssignReplicasToDirsRequest request);
  /// A client's request to the active controller, which must be another node.
  runtime::Task<Result<protocol::EnvelopeResponse>> forward(protocol::EnvelopeRequest request);

  // One an API of the quorum. Without a quorum node yet: BROKER_NOT_AVAILABLE.
  runtime::Task<protocol::VoteResponse> vote(protocol::VoteRequest request, std::int16_t version);
  runtime::Task<protocol::BeginQuorumEpochResponse> begin_quorum_epoch(
      protocol::BeginQuorumEpochRequest request, std::int16_t version);
  runtime::Task<protocol::EndQuorumEpochResponse> end_quorum_epoch(
      protocol::EndQuorumEpochRequest request, std::int16_t version);
  runtime::Task<protocol::FetchResponse> fetch(protocol::FetchRequest request,
                                               std::int16_t version);
  runtime::Task<protocol::FetchSnapshotResponse> fetch_snapshot(
      protocol::FetchSnapshotRequest request, std::int16_t version);

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
  runtime::Task<protocol::AlterPartitionReassignmentsResponse> alter_partition_reassignments(
      protocol::AlterPartitionReassignmentsRequest request);
  runtime::Task<protocol::ListPartitionReassignmentsResponse> list_partition_reassignments(
      protocol::ListPartitionReassignmentsRequest request);
  runtime::Task<protocol::AlterPartitionResponse> alter_partition(
      protocol::AlterPartitionRequest request, std::int16_t version);
  runtime::Task<protocol::BrokerRegistrationResponse> register_broker(
      protocol::BrokerRegistrationRequest request);
  runtime::Task<protocol::BrokerHeartbeatResponse> broker_heartbeat(
      protocol::BrokerHeartbeatRequest request);
  runtime::Task<protocol::ControllerRegistrationResponse> register_controller(
      protocol::ControllerRegistrationRequest request);
  runtime::Task<protocol::AssignReplicasToDirsResponse> assign_replicas_to_dirs(
      protocol::AssignReplicasToDirsRequest request);
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
  bool is_active() const;
  QuorumStatus quorum_status() const;
  runtime::Task<BrokerId> ask_active_controller() const;  // the same, for call_on
  std::int16_t kraft_version() const;
  /// Set when the metadata log's disk failed: the process must end.
  runtime::Latch& failed();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace cairn::controller
