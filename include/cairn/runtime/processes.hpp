// SPDX-License-Identifier: Apache-2.0
// The seam to other processes of this machine: those that a command starts to outlive it, looks at
// and asks to end. A number alone names no process for long: whoever keeps one looks first whether
// it is still the process that was meant. Calls are short and do not wait.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <cairn/base/result.hpp>

namespace cairn::runtime {

using ProcessId = std::int32_t;

struct RunningProcess {
  ProcessId id = 0;
  std::uint64_t started = 0;  // tells two processes of one number apart
  std::string program;        // the path of what it runs
  std::vector<std::string> arguments;
};

class Processes {
 public:
  virtual ~Processes() = default;

  struct Launch {
    std::string program;  // a path
    std::vector<std::string> arguments;
    std::string output;   // a file that standard output goes to, made anew
    std::string errors;   // a file that standard error is added to
    std::string without;  // variables whose names begin so are not passed on; empty: all are
  };
  /// Starts a process in a session of its own, with no input and nothing else of ours open.
  virtual Result<ProcessId> launch(Launch launch) = 0;
  /// Nothing if there is none, or it has ended.
  virtual std::optional<RunningProcess> look(ProcessId id) = 0;
  /// SIGTERM, to just this process; succeeds if it has ended meanwhile.
  virtual Result<> terminate(const RunningProcess& process) = 0;

  /// The folder of the program that runs.
  virtual std::string own_folder() = 0;
  /// The path made absolute by the working directory.
  virtual std::string absolute(std::string path) = 0;
};

}  // namespace cairn::runtime
