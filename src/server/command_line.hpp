// SPDX-License-Identifier: Apache-2.0
// cairnd's arguments, as values. Nothing of the configuration itself is understood here: overrides
// stay text until config reads them, so that every layer is checked in one place.
// Owner: main.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <cairn/base/log.hpp>

namespace cairn::server {

struct CommandLine {
  std::string config_file;             // empty: none
  std::vector<std::string> overrides;  // key=value
  bool print_config = false;
  logging::Level log_level = logging::Level::info;
};

/// Nothing, and the exit code, if the arguments ask for help or the version, or are wrong; what is
/// to be said then has been printed.
std::optional<CommandLine> parse_command_line(int argc, const char* const* argv, int& exit_code);

}  // namespace cairn::server
