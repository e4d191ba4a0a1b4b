// SPDX-License-Identifier: Apache-2.0
// Reads broker keys in force: the broker's dynamic value, that of all brokers, the static one, the
// default; within each tier by the key's synonyms. The functions for typed values require that the
// key exists and that what was set has been checked, as StaticConfig and with_dynamic see to.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/config/server_config.hpp>

namespace cairn::config {

/// A key that supplies another's value, and the factor between their units.
struct SynonymKey {
  std::string_view name;
  std::int64_t factor = 1;
};

/// The synonyms of an option, in the order in which they count; the key itself if it has none.
std::vector<SynonymKey> synonyms_of(const Option& option);

class Values {
 public:
  explicit Values(const ServerConfig& server) : server_(server) {}

  /// Canonical text in this key's unit; nullopt is Kafka's null.
  std::optional<std::string> find(std::string_view key) const;

  std::string text(std::string_view key) const { return find(key).value_or(""); }
  std::vector<std::string> list(std::string_view key) const { return split_list(text(key)); }
  bool flag(std::string_view key) const { return text(key) == "true"; }
  std::int64_t int64(std::string_view key) const;
  std::int32_t int32(std::string_view key) const { return static_cast<std::int32_t>(int64(key)); }
  std::int16_t int16(std::string_view key) const { return static_cast<std::int16_t>(int64(key)); }
  double float64(std::string_view key) const;
  /// INT64_MAX is `forever`.
  Milliseconds ms(std::string_view key) const { return Milliseconds(int64(key)); }

 private:
  const ServerConfig& server_;
};

/// Fills every typed field but the listeners from the values in force.
void fill(ServerConfig& server);
/// Parses listeners, voters and servers; what is wrong becomes problems.
void fill_addresses(ServerConfig& server, Problems& problems);
/// Settings that follow from others or from nothing: node 1, both roles, loopback, one replica.
void derive(StaticConfig& settings, std::string default_data_dir);
/// The rules between keys.
void cross_check(const ServerConfig& server, Problems& problems);

}  // namespace cairn::config
