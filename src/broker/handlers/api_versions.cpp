// SPDX-License-Identifier: Apache-2.0
// ApiVersions, key 18, versions 0-4.
//   0-2  keys and ranges; 1 adds throttle_time_ms
//   3    the client names its software (KIP-511); features, finalized features and their epoch
//        (KIP-584). The header of the answer stays version 0, so old clients can read it
//   4    features whose lowest level is 0 are listed too (KAFKA-17011)
// A version we do not know is answered in version 0 with UNSUPPORTED_VERSION and our range of this
// API (session.cpp). Produce is advertised from 0 although 0-2 are refused: librdkafka looks there
// to see whether compression is understood (KAFKA-18659).
#include <algorithm>
#include <string_view>

#include <cairn/metadata/features.hpp>
#include <cairn/protocol/api_table.hpp>

#include "../route.hpp"
#include "session.hpp"

namespace cairn::broker {
namespace {

using protocol::ApiVersionsResponse;

ApiVersionsResponse::ApiVersion range_of(const protocol::ApiEntry& api) {
  ApiVersionsResponse::ApiVersion range;
  range.api_key = static_cast<std::int16_t>(api.key);
  range.min_version = api.advertised.min;
  range.max_version = api.advertised.max;
  return range;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Letters and digits, with '-' and '.' between them.
bool is_software_name(std::string_view name) {
  if (name.empty() || !is_letter_or_digit(name.front()) || !is_letter_or_digit(name.back())) {
    return false;
  }
  return std::ranges::all_of(name,
                             [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; });
}

void add_features(ApiVersionsResponse& response, const Broker& broker, std::int16_t version) {
  for (const auto& feature : metadata::supported_features()) {
    if (version < 4 && feature.range.min == 0) continue;
    response.supported_features.emplace_back();
    auto& supported = response.supported_features.back();
    supported.name = feature.name;
    supported.min_version = feature.range.min;
    supported.max_version = feature.range.max;
  }
  const auto image = broker.image();
  auto add_finalized = [&response](std::string_view name, std::int16_t level) {
    response.finalized_features.emplace_back();
    auto& finalized = response.finalized_features.back();
    finalized.name = name;
    finalized.min_version_level = finalized.max_version_level = level;
  };
  // A client takes a finalized level for a promise (transaction.version 2: transactions as of
  // KIP-890). What we only keep for Kafka, it must not see.
  for (const auto& [name, level] : image->features) {
    if (metadata::supported_range(name).contains(level)) add_finalized(name, level);
  }
  if (broker.kraft_version() > 0) {
    add_finalized(metadata::kraft_version_feature, broker.kraft_version());
  }
  response.finalized_features_epoch = image->offset.value();
}

}  // namespace

ApiVersionsResponse unsupported_api_versions() {
  ApiVersionsResponse response;
  response.error_code = ErrorCode::unsupported_version;
  response.api_keys.push_back(range_of(protocol::api_entry(protocol::ApiKey::api_versions)));
  return response;
}

runtime::Task<ApiVersionsResponse> handle(Broker& broker, const RequestContext& context,
                                          protocol::ApiVersionsRequest request) {
  ApiVersionsResponse response;
  if (context.version >= 3 && (!is_software_name(request.client_software_name) ||
                               !is_software_name(request.client_software_version))) {
    response.error_code = ErrorCode::invalid_request;
    co_return response;
  }
  for (const Route& route : routes()) {
    const protocol::ApiEntry& api = protocol::api_entry(route.key);
    if (is_served(api, context.controller_listener)) response.api_keys.push_back(range_of(api));
  }
  if (context.version >= 3) add_features(response, broker, context.version);
  co_return response;
}

}  // namespace cairn::broker
