// SPDX-License-Identifier: Apache-2.0
// Admin: configuration and offsets. The cluster is in admin_cluster.cpp, topics are in
// admin_topics.cpp, groups in admin_groups.cpp.
#include <cairn/client/admin.hpp>
#include <cairn/protocol/messages/describe_configs.hpp>
#include <cairn/protocol/messages/incremental_alter_configs.hpp>

#include "admin_state.hpp"
#include "list_offsets.hpp"

namespace cairn::client {

Admin::Admin(runtime::Shard& shard, runtime::Network& network, ClientOptions options)
    : state_(std::make_unique<State>(shard, network, std::move(options))) {}
Admin::~Admin() = default;

runtime::Task<> Admin::stop() { return state_->cluster.stop(); }
Cluster& Admin::cluster() { return state_->cluster; }

namespace {

std::vector<ConfigEntry> entries_of(
    const protocol::DescribeConfigsResponse::DescribeConfigsResult& result) {
  std::vector<ConfigEntry> entries;
  for (const auto& config : result.configs) {
    entries.push_back({.name = config.name,
                       .value = config.value,
                       .source = config.config_source,
                       .read_only = config.read_only,
                       .sensitive = config.is_sensitive,
                       .type = config.config_type,
                       .documentation = config.documentation.value_or("")});
  }
  return entries;
}

}  // namespace

runtime::Task<Result<std::vector<ConfigEntry>>> Admin::describe_configs(
    ResourceKind kind, std::string name, std::vector<std::string> keys) {
  protocol::DescribeConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = static_cast<std::int8_t>(kind);
  resource.resource_name = name;
  if (keys.empty()) {
    resource.configuration_keys = std::nullopt;
  } else {
    resource.configuration_keys = std::move(keys);
  }
  request.include_documentation = true;
  CO_TRY(const auto response, co_await state_->ask_about(kind, name, std::move(request)));
  std::vector<ConfigEntry> entries;
  for (const auto& result : response.results) {
    if (result.error_code != ErrorCode::none)
      co_return std::unexpected(error_of(result.error_code));
    for (auto& entry : entries_of(result)) entries.push_back(std::move(entry));
  }
  co_return entries;
}

runtime::Task<Result<std::map<std::string, std::vector<ConfigEntry>>>>
Admin::describe_topic_configs(std::vector<std::string> topics, std::vector<std::string> keys) {
  protocol::DescribeConfigsRequest request;
  for (const auto& topic : topics) {
    auto& resource = request.resources.emplace_back();
    resource.resource_type = static_cast<std::int8_t>(ResourceKind::topic);
    resource.resource_name = topic;
    resource.configuration_keys = keys;
  }
  CO_TRY(const auto response, co_await state_->ask(std::move(request)));
  std::map<std::string, std::vector<ConfigEntry>> out;
  for (const auto& result : response.results) {
    if (result.error_code == ErrorCode::unknown_topic_or_partition) continue;
    if (result.error_code != ErrorCode::none) {
      co_return std::unexpected(error_of(result.error_code));
    }
    out.emplace(result.resource_name, entries_of(result));
  }
  co_return out;
}

runtime::Task<Result<Answered>> Admin::alter_configs(ResourceKind kind, std::string name,
                                                     Configs changes) {
  constexpr std::int8_t set = 0;
  constexpr std::int8_t remove = 1;
  protocol::IncrementalAlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = static_cast<std::int8_t>(kind);
  resource.resource_name = name;
  for (const auto& [key, value] : changes) {
    auto& config = resource.configs.emplace_back();
    config.name = key;
    config.config_operation = value ? set : remove;
    config.value = value;
  }
  CO_TRY(const auto response, co_await state_->ask_about(kind, name, std::move(request)));
  if (response.responses.empty()) {
    co_return fail(ErrorCode::unknown_server_error, "the broker's answer is empty");
  }
  const auto& answer = response.responses.front();
  co_return State::answered(name, answer.error_code, answer.error_message);
}

runtime::Task<Result<std::map<TopicPartition, Result<TimestampedOffset>>>> Admin::list_offsets(
    std::map<TopicPartition, std::int64_t> timestamps, Isolation isolation) {
  return client::list_offsets(state_->cluster, std::move(timestamps), isolation,
                              state_->cluster.api_deadline());
}

}  // namespace cairn::client
