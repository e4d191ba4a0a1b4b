// SPDX-License-Identifier: Apache-2.0
// Admin: brokers, the quorum, moves of replicas, elections.
#include <algorithm>

#include <cairn/protocol/messages/alter_partition_reassignments.hpp>
#include <cairn/protocol/messages/describe_cluster.hpp>
#include <cairn/protocol/messages/describe_quorum.hpp>
#include <cairn/protocol/messages/elect_leaders.hpp>
#include <cairn/protocol/messages/list_partition_reassignments.hpp>

#include "admin_state.hpp"

namespace cairn::client {

namespace {

std::vector<BrokerId> brokers_of(const std::vector<std::int32_t>& ids) {
  std::vector<BrokerId> out;
  for (const auto id : ids) out.emplace_back(id);
  return out;
}

std::vector<QuorumReplica> replicas_of(
    const std::vector<protocol::DescribeQuorumResponse::ReplicaState>& states) {
  std::vector<QuorumReplica> out;
  for (const auto& state : states) {
    out.push_back({.id = BrokerId(state.replica_id),
                   .directory = state.replica_directory_id,
                   .log_end = Offset(state.log_end_offset),
                   .last_fetch = state.last_fetch_timestamp,
                   .last_caught_up = state.last_caught_up_timestamp});
  }
  std::ranges::sort(out, {}, &QuorumReplica::id);
  return out;
}

/// The request's entry for a topic; partitions come in order of topics.
template <class Topic>
Topic& topic_of(std::vector<Topic>& topics, std::string Topic::* name, const std::string& wanted) {
  if (topics.empty() || topics.back().*name != wanted) topics.emplace_back().*name = wanted;
  return topics.back();
}

Error quorum_error(const protocol::DescribeQuorumResponse& response) {
  if (response.error_code != ErrorCode::none) return error_of(response.error_code);
  if (response.topics.empty() || response.topics.front().partitions.empty()) {
    return {ErrorCode::unknown_server_error, "the answer says nothing of the quorum"};
  }
  return error_of(response.topics.front().partitions.front().error_code);
}

}  // namespace

runtime::Task<Result<ClusterDescription>> Admin::describe_cluster() {
  constexpr std::int16_t first_with_fenced = 2;
  auto& cluster = state_->cluster;
  const Instant deadline = cluster.api_deadline();
  CO_TRY(auto peer, co_await cluster.any_peer(deadline));
  protocol::DescribeClusterRequest request;
  CO_TRY(const auto version, peer->common_version(protocol::DescribeClusterRequest::api_key,
                                                  protocol::DescribeClusterRequest::versions));
  request.include_fenced_brokers = version >= first_with_fenced;
  CO_TRY(auto response, co_await peer->call_by(std::move(request), version, deadline));
  if (response.error_code != ErrorCode::none)
    co_return std::unexpected(error_of(response.error_code));
  ClusterDescription out;
  out.cluster_id = response.cluster_id;
  out.controller = BrokerId(response.controller_id);
  for (const auto& broker : response.brokers) {
    const runtime::Endpoint endpoint{broker.host, static_cast<std::uint16_t>(broker.port)};
    (broker.is_fenced ? out.fenced : out.brokers)
        .push_back({BrokerId(broker.broker_id), endpoint, broker.rack});
  }
  std::ranges::sort(out.brokers, {}, &BrokerNode::id);
  std::ranges::sort(out.fenced, {}, &BrokerNode::id);
  co_return out;
}

runtime::Task<Result<QuorumDescription>> Admin::describe_quorum() {
  protocol::DescribeQuorumRequest request;
  auto& topic = request.topics.emplace_back();
  topic.topic_name = "__cluster_metadata";
  topic.partitions.emplace_back().partition_index = 0;
  const Instant deadline = state_->cluster.api_deadline();
  Backoff backoff(state_->cluster.options());
  while (true) {
    const auto response = co_await state_->cluster.call_any(request, deadline);
    const Error error = response ? quorum_error(*response) : response.error();
    if (error.code == ErrorCode::none) {
      const auto& answer = response->topics.front().partitions.front();
      co_return QuorumDescription{.leader = BrokerId(answer.leader_id),
                                  .epoch = Epoch(answer.leader_epoch),
                                  .high_watermark = Offset(answer.high_watermark),
                                  .voters = replicas_of(answer.current_voters),
                                  .observers = replicas_of(answer.observers)};
    }
    if (!is_retriable(error.code)) co_return std::unexpected(error);
    if (!co_await state_->pause(backoff, deadline)) co_return std::unexpected(error);
  }
}

runtime::Task<Result<PartitionAnswers>> Admin::alter_reassignments(Placements placements) {
  using Request = protocol::AlterPartitionReassignmentsRequest;
  Request request;
  request.timeout_ms = state_->timeout_ms();
  for (const auto& [partition, replicas] : placements) {
    auto& topic = topic_of(request.topics, &Request::ReassignableTopic::name, partition.topic);
    auto& asked = topic.partitions.emplace_back();
    asked.partition_index = partition.partition.value();
    if (!replicas) continue;
    asked.replicas.emplace();
    for (const auto replica : *replicas) asked.replicas->push_back(replica.value());
  }
  CO_TRY(const auto response, co_await state_->ask_controller(std::move(request)));
  if (response.error_code != ErrorCode::none) {
    co_return std::unexpected(error_of(response.error_code));
  }
  PartitionAnswers out;
  for (const auto& topic : response.responses) {
    for (const auto& answer : topic.partitions) {
      const TopicPartition id{topic.name, PartitionIndex(answer.partition_index)};
      out.emplace(id,
                  State::answered(fmt::format("{}", id), answer.error_code, answer.error_message));
    }
  }
  co_return out;
}

runtime::Task<Result<std::map<TopicPartition, Reassignment>>> Admin::list_reassignments() {
  protocol::ListPartitionReassignmentsRequest request;
  request.timeout_ms = state_->timeout_ms();
  request.topics = std::nullopt;
  CO_TRY(const auto response, co_await state_->ask_controller(std::move(request)));
  if (response.error_code != ErrorCode::none) {
    co_return std::unexpected(error_of(response.error_code));
  }
  std::map<TopicPartition, Reassignment> out;
  for (const auto& topic : response.topics) {
    for (const auto& move : topic.partitions) {
      out.emplace(TopicPartition{topic.name, PartitionIndex(move.partition_index)},
                  Reassignment{.replicas = brokers_of(move.replicas),
                               .adding = brokers_of(move.adding_replicas),
                               .removing = brokers_of(move.removing_replicas)});
    }
  }
  co_return out;
}

runtime::Task<Result<PartitionAnswers>> Admin::elect_leaders(Election election,
                                                             std::optional<Partitions> partitions) {
  using Request = protocol::ElectLeadersRequest;
  Request request;
  request.timeout_ms = state_->timeout_ms();
  request.election_type = static_cast<std::int8_t>(election);
  request.topic_partitions = std::nullopt;
  if (partitions) {
    std::ranges::sort(*partitions);
    auto& topics = request.topic_partitions.emplace();
    for (const auto& partition : *partitions) {
      topic_of(topics, &Request::TopicPartitions::topic, partition.topic)
          .partitions.push_back(partition.partition.value());
    }
  }
  CO_TRY(const auto response, co_await state_->ask_controller(std::move(request)));
  if (response.error_code != ErrorCode::none) {
    co_return std::unexpected(error_of(response.error_code));
  }
  PartitionAnswers out;
  for (const auto& topic : response.replica_election_results) {
    for (const auto& answer : topic.partition_result) {
      const TopicPartition id{topic.topic, PartitionIndex(answer.partition_id)};
      out.emplace(id,
                  State::answered(fmt::format("{}", id), answer.error_code, answer.error_message));
    }
  }
  co_return out;
}

}  // namespace cairn::client
