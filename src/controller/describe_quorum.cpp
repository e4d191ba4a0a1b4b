// SPDX-License-Identifier: Apache-2.0
#include <cairn/controller/controller.hpp>

#include "core.hpp"

namespace cairn::controller {
namespace {

using protocol::DescribeQuorumRequest;
using protocol::DescribeQuorumResponse;

constexpr std::string_view metadata_topic = "__cluster_metadata";

void add_replicas(const raft::Node& node, const std::map<raft::ReplicaKey, raft::Progress>& from,
                  Instant now, std::int64_t wall, std::int16_t version,
                  std::vector<DescribeQuorumResponse::ReplicaState>& to) {
  const auto wall_of = [&](Instant when) {
    return wall - std::chrono::duration_cast<std::chrono::milliseconds>(now - when).count();
  };
  for (const auto& [key, progress] : from) {
    auto& state = to.emplace_back();
    state.replica_id = key.id.value();
    if (version >= 2) state.replica_directory_id = key.directory;
    const bool self = key.id == node.settings().self.id;
    state.log_end_offset = self ? node.log_end().value() : progress.end.value();
    if (version >= 1 && (self || progress.has_fetched)) {
      state.last_fetch_timestamp = self ? wall : wall_of(progress.last_fetch);
      state.last_caught_up_timestamp = self ? wall : wall_of(progress.last_caught_up);
    }
  }
}

/// Beside the error, for nodes that look for a cluster (formation.cpp).
void add_known_voters(const std::vector<raft::ReplicaKey>& voters, std::int16_t version,
                      std::vector<DescribeQuorumResponse::ReplicaState>& to) {
  for (const raft::ReplicaKey& key : voters) {
    auto& state = to.emplace_back();
    state.replica_id = key.id.value();
    state.log_end_offset = no_offset.value();
    if (version >= 2) state.replica_directory_id = key.directory;
  }
}

void add_nodes(const raft::Node& node, DescribeQuorumResponse& response) {
  for (const raft::Voter& voter : node.voters().voters()) {
    auto& entry = response.nodes.emplace_back();
    entry.node_id = voter.key.id.value();
    for (const raft::Endpoint& endpoint : voter.endpoints) {
      auto& listener = entry.listeners.emplace_back();
      listener.name = endpoint.listener;
      listener.host = endpoint.host;
      listener.port = endpoint.port;
    }
  }
}

}  // namespace

runtime::Task<DescribeQuorumResponse> Controller::describe_quorum(DescribeQuorumRequest request,
                                                                  std::int16_t version) {
  DescribeQuorumResponse response;
  response.error_message.reset();
  const auto* node = core_->node ? &*core_->node : nullptr;
  const auto* leader = node != nullptr ? std::get_if<raft::Leader>(&node->role()) : nullptr;
  for (const auto& topic : request.topics) {
    auto& topic_result = response.topics.emplace_back();
    topic_result.topic_name = topic.topic_name;
    for (const auto& partition : topic.partitions) {
      auto& result = topic_result.partitions.emplace_back();
      result.partition_index = partition.partition_index;
      result.error_message.reset();
      if (topic.topic_name != metadata_topic || partition.partition_index != 0) {
        result.error_code = ErrorCode::unknown_topic_or_partition;
      } else if (leader == nullptr) {
        result.error_code = ErrorCode::not_leader_or_follower;
        if (node != nullptr) {
          result.leader_id = node->leader().value_or(no_broker).value();
          result.leader_epoch = node->epoch().value();
        }
        add_known_voters(core_->known_voters(), version, result.current_voters);
      } else {
        result.leader_id = node->settings().self.id.value();
        result.leader_epoch = node->epoch().value();
        result.high_watermark = node->high_watermark().value();
        const std::int64_t wall = core_->environment.now_ms();
        add_replicas(*node, leader->voters, core_->now(), wall, version, result.current_voters);
        add_replicas(*node, leader->observers, core_->now(), wall, version, result.observers);
      }
    }
  }
  if (version >= 2 && leader != nullptr) add_nodes(*node, response);
  co_return response;
}

}  // namespace cairn::controller
