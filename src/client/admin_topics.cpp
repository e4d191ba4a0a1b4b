// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/protocol/messages/create_partitions.hpp>
#include <cairn/protocol/messages/create_topics.hpp>
#include <cairn/protocol/messages/delete_records.hpp>
#include <cairn/protocol/messages/delete_topics.hpp>

#include "admin_state.hpp"

namespace cairn::client {

runtime::Task<Result<std::vector<Answered>>> Admin::create_topics(std::vector<NewTopic> topics,
                                                                  Effect effect) {
  protocol::CreateTopicsRequest request;
  request.timeout_ms = state_->timeout_ms();
  request.validate_only = effect == Effect::validate_only;
  for (const auto& topic : topics) {
    auto& out = request.topics.emplace_back();
    out.name = topic.name;
    const bool by_hand = !topic.assignment.empty();
    out.num_partitions = by_hand ? -1 : topic.partitions;
    out.replication_factor = by_hand ? std::int16_t{-1} : topic.replication_factor;
    for (const auto& [partition, replicas] : topic.assignment) {
      auto& assignment = out.assignments.emplace_back();
      assignment.partition_index = partition;
      for (const auto replica : replicas) assignment.broker_ids.push_back(replica.value());
    }
    for (const auto& [key, value] : topic.configs) {
      auto& config = out.configs.emplace_back();
      config.name = key;
      config.value = value;
    }
  }
  CO_TRY(auto response, co_await state_->ask(std::move(request)));
  std::vector<Answered> out;
  for (const auto& topic : response.topics) {
    out.push_back(State::answered(topic.name, topic.error_code, topic.error_message));
  }
  co_return out;
}

runtime::Task<Result<std::vector<Answered>>> Admin::delete_topics(std::vector<std::string> topics) {
  CO_TRY(auto peer, co_await state_->cluster.any_peer(state_->cluster.api_deadline()));
  protocol::DeleteTopicsRequest request;
  CO_TRY(const auto version, peer->common_version(protocol::DeleteTopicsRequest::api_key,
                                                  protocol::DeleteTopicsRequest::versions));
  constexpr std::int16_t first_with_states = 6;
  request.timeout_ms = state_->timeout_ms();
  if (version >= first_with_states) {
    for (const auto& name : topics) request.topics.emplace_back().name = name;
  } else {
    request.topic_names = topics;
  }
  CO_TRY(auto response,
         co_await peer->call_by(std::move(request), version, state_->cluster.api_deadline()));
  std::vector<Answered> out;
  for (const auto& topic : response.responses) {
    out.push_back(State::answered(topic.name.value_or(""), topic.error_code, topic.error_message));
  }
  co_return out;
}

runtime::Task<Result<Answered>> Admin::create_partitions(std::string topic, std::int32_t total) {
  protocol::CreatePartitionsRequest request;
  request.timeout_ms = state_->timeout_ms();
  auto& asked = request.topics.emplace_back();
  asked.name = topic;
  asked.count = total;
  asked.assignments = std::nullopt;
  CO_TRY(auto response, co_await state_->ask(std::move(request)));
  if (response.results.empty()) {
    co_return fail(ErrorCode::unknown_server_error, "the broker's answer is empty");
  }
  const auto& answer = response.results.front();
  co_return State::answered(topic, answer.error_code, answer.error_message);
}

namespace {

std::vector<TopicMetadata> topics_of(const protocol::MetadataResponse& response) {
  MetadataCache cache;
  cache.apply(response, MetadataCache::Scope::all_topics);
  std::vector<TopicMetadata> out;
  for (const auto& [name, topic] : cache.topics()) out.push_back(topic);
  return out;
}

}  // namespace

runtime::Task<Result<std::vector<TopicMetadata>>> Admin::list_topics() {
  protocol::MetadataRequest request;
  request.topics = std::nullopt;
  request.allow_auto_topic_creation = false;
  CO_TRY(auto response, co_await state_->ask(std::move(request)));
  co_return topics_of(response);
}

runtime::Task<Result<std::vector<TopicMetadata>>> Admin::describe_topics(
    std::vector<std::string> names) {
  protocol::MetadataRequest request;
  request.topics.emplace();
  request.allow_auto_topic_creation = false;
  for (const auto& name : names) request.topics->emplace_back().name = name;
  CO_TRY(auto response, co_await state_->ask(std::move(request)));
  auto known = topics_of(response);
  std::vector<TopicMetadata> out;
  for (const auto& name : names) {
    const auto found = std::ranges::find(known, name, &TopicMetadata::name);
    if (found != known.end()) {
      out.push_back(*found);
    } else {
      TopicMetadata absent;
      absent.name = name;
      absent.error = ErrorCode::unknown_topic_or_partition;
      out.push_back(std::move(absent));
    }
  }
  co_return out;
}

runtime::Task<Result<std::map<TopicPartition, Result<Offset>>>> Admin::delete_records(
    std::map<TopicPartition, Offset> before) {
  auto& cluster = state_->cluster;
  for (const auto& [partition, offset] : before) cluster.follow(partition.topic);
  CO_TRY(co_await cluster.refresh(cluster.api_deadline()));
  std::map<TopicPartition, Result<Offset>> out;
  std::map<BrokerId, protocol::DeleteRecordsRequest> requests;
  for (const auto& [partition, offset] : before) {
    const BrokerId leader = cluster.metadata().leader(partition);
    if (leader == no_broker) {
      const auto code = cluster.metadata().partition(partition)
                            ? ErrorCode::leader_not_available
                            : ErrorCode::unknown_topic_or_partition;
      out.emplace(partition, std::unexpected(error_of(code)));
      continue;
    }
    auto& request = requests[leader];
    request.timeout_ms = state_->timeout_ms();
    if (request.topics.empty() || request.topics.back().name != partition.topic) {
      request.topics.emplace_back().name = partition.topic;
    }
    auto& asked = request.topics.back().partitions.emplace_back();
    asked.partition_index = partition.partition.value();
    asked.offset = offset.value();
  }
  for (auto& [leader, request] : requests) {
    const auto asked = request;
    auto response =
        co_await cluster.call(leader, Channel::control, std::move(request), cluster.api_deadline());
    if (!response) {
      for (const auto& topic : asked.topics) {
        for (const auto& partition : topic.partitions) {
          out.emplace(TopicPartition{topic.name, PartitionIndex(partition.partition_index)},
                      std::unexpected(response.error()));
        }
      }
      continue;
    }
    for (const auto& topic : response->topics) {
      for (const auto& answer : topic.partitions) {
        const TopicPartition id{topic.name, PartitionIndex(answer.partition_index)};
        Result<Offset> result = Offset(answer.low_watermark);
        if (answer.error_code != ErrorCode::none) {
          result = std::unexpected(error_of(answer.error_code));
        }
        out.emplace(id, result);
      }
    }
  }
  co_return out;
}

}  // namespace cairn::client
