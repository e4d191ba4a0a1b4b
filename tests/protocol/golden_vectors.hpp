// SPDX-License-Identifier: Apache-2.0
// The golden vectors: messages encoded by Apache Kafka's own classes with their values as JSON,
// every message and version. One JSON object a line, packed with gzip.
#pragma once

#include <string>
#include <vector>

#include <cairn/protocol/json.hpp>

namespace cairn::protocol::testing {

struct GoldenVector {
  std::string name;  // "FetchRequest"
  std::int16_t version = 0;
  Bytes bytes;
  std::string value;

  const AnyMessage& message() const;
};

/// All of them, read once.
const std::vector<GoldenVector>& golden_vectors();

/// A file of ours as text; fails the test if there is none.
std::string read_text(const std::string& path);

}  // namespace cairn::protocol::testing
