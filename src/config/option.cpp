// SPDX-License-Identifier: Apache-2.0
// Finding keys: exactly, behind a listener prefix, or by spelling.
#include <algorithm>
#include <array>
#include <vector>

#include <cairn/config/option.hpp>

#include "option_tables.hpp"

namespace cairn::config {

namespace {

std::vector<Option> join(std::initializer_list<std::span<const Option>> areas) {
  std::vector<Option> all;
  for (auto area : areas) all.insert(all.end(), area.begin(), area.end());
  std::ranges::sort(all, {}, &Option::name);
  return all;
}

const Option* find_exactly(Scope scope, std::string_view name) {
  auto all = options(scope);
  auto found = std::ranges::lower_bound(all, name, {}, &Option::name);
  return found != all.end() && found->name == name ? &*found : nullptr;
}

/// Keys that may also stand behind listener.name.<listener>.<mechanism>.
constexpr std::array<std::string_view, 5> mechanism_keys = {
    "connections.max.reauth.ms", "sasl.jaas.config", "sasl.login.callback.handler.class",
    "sasl.login.class", "sasl.server.callback.handler.class"};

const Option* find_behind_prefix(std::string_view name) {
  constexpr std::string_view prefix = "listener.name.";
  if (!name.starts_with(prefix)) return nullptr;
  name.remove_prefix(prefix.size());
  const auto dot = name.find('.');
  if (dot == 0 || dot == name.npos) return nullptr;
  name.remove_prefix(dot + 1);
  if (const auto* option = find_exactly(Scope::broker, name)) return option;
  for (auto key : mechanism_keys) {
    if (name.size() > key.size() + 1 && name.ends_with(key) &&
        name[name.size() - key.size() - 1] == '.') {
      return find_exactly(Scope::broker, key);
    }
  }
  return nullptr;
}

/// Levenshtein's distance, one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const Option> options(Scope scope) {
  static const std::vector<Option> broker =
      join({tables::coordinators(), tables::groups(), tables::log(), tables::network(),
            tables::node(), tables::remote(), tables::security()});
  static const std::vector<Option> topic = join({tables::topic()});
  static const std::vector<Option> group = join({tables::group()});
  static const std::vector<Option> client_metrics = join({tables::client_metrics()});
  static const std::vector<Option> quota = join({tables::quota()});
  switch (scope) {
    case Scope::broker:
      return broker;
    case Scope::topic:
      return topic;
    case Scope::group:
      return group;
    case Scope::client_metrics:
      return client_metrics;
    case Scope::quota:
      return quota;
  }
  return {};
}

const Option* find(Scope scope, std::string_view name) {
  if (const auto* option = find_exactly(scope, name)) return option;
  return scope == Scope::broker ? find_behind_prefix(name) : nullptr;
}

std::string_view nearest(Scope scope, std::string_view name) {
  constexpr std::size_t longest = 200;  // the longest key has 60 characters
  if (name.size() > longest) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(3, name.size() / 3) + 1;
  for (const auto& option : options(scope)) {
    const auto longer = std::max(name.size(), option.name.size());
    if (longer - std::min(name.size(), option.name.size()) >= least) continue;
    const auto apart = distance(name, option.name);
    if (apart < least) {
      least = apart;
      best = option.name;
    }
  }
  return best;
}

std::string_view to_string(Type type) {
  switch (type) {
    case Type::boolean:
      return "BOOLEAN";
    case Type::string:
      return "STRING";
    case Type::int32:
      return "INT";
    case Type::int16:
      return "SHORT";
    case Type::int64:
      return "LONG";
    case Type::float64:
      return "DOUBLE";
    case Type::list:
      return "LIST";
    case Type::class_name:
      return "CLASS";
    case Type::password:
      return "PASSWORD";
  }
  return "STRING";
}

}  // namespace cairn::config
