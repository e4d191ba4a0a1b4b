// SPDX-License-Identifier: Apache-2.0
// The group coordinator of a data shard: an actor for each partition of `__consumer_offsets` that
// this broker leads, and the way from a group id to its actor. Answers always carry Kafka's error
// codes, NOT_COORDINATOR and COORDINATOR_LOAD_IN_PROGRESS among them. One timer serves all groups.
// Owner: server::Node, one a data shard; register it with the PartitionTable, hand it each Image,
// and stop it before the partitions.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/config/server_config.hpp>
#include <cairn/coordinator/actor.hpp>
#include <cairn/group/group_machine.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/partition/partition_table.hpp>

namespace cairn::coordinator {

inline constexpr std::string_view offsets_topic = "__consumer_offsets";

class GroupCoordinator : public partition::PartitionListener {
 public:
  using Caller = group::Caller;
  using FetchGroup = protocol::OffsetFetchRequest::OffsetFetchRequestGroup;

  GroupCoordinator(runtime::Shard& shard, const config::ServerConfig& config);
  GroupCoordinator(const GroupCoordinator&) = delete;
  GroupCoordinator& operator=(const GroupCoordinator&) = delete;
  ~GroupCoordinator() override;

  /// Begins to watch deadlines. Once, before the first partition leads.
  void start();
  /// Answers everyone with NOT_COORDINATOR and joins every task.
  runtime::Task<> stop();
  void on_leading(const std::shared_ptr<partition::Partition>& partition, Epoch epoch) override;
  void on_resigned(const std::shared_ptr<partition::Partition>& partition) override;
  /// Each image in order, after the partitions have applied it: offsets of deleted topics go.
  void apply(std::shared_ptr<const metadata::Image> image);

  /// Whether this broker coordinates the group and has loaded its partition.
  bool is_ready_for(std::string_view group) const;
  runtime::Task<protocol::JoinGroupResponse> join(Caller caller,
                                                  protocol::JoinGroupRequest request);
  runtime::Task<protocol::SyncGroupResponse> sync(protocol::SyncGroupRequest request);
  runtime::Task<protocol::HeartbeatResponse> heartbeat(protocol::HeartbeatRequest request);
  runtime::Task<protocol::LeaveGroupResponse> leave(protocol::LeaveGroupRequest request);
  runtime::Task<protocol::OffsetCommitResponse> commit_offsets(
      std::int16_t version, protocol::OffsetCommitRequest request);
  runtime::Task<protocol::OffsetDeleteResponse> delete_offsets(
      protocol::OffsetDeleteRequest request);
  runtime::Task<group::GroupMachine::FetchedGroup> fetch_offsets(FetchGroup request);
  runtime::Task<group::GroupMachine::DescribedGroup> describe(std::string group,
                                                              std::int16_t version);
  runtime::Task<protocol::ListGroupsResponse> list(protocol::ListGroupsRequest request);
  runtime::Task<protocol::DeleteGroupsResponse::DeletableGroupResult> delete_group(
      std::string group);

  /// Kafka's names are those of its MBeans.
  void expose(Metrics& metrics);

 private:
  using GroupActor = Actor<group::GroupMachine>;
  using ActorPtr = std::shared_ptr<GroupActor>;

  Result<ActorPtr> actor_for(std::string_view group) const;
  runtime::Task<> retire(ActorPtr actor);
  runtime::Task<> watch_deadlines();
  group::GroupMachine::Totals totals() const;

  runtime::Shard& shard_;
  const config::ServerConfig& config_;
  std::shared_ptr<const metadata::Image> image_;  // null before the first
  std::map<PartitionIndex, ActorPtr> actors_;
  Instant next_wake_ = Instant::max();
  runtime::Event deadline_moved_;
  bool stopping_ = false;
  runtime::TaskGroup tasks_;
};

/// What a client is told of a log's refusal: Kafka hides the log behind coordinator errors.
ErrorCode coordinator_error(ErrorCode of_log);

}  // namespace cairn::coordinator
