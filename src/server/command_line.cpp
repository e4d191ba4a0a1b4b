// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <map>

#include <CLI/CLI.hpp>

namespace cairn::server {

std::optional<CommandLine> parse_command_line(int argc, const char* const* argv, int& exit_code) {
  CommandLine line;
  const std::map<std::string, logging::Level> levels{{"trace", logging::Level::trace},
                                                     {"debug", logging::Level::debug},
                                                     {"info", logging::Level::info},
                                                     {"warn", logging::Level::warn},
                                                     {"error", logging::Level::error}};
  CLI::App app(
      "A server that speaks Apache Kafka's protocol. Without arguments: one node on "
      "127.0.0.1:9092 with its data in the user's data folder.",
      "cairnd");
  app.set_version_flag("--version", "cairnd " CAIRN_VERSION " (protocol of Apache Kafka 4.3.1)");
  app.add_option("--config", line.config_file,
                 "Configuration: YAML with Kafka's keys, or a *.properties file")
      ->type_name("FILE");
  app.add_option("--override", line.overrides, "Sets one key; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--print-config", line.print_config,
               "Shows every key, its value and where that came from, and exits");
  app.add_option("--log-level", line.log_level, "trace, debug, info, warn or error")
      ->transform(CLI::CheckedTransformer(levels, CLI::ignore_case))
      ->type_name("LEVEL");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return std::nullopt;
  }
  return line;
}

}  // namespace cairn::server
