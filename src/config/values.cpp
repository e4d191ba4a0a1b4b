// SPDX-License-Identifier: Apache-2.0
#include "values.hpp"

#include <cairn/base/assert.hpp>

#include "text.hpp"

namespace cairn::config {

namespace {

const std::string* find_in(const Overrides& overrides, std::string_view key) {
  const auto found = overrides.find(key);
  return found == overrides.end() ? nullptr : &found->second;
}

std::string in_unit(const SynonymKey& synonym, const std::string& value) {
  const auto* option = find(Scope::broker, synonym.name);
  if (synonym.factor == 1) return option ? canonical(*option, value) : value;
  const auto number = text::parse_integer(text::trim(value)).value_or(0);
  if (number < 0) return "-1";  // hours and minutes: -1 means for ever in every unit
  return std::to_string(number * synonym.factor);
}

}  // namespace

std::vector<SynonymKey> synonyms_of(const Option& option) {
  if (option.synonyms.empty()) return {{option.name, 1}};
  std::vector<SynonymKey> keys;
  for (auto part : text::split(option.synonyms, ';')) {
    const auto star = part.find('*');
    const auto factor =
        star == part.npos ? 1 : text::parse_integer(part.substr(star + 1)).value_or(1);
    keys.push_back({part.substr(0, star), factor});
  }
  return keys;
}

std::optional<std::string> Values::find(std::string_view key) const {
  const auto* option = cairn::config::find(Scope::broker, key);
  ASSERT(option != nullptr, "only keys of the table are read");
  // A weaker synonym, such as hours, does not read a stronger one, such as ms.
  std::vector<SynonymKey> keys = synonyms_of(*option);
  if (keys.front().name != option->name) keys = {{key, 1}};
  if (key != option->name) keys = {{key, 1}, {option->name, 1}};  // behind a listener's prefix
  for (const auto* dynamic : {&server_.dynamic_broker, &server_.dynamic_cluster}) {
    for (const auto& synonym : keys) {
      if (const auto* value = find_in(*dynamic, synonym.name)) return in_unit(synonym, *value);
    }
  }
  for (const auto& synonym : keys) {
    if (const auto* setting = server_.settings.find(synonym.name)) {
      return in_unit(synonym, setting->value);
    }
  }
  for (const auto& synonym : keys) {
    const auto* named = cairn::config::find(Scope::broker, synonym.name);
    if (named != nullptr && named->default_value != nullptr) {
      return in_unit(synonym, named->default_value);
    }
  }
  return std::nullopt;
}

std::int64_t Values::int64(std::string_view key) const {
  return text::parse_integer(text(key)).value_or(0);
}

double Values::float64(std::string_view key) const {
  return text::parse_double(text(key)).value_or(0);
}

std::optional<std::string> value_of(const ServerConfig& server, std::string_view key) {
  if (find(Scope::broker, key) == nullptr) return std::nullopt;
  return Values(server).find(key);
}

}  // namespace cairn::config
