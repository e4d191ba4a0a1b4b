// SPDX-License-Identifier: Apache-2.0
#include "configuration.hpp"

#include <algorithm>

namespace cairn::server {
namespace {

std::string_view value_of(const Environment& environment, std::string_view name) {
  const auto found =
      std::ranges::find(environment, name, &std::pair<std::string, std::string>::first);
  return found == environment.end() ? std::string_view{} : std::string_view(found->second);
}

}  // namespace

std::string default_data_directory(const Environment& environment) {
  if (const auto data = value_of(environment, "XDG_DATA_HOME"); !data.empty()) {
    return std::string(data) + "/cairn";
  }
  if (const auto home = value_of(environment, "HOME"); !home.empty()) {
    return std::string(home) + "/.local/share/cairn";
  }
  return "cairn-data";
}

runtime::Task<std::expected<config::ServerConfig, config::Problems>> load_configuration(
    runtime::Disk& disk, CommandLine line, Environment environment) {
  config::Problems problems;
  config::StaticConfig settings;
  if (!line.config_file.empty()) {
    const auto text = co_await runtime::read_file(disk, line.config_file);
    if (!text) {
      problems.push_back(fmt::format("cannot read the configuration file {}: {}", line.config_file,
                                     text.error().why));
    } else {
      settings.add(config::parse_file(as_text(*text), line.config_file, problems), problems);
    }
  }
  settings.add(config::parse_environment(environment, problems), problems);
  settings.add(config::parse_overrides(line.overrides, problems), problems);
  if (!problems.empty()) co_return std::unexpected(std::move(problems));
  co_return config::make_server_config(std::move(settings), default_data_directory(environment));
}

}  // namespace cairn::server
