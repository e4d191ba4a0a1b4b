// SPDX-License-Identifier: Apache-2.0
// Bytes that Apache Kafka 4.3.1 wrote, kept as hex beside the tests: batches of a metadata log, and
// the checkpoints of a directory it formatted. Invariant: nobody edits them by hand.
// Owner: a test.
#pragma once

#include <string_view>
#include <vector>

#include <cairn/base/bytes.hpp>

namespace cairn::controller::testing {

inline Bytes from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

/// Batches of a metadata log.
inline std::vector<Bytes> golden_batches() {
  static constexpr std::string_view hex[] = {
#include "golden_log.inc"
  };
  std::vector<Bytes> batches;
  for (const std::string_view batch : hex) batches.push_back(from_hex(batch));
  return batches;
}

/// bootstrap.checkpoint, and the 0-0 checkpoint of a quorum of one.
inline std::vector<Bytes> golden_checkpoints() {
  static constexpr std::string_view hex[] = {
#include "golden_checkpoints.inc"
  };
  return {from_hex(hex[0]), from_hex(hex[1])};
}

}  // namespace cairn::controller::testing
