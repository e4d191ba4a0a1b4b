// SPDX-License-Identifier: Apache-2.0
// The `cairn` program without its main function: parses a command line, runs one command over the
// client library, returns the exit code (0 done, 1 it failed, 2 the command line is wrong). The
// outside world comes in as a Machine, so that tests can bring their own. Owner: main.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <cairn/runtime/disk.hpp>
#include <cairn/runtime/network.hpp>
#include <cairn/runtime/processes.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::cli {

/// Standard input.
class Input {
 public:
  virtual ~Input() = default;
  /// At least one byte, 0 at the end.
  virtual runtime::Task<Result<std::size_t>> read_some(MutableBytes into) = 0;
};

/// What a command runs with.
struct Session {
  runtime::Shard& shard;
  runtime::Network& network;
  runtime::Disk& disk;
  runtime::Processes& processes;
  Input& input;
  /// Set when the user or the system asks the command to end (SIGINT, SIGTERM).
  runtime::Latch& stop;
};

using Command = std::function<runtime::Task<int>(Session&)>;

class Machine {
 public:
  virtual ~Machine() = default;
  /// Runs a command to its end.
  virtual int run(const Command& command) = 0;
  virtual std::optional<std::string> variable(const char* name) = 0;
  virtual bool errors_go_to_terminal() = 0;
  /// Client log lines of this level and above go to standard error from now on.
  virtual void log_to_stderr() = 0;
};

int run(int argc, const char* const* argv, Machine& machine);

}  // namespace cairn::cli
