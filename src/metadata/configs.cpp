// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include <cairn/metadata/configs.hpp>
#include <cairn/metadata/features.hpp>

#include "assignments.hpp"

namespace cairn::metadata {
namespace {

ApiError to_api_error(const config::ConfigError& wrong) { return {wrong.code, wrong.message}; }

/// Does what is to be configured exist? Kafka's words.
ApiError check_exists(const Image& image, const ConfigResource& resource) {
  if (resource.type == ResourceType::topic && !resource.name.empty() &&
      !image.topic_ids.contains(resource.name)) {
    return error(ErrorCode::unknown_topic_or_partition,
                 fmt::format("The topic '{}' does not exist.", resource.name));
  }
  if (resource.type == ResourceType::broker && !resource.name.empty()) {
    std::int32_t id = 0;
    const char* end = resource.name.data() + resource.name.size();
    if (std::from_chars(resource.name.data(), end, id).ptr != end) {
      return error(ErrorCode::invalid_request, "Invalid broker name " + resource.name);
    }
    if (image.broker(BrokerId(id)) == nullptr && !image.controllers.contains(BrokerId(id))) {
      return error(ErrorCode::broker_id_not_registered,
                   fmt::format("No node with id {} found.", id));
    }
  }
  return {};
}

ApiError check_type(ResourceType type) {
  switch (type) {
    case ResourceType::topic:
    case ResourceType::broker:
    case ResourceType::client_metrics:
    case ResourceType::group:
      return {};
    case ResourceType::broker_logger:
      return error(ErrorCode::invalid_request,
                   "Log levels are set when the broker starts, not by this request.");
    case ResourceType::unknown:
      break;
  }
  return error(ErrorCode::invalid_request,
               fmt::format("Unknown resource type {}", static_cast<int>(type)));
}

/// Only brokers have a resource without a name: the default of all.
ApiError check_name(const ConfigResource& resource) {
  if (!resource.name.empty()) return {};
  switch (resource.type) {
    case ResourceType::topic:
      return error(ErrorCode::invalid_request, "Default topic resources are not allowed.");
    case ResourceType::client_metrics:
      return error(ErrorCode::invalid_request, "Subscription name can't be empty");
    case ResourceType::group:
      return error(ErrorCode::invalid_request, "Default group resources are not allowed.");
    default:
      return {};
  }
}

/// Kafka's controller knows lists among topic and broker keys only.
ApiError check_list_operations(ResourceType type,
                               const std::vector<config::Alteration>& alterations) {
  if (type != ResourceType::group && type != ResourceType::client_metrics) return {};
  for (const config::Alteration& alteration : alterations) {
    const bool appends = alteration.operation == config::AlterOperation::append;
    if (!appends && alteration.operation != config::AlterOperation::subtract) continue;
    return error(ErrorCode::invalid_config,
                 fmt::format("Can't {} to key {} because its type is not LIST.",
                             appends ? "APPEND" : "SUBTRACT", alteration.key));
  }
  return {};
}

ApiError validate(const config::ServerConfig& server, const ConfigResource& resource,
                  const Overrides& after, const std::vector<std::string>& changed) {
  config::Validation valid;
  switch (resource.type) {
    case ResourceType::topic:
      valid = config::validate_topic(server, after);
      break;
    case ResourceType::group:
      valid = config::validate_group(server, after);
      break;
    case ResourceType::client_metrics:
      valid = config::validate_client_metrics(resource.name, after);
      break;
    default:
      valid = config::validate_broker(server,
                                      resource.name.empty() ? config::BrokerTarget::all_brokers
                                                            : config::BrokerTarget::one_broker,
                                      after, changed);
  }
  return valid ? ApiError{} : to_api_error(valid.error());
}

/// One record for each key that differs, in order of key.
void add_records(const ConfigResource& resource, const Overrides& before, const Overrides& after,
                 std::vector<Record>& records) {
  const auto add = [&](const std::string& key, std::optional<std::string> value) {
    protocol::ConfigRecord record;
    record.resource_type = static_cast<std::int8_t>(resource.type);
    record.resource_name = resource.name;
    record.name = key;
    record.value = std::move(value);
    records.push_back({std::move(record), 0});
  };
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) add(key, std::nullopt);
  }
  for (const auto& [key, value] : after) {
    const auto at = before.find(key);
    if (at == before.end() || at->second != value) add(key, value);
  }
}

/// What both requests check before they look at values: keys that stand twice, null values.
template <class Entries, class MayBeNull>
ApiError check_entries(const Entries& entries, MayBeNull&& may_be_null) {
  std::set<std::string_view> keys;
  std::string nulls;
  for (const auto& entry : entries) {
    if (!keys.insert(entry.name).second) {
      return error(ErrorCode::invalid_request, "Error due to duplicate config keys");
    }
    if (!entry.value && !may_be_null(entry)) nulls += (nulls.empty() ? "" : ", ") + entry.name;
  }
  if (nulls.empty()) return {};
  return error(ErrorCode::invalid_request, "Null value not supported for : " + nulls);
}

template <class Resources>
std::set<ConfigResource> resources_that_stand_twice(const Resources& resources) {
  std::set<ConfigResource> once, twice;
  for (const auto& resource : resources) {
    const ConfigResource key{ResourceType(resource.resource_type), resource.resource_name};
    if (!once.insert(key).second) twice.insert(key);
  }
  return twice;
}

constexpr std::string_view min_isr_key = "min.insync.replicas";

bool changes_min_isr(const Overrides& before, const Overrides& after) {
  const auto was = before.find(min_isr_key);
  const auto is = after.find(min_isr_key);
  if (was == before.end() || is == after.end()) return (was == before.end()) != (is == after.end());
  return was->second != is->second;
}

/// Eligible leader replicas rest on a value that the controller knows of all brokers (KIP-966).
ApiError check_min_isr(const ConfigResource& resource, const Overrides& after) {
  if (resource.type != ResourceType::broker) return {};
  if (!resource.name.empty()) {
    return error(ErrorCode::invalid_config,
                 "Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
  }
  if (after.contains(min_isr_key)) return {};
  return error(ErrorCode::invalid_config,
               "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
}

/// Who is eligible was found with another minimum: of the topic, or of all.
Record clear_elr(const ConfigResource& resource) {
  protocol::ClearElrRecord record;
  if (resource.type == ResourceType::topic) record.topic_name = resource.name;
  return {std::move(record), 0};
}

/// The part that both requests share. `overrides_after` gives the wanted overrides or an error.
template <class Request, class Response, class OverridesAfter>
Decision<Response> alter(const Image& image, const Request& request,
                         const config::ServerConfig& server, OverridesAfter&& overrides_after) {
  Decision<Response> decision;
  std::vector<Record> clearing;
  const std::set<ConfigResource> twice = resources_that_stand_twice(request.resources);
  for (const auto& wanted : request.resources) {
    const ConfigResource resource{ResourceType(wanted.resource_type), wanted.resource_name};
    auto& result = decision.response.responses.emplace_back();
    result.resource_type = wanted.resource_type;
    result.resource_name = wanted.resource_name;
    const std::shared_ptr<const Overrides> before = image.overrides(resource.type, resource.name);
    Overrides after;
    ApiError wrong;
    if (twice.contains(resource)) {
      wrong = error(ErrorCode::invalid_request, "Each resource must appear at most once.");
    }
    if (wrong.ok()) wrong = check_type(resource.type);
    if (wrong.ok()) wrong = overrides_after(wanted, *before, after);
    if (wrong.ok()) wrong = check_name(resource);
    if (wrong.ok()) wrong = check_exists(image, resource);
    if (wrong.ok()) {
      std::vector<std::string> changed;
      for (const auto& entry : wanted.configs) changed.push_back(entry.name);
      wrong = validate(server, resource, after, changed);
    }
    const bool elr_concerned = supports_elr(image) && changes_min_isr(*before, after);
    if (wrong.ok() && elr_concerned) wrong = check_min_isr(resource, after);
    result.error_code = wrong.code;
    result.error_message = to_message(wrong);
    if (wrong.ok() && !request.validate_only) {
      add_records(resource, *before, after, decision.records);
      if (elr_concerned) clearing.push_back(clear_elr(resource));
    }
  }
  std::ranges::move(clearing, std::back_inserter(decision.records));
  return decision;
}

}  // namespace

Decision<protocol::AlterConfigsResponse> alter_configs(const Image& image,
                                                       const protocol::AlterConfigsRequest& request,
                                                       const config::ServerConfig& server) {
  using Wanted = protocol::AlterConfigsRequest::AlterConfigsResource;
  const auto replaced = [](const Wanted& wanted, const Overrides&, Overrides& after) {
    ApiError wrong = check_entries(wanted.configs, [](const auto&) { return false; });
    if (!wrong.ok()) return wrong;
    for (const auto& entry : wanted.configs) after[entry.name] = *entry.value;
    return ApiError{};
  };
  return alter<protocol::AlterConfigsRequest, protocol::AlterConfigsResponse>(image, request,
                                                                              server, replaced);
}

Decision<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(
    const Image& image, const protocol::IncrementalAlterConfigsRequest& request,
    const config::ServerConfig& server) {
  using Wanted = protocol::IncrementalAlterConfigsRequest::AlterConfigsResource;
  const auto changed = [](const Wanted& wanted, const Overrides& before, Overrides& after) {
    const auto removes = [](const auto& entry) {
      return config::AlterOperation(entry.config_operation) == config::AlterOperation::remove;
    };
    ApiError wrong = check_entries(wanted.configs, removes);
    if (!wrong.ok()) return wrong;
    std::vector<config::Alteration> alterations;
    for (const auto& entry : wanted.configs) {
      alterations.push_back(
          {entry.name, config::AlterOperation(entry.config_operation), entry.value});
    }
    wrong = check_list_operations(ResourceType(wanted.resource_type), alterations);
    if (!wrong.ok()) return wrong;
    auto result =
        config::apply_alterations(ResourceType(wanted.resource_type), before, alterations);
    if (!result) return to_api_error(result.error());
    after = *std::move(result);
    return ApiError{};
  };
  return alter<protocol::IncrementalAlterConfigsRequest, protocol::IncrementalAlterConfigsResponse>(
      image, request, server, changed);
}

}  // namespace cairn::metadata
