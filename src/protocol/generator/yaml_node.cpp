// SPDX-License-Identifier: Apache-2.0
#include "yaml_node.hpp"

#include <charconv>

#include <fmt/format.h>

namespace cairn::protocol::generator {
namespace {

std::optional<int> to_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Versions> to_versions(std::string_view text) {
  if (text == "none") return Versions{};
  if (text.ends_with('+')) {
    const auto min = to_number(text.substr(0, text.size() - 1));
    if (!min) return std::nullopt;
    return Versions{*min, unbounded};
  }
  const auto dash = text.find('-');
  const auto min = to_number(text.substr(0, dash));
  const auto max = dash == std::string_view::npos ? min : to_number(text.substr(dash + 1));
  if (!min || !max || *min > *max) return std::nullopt;
  return Versions{*min, *max};
}

}  // namespace

Mapping::Mapping(std::string file, YAML::Node node, std::string what)
    : file_(std::move(file)), node_(std::move(node)), what_(std::move(what)) {
  if (!node_.IsMap()) fail("must be a mapping of keys to values");
}

std::optional<std::string> Mapping::text(const std::string& key) {
  const YAML::Node value = find(key);
  if (!value) return std::nullopt;
  if (value.IsNull()) return "null";
  if (!value.IsScalar()) fail(fmt::format("'{}' must be a plain value", key));
  return value.Scalar();
}

std::string Mapping::required_text(const std::string& key) {
  const auto value = text(key);
  if (!value) fail(fmt::format("'{}' is missing", key));
  return *value;
}

std::optional<int> Mapping::number(const std::string& key) {
  const auto value = text(key);
  if (!value) return std::nullopt;
  const auto number = to_number(*value);
  if (!number) fail(fmt::format("'{}' is '{}', expected a whole number", key, *value));
  return number;
}

int Mapping::required_number(const std::string& key) {
  required_text(key);
  return *number(key);
}

bool Mapping::flag(const std::string& key) {
  const auto value = text(key).value_or("false");
  if (value != "true" && value != "false") {
    fail(fmt::format("'{}' is '{}', expected true or false", key, value));
  }
  return value == "true";
}

Versions Mapping::versions(const std::string& key) {
  const auto value = text(key);
  if (!value) return {};
  const auto versions = to_versions(*value);
  if (!versions) {
    fail(fmt::format("'{}' is '{}', expected versions such as 3-13, 9+, 0 or none", key, *value));
  }
  return *versions;
}

Versions Mapping::required_versions(const std::string& key) {
  required_text(key);
  return versions(key);
}

YAML::Node Mapping::list(const std::string& key) {
  const YAML::Node value = find(key);
  if (!value || !value.IsSequence()) fail(fmt::format("'{}' must be a list", key));
  return value;
}

Mapping Mapping::mapping(const std::string& key) {
  const YAML::Node value = find(key);
  if (!value) fail(fmt::format("'{}' is missing", key));
  return Mapping(file_, value, key);
}

bool Mapping::has(const std::string& key) const { return node_[key].IsDefined(); }

void Mapping::finish() const {
  for (const auto& entry : node_) {
    const auto& key = entry.first.Scalar();
    if (!asked_.contains(key)) fail(fmt::format("has an unknown key '{}'", key));
  }
}

void Mapping::fail(const std::string& problem) const {
  throw SchemaError(fmt::format("{}:{}: {}: {}", file_, node_.Mark().line + 1, what_, problem));
}

YAML::Node Mapping::find(const std::string& key) {
  asked_.insert(key);
  const YAML::Node& constant = node_;
  return constant[key];
}

}  // namespace cairn::protocol::generator
