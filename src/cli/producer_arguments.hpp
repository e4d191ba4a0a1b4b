// SPDX-License-Identifier: Apache-2.0
// The options of commands that produce, and the client options they make. Idempotence is on unless
// acks or the user say otherwise. Owner: the command's arguments.
#pragma once

#include <CLI/CLI.hpp>

#include <cairn/client/producer.hpp>

namespace cairn::cli {

struct ProducerArguments {
  std::string acks = "all";
  std::string compression = "none";
  std::optional<int> level;
  std::string partitioner = "hash";
  bool no_idempotence = false;
  double linger_ms = 5;
  std::size_t batch_size = 65536;
  std::size_t max_request_size = 1 << 20;

  void declare(CLI::App& command);
  /// invalid_config if they contradict each other.
  Result<client::ProducerOptions> options() const;
};

}  // namespace cairn::cli
