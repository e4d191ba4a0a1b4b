// SPDX-License-Identifier: Apache-2.0
// Which resource of a configuration request this node may answer for, in Kafka's words. Shared by
// the handlers that alter and describe configurations.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <cairn/base/ids.hpp>
#include <cairn/config/describe.hpp>

namespace cairn::broker {

/// Why a request for this broker's configuration is not for this node; nothing if it is.
std::optional<std::string> why_not_this_node(BrokerId self, const std::string& name);

/// Moves the resources that name another broker out of the request, each with its refusal.
template <class Resource, class Refusal>
void refuse_other_brokers(BrokerId self, std::vector<Resource>& resources,
                          std::vector<Refusal>& refusals) {
  const auto refused = [&](const Resource& resource) {
    const auto type = config::ResourceType(resource.resource_type);
    if (type != config::ResourceType::broker || resource.resource_name.empty()) return false;
    const auto why = why_not_this_node(self, resource.resource_name);
    if (!why) return false;
    Refusal& refusal = refusals.emplace_back();
    refusal.error_code = ErrorCode::invalid_request;
    refusal.error_message = *why;
    refusal.resource_type = resource.resource_type;
    refusal.resource_name = resource.resource_name;
    return true;
  };
  std::erase_if(resources, refused);
}

}  // namespace cairn::broker
