// SPDX-License-Identifier: Apache-2.0
// Environment, command line, and the layering of all sources.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <cairn/config/option.hpp>
#include <cairn/config/settings.hpp>

#include "text.hpp"

namespace cairn::config {

namespace {

constexpr std::string_view environment_prefix = "KAFKA_";

/// Variables that Kafka's scripts and images, and Kubernetes' service links for a service named
/// "kafka", set beside the configuration.
bool is_foreign_variable(std::string_view name) {
  constexpr std::array<std::string_view, 15> exact = {
      "CLASSPATH", "DEBUG",        "GC_LOG_OPTS", "GROUP",    "HEAP_OPTS",
      "HOME",      "JMX_HOSTNAME", "JMX_OPTS",    "JMX_PORT", "JVM_PERFORMANCE_OPTS",
      "MODE",      "OPTS",         "PORT",        "USER",     "VERSION"};
  constexpr std::array<std::string_view, 7> prefixes = {
      "DEBUG_", "LOG4J_", "PORT_", "SERVICE_HOST", "SERVICE_PORT", "TOOLS_", "EXTRA_"};
  return std::ranges::find(exact, name) != exact.end() ||
         std::ranges::any_of(prefixes, [name](auto prefix) { return name.starts_with(prefix); });
}

std::string key_of_variable(std::string_view name) {
  std::string key;
  while (!name.empty()) {
    const auto underscores = std::min(name.find_first_not_of('_'), name.size());
    if (underscores > 0) {
      key += underscores == 1 ? '.' : underscores == 2 ? '_' : '-';
      name.remove_prefix(std::min<std::size_t>(underscores, 3));
    } else {
      key += name.front();
      name.remove_prefix(1);
    }
  }
  return text::lower(key);
}

std::string shown(const Option* option, const std::string& value) {
  return option != nullptr && option->sensitive() ? "[hidden]" : fmt::format("\"{}\"", value);
}

struct Unit {
  std::string_view word;
  std::int64_t factor;  // in ms or bytes
};

constexpr std::array<Unit, 8> time_units = {{{"ms", 1},
                                             {"s", 1000},
                                             {"sec", 1000},
                                             {"m", 60'000},
                                             {"min", 60'000},
                                             {"h", 3'600'000},
                                             {"d", 86'400'000},
                                             {"w", 604'800'000}}};
constexpr std::array<Unit, 10> size_units = {{{"b", 1},
                                              {"k", 1LL << 10},
                                              {"kb", 1LL << 10},
                                              {"kib", 1LL << 10},
                                              {"m", 1LL << 20},
                                              {"mb", 1LL << 20},
                                              {"mib", 1LL << 20},
                                              {"g", 1LL << 30},
                                              {"gb", 1LL << 30},
                                              {"gib", 1LL << 30}}};

/// What "7d" or "1GB" means in the unit of this key; empty if it is no such value.
std::string plain_number(std::string_view key, std::string_view value) {
  value = text::trim(value);
  const auto digits = std::min(value.find_first_not_of("0123456789"), value.size());
  const auto number = text::parse_integer(value.substr(0, digits));
  const auto word = text::lower(text::trim(value.substr(digits)));
  constexpr std::int64_t most = 1'000'000;
  if (!number || word.empty() || *number > most) return {};
  const bool is_time = key.ends_with(".ms") || key.ends_with(".seconds") ||
                       key.ends_with(".minutes") || key.ends_with(".hours");
  const std::int64_t divisor = key.ends_with(".seconds")   ? 1000
                               : key.ends_with(".minutes") ? 60'000
                               : key.ends_with(".hours")   ? 3'600'000
                                                           : 1;
  const std::span<const Unit> units =
      is_time ? std::span<const Unit>(time_units) : std::span<const Unit>(size_units);
  for (const auto& unit : units) {
    if (unit.word == word) return std::to_string(*number * unit.factor / divisor);
  }
  return {};
}

std::string expected(const Option& option) {
  switch (option.type) {
    case Type::boolean:
      return "write true or false";
    case Type::int16:
    case Type::int32:
    case Type::int64:
      if (option.name.ends_with(".ms")) return "write a whole number of milliseconds";
      if (option.name.ends_with(".bytes")) return "write a whole number of bytes";
      return "write a whole number";
    case Type::float64:
      return "write a number";
    default:
      return {};
  }
}

std::string bad_value(const Setting& setting, const Option& option, const ConfigError& error) {
  auto why = error.message;
  const auto colon = why.find(fmt::format(" for configuration {}: ", option.name));
  if (colon != why.npos) why = why.substr(why.find(": ", colon) + 2);
  auto line = fmt::format("{}: {} = {}: {}", setting.where, setting.key,
                          shown(&option, setting.value), why);
  const auto number = plain_number(setting.key, setting.value);
  if (!number.empty()) {
    line += fmt::format("; units are not accepted, as in Kafka: write {}", number);
  } else if (const auto hint = expected(option); !hint.empty()) {
    line += "; " + hint;
  }
  return line;
}

std::string unknown_key(const Setting& setting) {
  auto line = fmt::format("{}: {} is not a configuration key", setting.where, setting.key);
  if (const auto* topic = find(Scope::topic, setting.key)) {
    const auto synonym = text::split(topic->synonyms, ';').front();
    return synonym.empty() ? line + " of a node but of topics"
                           : fmt::format(
                                 "{} of a node but of topics; the default for all topics is "
                                 "{}",
                                 line, synonym);
  }
  const auto near = nearest(Scope::broker, setting.key);
  return near.empty() ? line + "; remove it" : fmt::format("{}; did you mean {}?", line, near);
}

}  // namespace

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::default_value:
      return "default";
    case Origin::derived:
      return "derived";
    case Origin::file:
      return "file";
    case Origin::environment:
      return "environment";
    case Origin::command_line:
      return "command line";
  }
  return "default";
}

std::vector<Setting> parse_environment(
    std::span<const std::pair<std::string, std::string>> variables, Problems& problems) {
  std::vector<Setting> settings;
  for (const auto& [name, value] : variables) {
    if (!name.starts_with(environment_prefix)) continue;
    const auto rest = std::string_view(name).substr(environment_prefix.size());
    if (is_foreign_variable(rest)) continue;
    if (rest.empty()) {
      problems.push_back(fmt::format("{}: a key is missing behind KAFKA_", name));
      continue;
    }
    settings.push_back({.key = key_of_variable(rest),
                        .value = value,
                        .origin = Origin::environment,
                        .where = name});
  }
  std::ranges::sort(settings, {}, &Setting::key);
  return settings;
}

std::vector<Setting> parse_overrides(std::span<const std::string> arguments, Problems& problems) {
  std::vector<Setting> settings;
  for (const auto& argument : arguments) {
    const auto equals = argument.find('=');
    const auto key = text::trim(std::string_view(argument).substr(0, equals));
    if (equals == argument.npos || key.empty()) {
      problems.push_back(fmt::format(
          "--override {}: write --override key=value, for example node.id=1", argument));
      continue;
    }
    settings.push_back({.key = std::string(key),
                        .value = argument.substr(equals + 1),
                        .origin = Origin::command_line,
                        .where = "--override"});
  }
  return settings;
}

void StaticConfig::add(std::vector<Setting> layer, Problems& problems) {
  for (auto& setting : layer) {
    const auto* option = cairn::config::find(Scope::broker, setting.key);
    if (option == nullptr) {
      problems.push_back(unknown_key(setting));
      continue;
    }
    if (const auto checked = check_value(*option, setting.value); !checked) {
      problems.push_back(bad_value(setting, *option, checked.error()));
      continue;
    }
    auto [place, added] = settings_.try_emplace(setting.key, setting);
    if (!added && setting.origin >= place->second.origin) place->second = std::move(setting);
  }
}

const Setting* StaticConfig::find(std::string_view key) const {
  const auto found = settings_.find(key);
  return found == settings_.end() ? nullptr : &found->second;
}

}  // namespace cairn::config
