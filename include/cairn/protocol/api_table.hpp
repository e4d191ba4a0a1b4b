// SPDX-License-Identifier: Apache-2.0
// Every API of Kafka 4.3.1 that is left: its versions, and where and how it is served. Generated
// from src/protocol/schema/api; what ApiVersions answers with and how requests are routed start
// here.
#pragma once

#include <span>
#include <string_view>

#include <cairn/protocol/message.hpp>

namespace cairn::protocol {

struct ApiEntry {
  ApiKey key;
  std::string_view name;         // Kafka's, such as "ListOffsets"
  VersionRange supported;        // what we can read and write
  VersionRange advertised;       // what a 4.3.1 node says in ApiVersions
  std::int16_t first_flexible;   // never_flexible if none is
  bool on_broker = false;        // served by broker listeners
  bool on_controller = false;    // served by controller listeners
  bool forwarded = false;        // a broker hands it to the controller
  bool cluster_action = false;   // only for brokers and controllers: needs CLUSTER_ACTION
  bool needs_telemetry = false;  // advertised only where something receives telemetry
};

/// In order of key.
std::span<const ApiEntry> api_table();

/// Null for a key that Kafka 4.3.1 does not have.
const ApiEntry* find_api(std::int16_t key);
/// REQUIRES: `key` is an enumerator.
const ApiEntry& api_entry(ApiKey key);

}  // namespace cairn::protocol
