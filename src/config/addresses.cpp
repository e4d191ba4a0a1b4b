// SPDX-License-Identifier: Apache-2.0
// Listeners, advertised listeners, voters and bootstrap servers, from their lists to typed values.
#include <algorithm>
#include <cctype>
#include <map>

#include <fmt/format.h>

#include "text.hpp"
#include "values.hpp"

namespace cairn::config {

namespace {

using ProtocolMap = std::map<std::string, SecurityProtocol, std::less<>>;

std::optional<SecurityProtocol> protocol_named(std::string_view name) {
  for (const auto protocol : {SecurityProtocol::plaintext, SecurityProtocol::ssl,
                              SecurityProtocol::sasl_plaintext, SecurityProtocol::sasl_ssl}) {
    if (to_string(protocol) == name) return protocol;
  }
  return std::nullopt;
}

/// "host:port", "[::1]:port" or ":port".
std::optional<HostPort> parse_host_port(std::string_view value) {
  const auto colon = value.rfind(':');
  if (colon == value.npos) return std::nullopt;
  const auto port = text::parse_integer(value.substr(colon + 1));
  auto host = value.substr(0, colon);
  if (!port || *port < 0 || *port > 65535) return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return std::nullopt;  // an IPv6 address without brackets
  }
  if (host.find_first_of("/ @") != host.npos) return std::nullopt;
  return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

class AddressReader {
 public:
  AddressReader(const ServerConfig& server, Problems& problems)
      : values_(server), settings_(server.settings), problems_(problems) {}

  ProtocolMap protocols(const std::vector<std::string>& controller_listeners) {
    constexpr std::string_view key = "listener.security.protocol.map";
    ProtocolMap map;
    for (const auto& entry : values_.list(key)) {
      const auto colon = entry.find(':');
      const auto name = text::upper(entry.substr(0, colon));
      const auto protocol =
          colon == entry.npos
              ? std::nullopt
              : protocol_named(text::upper(std::string_view(entry).substr(colon + 1)));
      if (protocol) {
        map[name] = *protocol;
      } else {
        problem(key, entry, "write NAME:PROTOCOL with PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
      }
    }
    if (!settings_.contains(key)) {
      for (const auto& name : controller_listeners) {
        map.try_emplace(name, SecurityProtocol::plaintext);
      }
    }
    return map;
  }

  std::vector<ListenerConfig> listeners(std::string_view key, const ProtocolMap& protocols) {
    std::vector<ListenerConfig> listeners;
    for (const auto& entry : values_.list(key)) {
      const auto slashes = entry.find("://");
      const auto address = slashes == entry.npos
                               ? std::nullopt
                               : parse_host_port(std::string_view(entry).substr(slashes + 3));
      if (!address || slashes == 0) {
        problem(key, entry, "write NAME://host:port, for example PLAINTEXT://127.0.0.1:9092");
        continue;
      }
      const auto name = text::upper(entry.substr(0, slashes));
      const auto protocol = protocols.find(name);
      if (protocol == protocols.end()) {
        problem(
            key, entry,
            fmt::format("listener.security.protocol.map has no entry for {0}; add {0}:PLAINTEXT",
                        name));
        continue;
      }
      listeners.push_back({.name = name,
                           .host = address->host,
                           .port = address->port,
                           .protocol = protocol->second});
    }
    return listeners;
  }

  std::vector<VoterConfig> voters() {
    constexpr std::string_view key = "controller.quorum.voters";
    std::vector<VoterConfig> voters;
    for (const auto& entry : values_.list(key)) {
      const auto at = entry.find('@');
      const auto id = text::parse_integer(std::string_view(entry).substr(0, at));
      const auto address =
          at == entry.npos ? std::nullopt : parse_host_port(std::string_view(entry).substr(at + 1));
      if (!id || *id < 0 || *id > INT32_MAX || !address || address->host.empty()) {
        problem(key, entry, "write id@host:port, for example 1@127.0.0.1:9093");
        continue;
      }
      voters.push_back({BrokerId(static_cast<std::int32_t>(*id)), address->host, address->port});
    }
    return voters;
  }

  std::vector<HostPort> bootstrap_servers() {
    constexpr std::string_view key = "controller.quorum.bootstrap.servers";
    std::vector<HostPort> servers;
    for (const auto& entry : values_.list(key)) {
      auto address = parse_host_port(entry);
      if (address && !address->host.empty()) {
        servers.push_back(std::move(*address));
      } else {
        problem(key, entry, "write host:port, for example 127.0.0.1:9093");
      }
    }
    return servers;
  }

  /// It stands in meta.properties and in paths of monitoring: what Kafka's tool draws, or alike.
  std::string cluster_id() {
    constexpr std::string_view key = "cairn.cluster.id";
    auto value = values_.text(key);
    constexpr std::size_t longest = 64;
    const bool plain = std::ranges::all_of(value, [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '=';
    });
    if (!plain || value.size() > longest) {
      problem(key, value, "write up to 64 letters, digits, - and _, for example 22 of base64url");
    }
    return value;
  }

  HttpConfig http() {
    constexpr std::string_view key = "cairn.http.listener";
    HttpConfig http;
    http.configured = settings_.contains(key);
    const auto value = values_.text(key);
    http.enabled = !value.empty();
    if (!http.enabled) return http;
    if (auto address = parse_host_port(value)) {
      http.host = std::move(address->host);
      http.port = address->port;
    } else {
      problem(key, value,
              "write host:port, for example 127.0.0.1:9404, or nothing to switch it off");
    }
    return http;
  }

 private:
  void problem(std::string_view key, std::string_view value, std::string_view what) {
    const auto* setting = settings_.find(key);
    problems_.push_back(
        fmt::format("{}: {}: \"{}\": {}", setting ? setting->where : "default", key, value, what));
  }

  Values values_;
  const StaticConfig& settings_;
  Problems& problems_;
};

/// The listener that brokers use among themselves: named, or by protocol, or PLAINTEXT.
std::string inter_broker_listener(const ServerConfig& server) {
  const Values values(server);
  if (const auto name = values.find("inter.broker.listener.name"); name && !name->empty()) {
    return text::upper(*name);
  }
  return values.text("security.inter.broker.protocol");
}

}  // namespace

std::string_view to_string(SecurityProtocol protocol) {
  switch (protocol) {
    case SecurityProtocol::plaintext:
      return "PLAINTEXT";
    case SecurityProtocol::ssl:
      return "SSL";
    case SecurityProtocol::sasl_plaintext:
      return "SASL_PLAINTEXT";
    case SecurityProtocol::sasl_ssl:
      return "SASL_SSL";
  }
  return "PLAINTEXT";
}

void fill_addresses(ServerConfig& server, Problems& problems) {
  const Values values(server);
  AddressReader reader(server, problems);
  server.broker_role = false;
  server.controller_role = false;
  for (const auto& role : values.list("process.roles")) {
    (role == "broker" ? server.broker_role : server.controller_role) = true;
  }
  for (const auto& name : values.list("controller.listener.names")) {
    server.controller_listener_names.push_back(text::upper(name));
  }
  const auto protocols = reader.protocols(server.controller_listener_names);
  server.listeners = reader.listeners("listeners", protocols);
  if (values.find("advertised.listeners")) {
    server.advertised_listeners = reader.listeners("advertised.listeners", protocols);
  } else {
    std::ranges::copy_if(
        server.listeners, std::back_inserter(server.advertised_listeners),
        [&server](const auto& listener) { return !server.is_controller_listener(listener.name); });
  }
  server.inter_broker_listener_name = inter_broker_listener(server);
  server.quorum.voters = reader.voters();
  server.quorum.bootstrap_servers = reader.bootstrap_servers();
  server.quorum.standalone =
      server.quorum.voters.empty() && server.quorum.bootstrap_servers.empty();
  server.quorum.cluster_id = reader.cluster_id();
  server.http = reader.http();
}

}  // namespace cairn::config
