// SPDX-License-Identifier: Apache-2.0
// --print-config: every key of a node, its value, and where that came from.
#include <fmt/format.h>

#include "text.hpp"
#include "values.hpp"

namespace cairn::config {

namespace {

struct Line {
  std::string key;
  std::optional<std::string> value;
  Origin origin = Origin::default_value;
  std::string where;
  bool honoured = true;
};

Line line_of(const ServerConfig& server, const Option& option, std::string_view key) {
  Line line{.key = std::string(key), .value = {}, .where = {}, .honoured = {}};
  line.honoured = option.effect == Effect::honoured;
  line.value = Values(server).find(key);
  if (const auto* setting = server.settings.find(key)) {
    line.origin = setting->origin;
    line.where = setting->where;
  }
  if (option.sensitive() && line.value) line.value = "[hidden]";
  return line;
}

bool is_printed(const ServerConfig& server, const Option& option) {
  return option.visibility == Visibility::listed || option.effect == Effect::honoured ||
         server.settings.contains(option.name);
}

std::vector<Line> lines_of(const ServerConfig& server) {
  std::vector<Line> lines;
  for (const auto& option : options(Scope::broker)) {
    if (is_printed(server, option)) lines.push_back(line_of(server, option, option.name));
  }
  for (const auto& [key, setting] : server.settings.all()) {  // behind listener.name.
    const auto* option = find(Scope::broker, key);
    if (option->name != key) lines.push_back(line_of(server, *option, key));
  }
  return lines;
}

std::string source_of(const Line& line) {
  if (line.where.empty()) return std::string(to_string(line.origin));
  return fmt::format("{} {}", to_string(line.origin), line.where);
}

std::string print_text(const std::vector<Line>& lines) {
  std::string out;
  for (const auto& line : lines) {
    out += fmt::format("{} = {}  # {}{}\n", line.key, line.value.value_or("null"), source_of(line),
                       line.honoured ? "" : ", no effect");
  }
  return out;
}

std::string print_json(const std::vector<Line>& lines) {
  std::string out = "[";
  for (const auto& line : lines) {
    out += out.size() > 1 ? ",\n " : "\n ";
    out += fmt::format(R"({{"key":{},"value":{},"origin":{},"where":{},"effect":{}}})",
                       text::json_string(line.key),
                       line.value ? text::json_string(*line.value) : "null",
                       text::json_string(to_string(line.origin)), text::json_string(line.where),
                       line.honoured ? "true" : "false");
  }
  return out + "\n]\n";
}

}  // namespace

std::string print_config(const ServerConfig& server, PrintFormat format) {
  const auto lines = lines_of(server);
  return format == PrintFormat::json ? print_json(lines) : print_text(lines);
}

}  // namespace cairn::config
