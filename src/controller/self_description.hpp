// SPDX-License-Identifier: Apache-2.0
// What a node says of itself when it registers, as a broker or as a controller: the two requests
// name it alike.
#pragma once

#include <vector>

#include <cairn/metadata/features.hpp>
#include <cairn/metadata/image.hpp>

namespace cairn::controller {

/// Fills listeners and supported features of a BrokerRegistration or ControllerRegistration.
template <class Request>
void describe_self(Request& request, const std::vector<metadata::Endpoint>& endpoints) {
  for (const metadata::Endpoint& endpoint : endpoints) {
    auto& listener = request.listeners.emplace_back();
    listener.name = endpoint.listener;
    listener.host = endpoint.host;
    listener.port = endpoint.port;
    listener.security_protocol = endpoint.security_protocol;
  }
  for (const metadata::SupportedFeature& supported : metadata::supported_features()) {
    auto& feature = request.features.emplace_back();
    feature.name = supported.name;
    feature.min_supported_version = supported.range.min;
    feature.max_supported_version = supported.range.max;
  }
}

}  // namespace cairn::controller
