// SPDX-License-Identifier: Apache-2.0
// Gathers the layers of the configuration: file, environment (KAFKA_*), --override; the later one
// wins. All that is wrong is reported at once, each problem in a line for a person.
// Owner: main.
#pragma once

#include <expected>

#include <cairn/config/server_config.hpp>
#include <cairn/runtime/disk.hpp>

#include "command_line.hpp"

namespace cairn::server {

/// Names and values of the process's environment, as main finds them.
using Environment = std::vector<std::pair<std::string, std::string>>;

/// $XDG_DATA_HOME/cairn or ~/.local/share/cairn; "cairn-data" here for a user without a home.
std::string default_data_directory(const Environment& environment);

runtime::Task<std::expected<config::ServerConfig, config::Problems>> load_configuration(
    runtime::Disk& disk, CommandLine line, Environment environment);

}  // namespace cairn::server
