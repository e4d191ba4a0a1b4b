// SPDX-License-Identifier: Apache-2.0
// meta.properties of a log directory: whose directory it is. Written once when it is formatted; a
// directory of another cluster or node, or one that stands twice, refuses the start.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <cairn/base/bytes.hpp>
#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::storage {

struct MetaProperties {
  int version = 1;
  std::string cluster_id;  // empty: of no cluster yet (the key is there, without a value)
  BrokerId node_id = no_broker;
  std::optional<DirectoryId> directory_id;    // missing in directories of older Kafka
  std::map<std::string, std::string> others;  // kept and written back

  bool operator==(const MetaProperties&) const = default;
};

/// Version 0 (broker.id) is understood and comes out as version 1. kafka_storage_error with a
/// reason if a line or a value is not as it must be.
Result<MetaProperties> decode_meta_properties(BytesView file);
Bytes encode_meta_properties(const MetaProperties& properties);

}  // namespace cairn::storage
