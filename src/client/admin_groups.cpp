// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/protocol/messages/delete_groups.hpp>
#include <cairn/protocol/messages/describe_groups.hpp>
#include <cairn/protocol/messages/list_groups.hpp>
#include <cairn/protocol/messages/offset_delete.hpp>

#include "admin_state.hpp"
#include "group_offsets.hpp"

namespace cairn::client {

template <class Request, class ErrorIn>
runtime::Task<Result<typename Request::Response>> Admin::State::ask_coordinator(std::string group,
                                                                                Request request,
                                                                                ErrorIn error_in) {
  CoordinatorLink link(cluster, std::move(group));
  const Instant deadline = cluster.api_deadline();
  Backoff backoff(cluster.options());
  while (true) {
    auto response = co_await link.call(request, deadline);
    const ErrorCode code = response ? error_in(*response) : response.error().code;
    if (!is_retriable(code)) co_return response;
    link.noticed(code);
    if (!co_await pause(backoff, deadline)) co_return response;
  }
}

runtime::Task<Result<std::vector<GroupListing>>> Admin::list_groups() {
  auto& cluster = state_->cluster;
  CO_TRY(co_await cluster.refresh(cluster.api_deadline()));
  std::vector<BrokerId> brokers;
  for (const auto& [id, node] : cluster.metadata().brokers()) brokers.push_back(id);
  std::vector<GroupListing> out;
  for (const BrokerId broker : brokers) {
    Backoff backoff(cluster.options());
    const Instant deadline = cluster.api_deadline();
    while (true) {
      CO_TRY(auto response, co_await cluster.call(broker, Channel::control,
                                                  protocol::ListGroupsRequest{}, deadline));
      if (response.error_code == ErrorCode::none) {
        for (const auto& group : response.groups) {
          out.push_back({.id = group.group_id,
                         .protocol_type = group.protocol_type,
                         .state = group.group_state,
                         .type = group.group_type,
                         .coordinator = broker});
        }
        break;
      }
      if (!is_retriable(response.error_code) || !co_await state_->pause(backoff, deadline)) {
        co_return std::unexpected(error_of(response.error_code));
      }
    }
  }
  std::ranges::sort(out, {}, &GroupListing::id);
  co_return out;
}

namespace {

GroupDescription to_description(const protocol::DescribeGroupsResponse::DescribedGroup& group) {
  GroupDescription out;
  out.id = group.group_id;
  out.error = group.error_code;
  out.message = group.error_message.value_or(meaning_of(group.error_code));
  out.state = group.group_state;
  out.protocol_type = group.protocol_type;
  out.assignor = group.protocol_data;
  for (const auto& member : group.members) {
    GroupMember described{.member_id = member.member_id,
                          .instance_id = member.group_instance_id,
                          .client_id = member.client_id,
                          .host = member.client_host,
                          .partitions = {}};
    if (group.protocol_type == group::consumer_protocol_type && !member.member_assignment.empty()) {
      if (auto assignment = group::decode_assignment(member.member_assignment)) {
        described.partitions = std::move(assignment->partitions);
      }
    }
    out.members.push_back(std::move(described));
  }
  std::ranges::sort(out.members, {}, &GroupMember::member_id);
  return out;
}

}  // namespace

runtime::Task<Result<std::vector<GroupDescription>>> Admin::describe_groups(
    std::vector<std::string> groups) {
  std::vector<GroupDescription> out;
  for (const auto& id : groups) {
    CO_TRY(const BrokerId coordinator,
           co_await state_->cluster.find_group_coordinator(id, state_->cluster.api_deadline()));
    protocol::DescribeGroupsRequest request;
    request.groups.push_back(id);
    const auto error_in = [](const protocol::DescribeGroupsResponse& response) {
      return response.groups.empty() ? ErrorCode::none : response.groups.front().error_code;
    };
    CO_TRY(auto response, co_await state_->ask_coordinator(id, std::move(request), error_in));
    for (const auto& group : response.groups) {
      out.push_back(to_description(group));
      out.back().coordinator = coordinator;
    }
  }
  co_return out;
}

runtime::Task<Result<std::vector<Answered>>> Admin::delete_groups(std::vector<std::string> groups) {
  std::vector<Answered> out;
  for (const auto& id : groups) {
    protocol::DeleteGroupsRequest request;
    request.groups_names.push_back(id);
    const auto error_in = [](const protocol::DeleteGroupsResponse& response) {
      return response.results.empty() ? ErrorCode::none : response.results.front().error_code;
    };
    CO_TRY(auto response, co_await state_->ask_coordinator(id, std::move(request), error_in));
    for (const auto& result : response.results) {
      out.push_back(State::answered(result.group_id, result.error_code, std::nullopt));
    }
  }
  co_return out;
}

runtime::Task<Result<CommittedOffsets>> Admin::group_offsets(std::string group) {
  CoordinatorLink link(state_->cluster, std::move(group));
  co_return co_await fetch_offsets(link, std::nullopt, state_->cluster.api_deadline());
}

runtime::Task<Result<std::map<TopicPartition, ErrorCode>>> Admin::alter_group_offsets(
    std::string group, CommittedOffsets offsets) {
  CoordinatorLink link(state_->cluster, std::move(group));
  co_return co_await commit_offsets(link, CommitIdentity{}, std::move(offsets),
                                    state_->cluster.api_deadline());
}

runtime::Task<Result<std::map<TopicPartition, ErrorCode>>> Admin::delete_group_offsets(
    std::string group, Partitions partitions) {
  std::ranges::sort(partitions);
  protocol::OffsetDeleteRequest request;
  request.group_id = group;
  for (const auto& partition : partitions) {
    if (request.topics.empty() || request.topics.back().name != partition.topic) {
      request.topics.emplace_back().name = partition.topic;
    }
    request.topics.back().partitions.emplace_back().partition_index = partition.partition.value();
  }
  const auto error_in = [](const protocol::OffsetDeleteResponse& response) {
    return response.error_code;
  };
  CO_TRY(auto response, co_await state_->ask_coordinator(group, std::move(request), error_in));
  if (response.error_code != ErrorCode::none)
    co_return std::unexpected(error_of(response.error_code));
  std::map<TopicPartition, ErrorCode> out;
  for (const auto& topic : response.topics) {
    for (const auto& answer : topic.partitions) {
      out[{topic.name, PartitionIndex(answer.partition_index)}] = answer.error_code;
    }
  }
  co_return out;
}

}  // namespace cairn::client
