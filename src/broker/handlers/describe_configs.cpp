// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs (key 32), versions 1-4. 1: sources and synonyms; 3: types and documentation.
// Values, sources and synonyms come from the config module; overrides from the image this shard has
// applied.
#include <algorithm>
#include <set>

#include <cairn/config/describe.hpp>

#include "admin.hpp"
#include "config_targets.hpp"
#include "topic_view.hpp"

namespace cairn::broker {
namespace {

using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using Described = DescribeConfigsResponse::DescribeConfigsResult;
using config::ResourceType;

struct Found {
  ErrorCode error = ErrorCode::none;
  std::string message;
  std::vector<config::Entry> entries;
};

Found refuse(ErrorCode code, std::string message) { return {code, std::move(message), {}}; }

Found describe(const Broker& broker, const metadata::Image& image,
               const config::ServerConfig& server, ResourceType type, const std::string& name) {
  const auto overrides = image.overrides(type, name);
  switch (type) {
    case ResourceType::topic:
      if (image.topic(name) == nullptr) return refuse(why_missing(name), "");
      return {ErrorCode::none, "", config::describe_topic(server, *overrides)};
    case ResourceType::broker:
      if (name.empty()) return {ErrorCode::none, "", config::describe_cluster_default(*overrides)};
      if (auto why = why_not_this_node(broker.node_id(), name)) {
        return refuse(ErrorCode::invalid_request, *std::move(why));
      }
      return {ErrorCode::none, "", config::describe_broker(server)};
    case ResourceType::client_metrics:
      if (name.empty()) {
        return refuse(ErrorCode::invalid_request,
                      "Client metrics subscription name must not be empty");
      }
      return {ErrorCode::none, "", config::describe_client_metrics(*overrides)};
    case ResourceType::group:
      if (name.empty()) return refuse(ErrorCode::invalid_request, "Group name must not be empty");
      return {ErrorCode::none, "", config::describe_group(server, *overrides)};
    case ResourceType::broker_logger:
      return refuse(ErrorCode::invalid_request,
                    "This broker has no loggers that can be described.");
    case ResourceType::unknown:
      break;
  }
  return refuse(ErrorCode::invalid_request,
                fmt::format("Unsupported resource type: {}", static_cast<int>(type)));
}

void add_entry(config::Entry& entry, const DescribeConfigsRequest& request, Described& to) {
  auto& shown = to.configs.emplace_back();
  shown.name = std::move(entry.name);
  shown.value = std::move(entry.value);
  shown.read_only = entry.read_only;
  shown.config_source = static_cast<std::int8_t>(entry.source);
  shown.is_sensitive = entry.sensitive;
  shown.config_type = static_cast<std::int8_t>(entry.type);
  shown.documentation.reset();
  if (request.include_documentation) shown.documentation = std::string(entry.documentation);
  if (!request.include_synonyms) return;
  for (config::Synonym& synonym : entry.synonyms) {
    auto& listed = shown.synonyms.emplace_back();
    listed.name = std::move(synonym.name);
    listed.value = std::move(synonym.value);
    listed.source = static_cast<std::int8_t>(synonym.source);
  }
}

/// Kafka fails the whole request over a resource of a type it does not know.
bool has_unknown_type(const DescribeConfigsRequest& request) {
  static constexpr ResourceType known[] = {ResourceType::topic, ResourceType::broker,
                                           ResourceType::broker_logger,
                                           ResourceType::client_metrics, ResourceType::group};
  return std::ranges::any_of(request.resources, [](const auto& resource) {
    return std::ranges::find(known, ResourceType(resource.resource_type)) == std::end(known);
  });
}

DescribeConfigsResponse refuse_all(const DescribeConfigsRequest& request) {
  DescribeConfigsResponse response;
  for (const auto& resource : request.resources) {
    Described& result = response.results.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    result.error_code = ErrorCode::invalid_request;
    result.error_message = "Unsupported resource type in the request.";
  }
  return response;
}

}  // namespace

runtime::Task<DescribeConfigsResponse> handle(Broker& broker, const RequestContext&,
                                              DescribeConfigsRequest request) {
  if (has_unknown_type(request)) co_return refuse_all(request);
  const auto image = broker.image();
  const auto server = broker.effective_config();
  DescribeConfigsResponse response;
  for (const auto& resource : request.resources) {
    Described& result = response.results.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    Found found = describe(broker, *image, *server, ResourceType(resource.resource_type),
                           resource.resource_name);
    result.error_code = found.error;
    result.error_message = std::move(found.message);
    const auto& keys = resource.configuration_keys;
    for (config::Entry& entry : found.entries) {
      const bool wanted = !keys || std::ranges::find(*keys, entry.name) != keys->end();
      if (wanted) add_entry(entry, request, result);
    }
  }
  co_return response;
}

}  // namespace cairn::broker
