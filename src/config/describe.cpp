// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs' entries. The synonyms of a key are, tier by tier, every value that could have
// supplied its own; those before the key's own first entry are left out, as Kafka leaves them out.
#include <algorithm>

#include <cairn/config/describe.hpp>

#include "text.hpp"
#include "values.hpp"

namespace cairn::config {

namespace {

std::optional<std::string> shown(const Option* option, const std::optional<std::string>& value) {
  if (option == nullptr || option->sensitive() || !value) return std::nullopt;
  return value;
}

/// The chain of a broker key: dynamic of the broker, dynamic of all, static, default.
std::vector<Synonym> broker_synonyms(const ServerConfig& server, std::string_view key) {
  const auto* option = find(Scope::broker, key);
  if (option == nullptr) return {};
  std::vector<SynonymKey> keys = synonyms_of(*option);
  if (key != option->name) keys = {{key}, {option->name}};
  std::vector<Synonym> chain;
  const auto add = [&](std::string_view name, std::optional<std::string> value,
                       ConfigSource source) {
    chain.push_back({std::string(name), shown(option, value), source});
  };
  const auto add_dynamic = [&](const Overrides& overrides, ConfigSource source) {
    for (const auto& synonym : keys) {
      const auto found = overrides.find(synonym.name);
      if (found != overrides.end()) add(synonym.name, found->second, source);
    }
  };
  add_dynamic(server.dynamic_broker, ConfigSource::dynamic_broker);
  add_dynamic(server.dynamic_cluster, ConfigSource::dynamic_default_broker);
  for (const auto& synonym : keys) {
    if (const auto* setting = server.settings.find(synonym.name)) {
      add(synonym.name, setting->value, ConfigSource::static_broker);
    }
  }
  for (const auto& synonym : keys) {
    const auto* named = find(Scope::broker, synonym.name);
    if (named->name == synonym.name && named->default_value != nullptr) {
      add(synonym.name, named->default_value, ConfigSource::default_value);
    }
  }
  const auto own = std::ranges::find(chain, key, &Synonym::name);
  chain.erase(chain.begin(), own);
  return chain;
}

Entry entry_of(const Option& option, std::string_view key) {
  return {.name = std::string(key),
          .value = {},
          .sensitive = option.sensitive(),
          .synonyms = {},
          .type = option.type,
          .documentation = option.doc};
}

void set_source(Entry& entry) {
  entry.source =
      entry.synonyms.empty() ? ConfigSource::default_value : entry.synonyms.front().source;
}

/// A topic's or group's entry: its override, then the chain of the broker key behind it.
Entry scoped_entry(const ServerConfig& server, const Option& option, const Overrides& overrides,
                   ConfigSource own_source) {
  auto entry = entry_of(option, option.name);
  const auto own = overrides.find(option.name);
  const auto broker_key = synonyms_of(option).front().name;
  const bool has_broker_key = !option.synonyms.empty();
  if (own != overrides.end()) {
    entry.value = shown(&option, canonical(option, own->second));
    entry.synonyms.push_back({std::string(option.name), entry.value, own_source});
  } else if (const auto inherited =
                 has_broker_key ? Values(server).find(broker_key) : std::nullopt) {
    entry.value = shown(&option, inherited);
  } else if (option.default_value != nullptr) {
    entry.value = shown(&option, option.default_value);
  }
  if (has_broker_key) {
    auto chain = broker_synonyms(server, broker_key);
    std::ranges::move(chain, std::back_inserter(entry.synonyms));
  }
  return entry;
}

Entry broker_entry(const ServerConfig& server, const Option& option, std::string_view key) {
  auto entry = entry_of(option, key);
  entry.value = shown(&option, Values(server).find(key));
  // Kafka shows hours and minutes as they were set, and milliseconds only if they were set.
  const auto keys = synonyms_of(option);
  if (keys.size() > 1) {
    const auto chain = broker_synonyms(server, key);
    entry.value = chain.empty() ? std::nullopt : shown(&option, chain.front().value);
  }
  entry.read_only = option.update == UpdateMode::read_only;
  entry.synonyms = broker_synonyms(server, key);
  set_source(entry);
  return entry;
}

bool is_set(const ServerConfig& server, std::string_view key) {
  return server.dynamic_broker.contains(key) || server.dynamic_cluster.contains(key);
}

}  // namespace

std::vector<Entry> describe_topic(const ServerConfig& server, const Overrides& topic) {
  std::vector<Entry> entries;
  for (const auto& option : options(Scope::topic)) {
    if (option.visibility == Visibility::internal && !topic.contains(option.name)) continue;
    auto entry = scoped_entry(server, option, topic, ConfigSource::dynamic_topic);
    set_source(entry);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<Entry> describe_broker(const ServerConfig& server) {
  std::vector<Entry> entries;
  for (const auto& option : options(Scope::broker)) {
    if (option.visibility == Visibility::internal && !is_set(server, option.name)) continue;
    entries.push_back(broker_entry(server, option, option.name));
  }
  const auto add_prefixed = [&](std::string_view key) {
    const auto* option = find(Scope::broker, key);
    const bool listed = std::ranges::find(entries, key, &Entry::name) != entries.end();
    if (option != nullptr && option->name != key && !listed) {
      entries.push_back(broker_entry(server, *option, key));
    }
  };
  for (const auto& [key, value] : server.dynamic_broker) add_prefixed(key);
  for (const auto& [key, value] : server.dynamic_cluster) add_prefixed(key);
  for (const auto& [key, setting] : server.settings.all()) add_prefixed(key);
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

std::vector<Entry> describe_cluster_default(const Overrides& cluster) {
  std::vector<Entry> entries;
  for (const auto& [key, value] : cluster) {
    const auto* option = find(Scope::broker, key);
    if (option == nullptr) continue;
    auto entry = entry_of(*option, key);
    entry.value = shown(option, canonical(*option, value));
    entry.read_only = option->update == UpdateMode::read_only;
    entry.source = ConfigSource::dynamic_default_broker;
    entry.synonyms = {{key, shown(option, value), entry.source}};
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<Entry> describe_group(const ServerConfig& server, const Overrides& group) {
  std::vector<Entry> entries;
  for (const auto& option : options(Scope::group)) {
    auto entry = scoped_entry(server, option, group, ConfigSource::group);
    if (option.synonyms.empty()) {  // a key of groups alone still names its default
      entry.synonyms.push_back(
          {std::string(option.name), option.default_value, ConfigSource::default_value});
    }
    set_source(entry);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<Entry> describe_client_metrics(const Overrides& subscription) {
  std::vector<Entry> entries;
  for (const auto& option : options(Scope::client_metrics)) {
    auto entry = entry_of(option, option.name);
    const auto own = subscription.find(option.name);
    const bool is_own = own != subscription.end();
    entry.value = is_own ? canonical(option, own->second) : std::string(option.default_value);
    entry.source = is_own ? ConfigSource::client_metrics : ConfigSource::default_value;
    if (is_own) entry.synonyms = {{entry.name, entry.value, entry.source}};
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace cairn::config
