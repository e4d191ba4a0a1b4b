// SPDX-License-Identifier: Apache-2.0
// ListConfigResources (key 74), versions 0-1. 0 lists client metrics subscriptions (it was called
// ListClientMetricsResources); 1 lists any type, all of them for an empty list.
#include <algorithm>
#include <set>

#include "admin.hpp"

namespace cairn::broker {
namespace {

using config::ResourceType;
using protocol::ListConfigResourcesResponse;

void add(std::string name, ResourceType type, ListConfigResourcesResponse& response) {
  auto& resource = response.config_resources.emplace_back();
  resource.resource_name = std::move(name);
  resource.resource_type = static_cast<std::int8_t>(type);
}

void list(const metadata::Image& image, ResourceType type, ListConfigResourcesResponse& response) {
  if (type == ResourceType::topic) {
    for (const auto& [name, id] : image.topic_ids) add(name, type, response);
  } else if (type == ResourceType::broker || type == ResourceType::broker_logger) {
    for (const auto& [id, broker] : image.brokers) {
      if (!broker.fenced) add(std::to_string(id.value()), type, response);
    }
  } else {  // those exist by being configured
    for (const auto& [resource, overrides] : image.configs) {
      if (resource.type == type) add(resource.name, type, response);
    }
  }
}

}  // namespace

runtime::Task<ListConfigResourcesResponse> handle(Broker& broker, const RequestContext& context,
                                                  protocol::ListConfigResourcesRequest request) {
  static constexpr ResourceType every[] = {ResourceType::topic, ResourceType::broker,
                                           ResourceType::broker_logger,
                                           ResourceType::client_metrics, ResourceType::group};
  ListConfigResourcesResponse response;
  std::set<ResourceType> wanted;
  if (context.version == 0) {
    wanted = {ResourceType::client_metrics};
  } else if (request.resource_types.empty()) {
    wanted = {std::begin(every), std::end(every)};
  }
  for (const std::int8_t number : request.resource_types) {
    if (context.version == 0) break;
    const ResourceType type(static_cast<ResourceType>(number));
    if (std::ranges::find(every, type) == std::end(every)) {
      response.error_code = ErrorCode::unsupported_version;
      co_return response;
    }
    wanted.insert(type);
  }
  const auto image = broker.image();
  for (const ResourceType type : wanted) list(*image, type, response);
  co_return response;
}

}  // namespace cairn::broker
