// SPDX-License-Identifier: Apache-2.0
// From settings to a checked ServerConfig.
#include <algorithm>

#include <fmt/format.h>

#include <cairn/config/server_config.hpp>

#include "text.hpp"
#include "values.hpp"

namespace cairn::config {

namespace {

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::string join(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

void open_listeners(const ServerConfig& server, std::vector<std::string>& lines) {
  for (const auto& listener : server.listeners) {
    if (is_loopback(listener.host) || listener.protocol != SecurityProtocol::plaintext) continue;
    lines.push_back(fmt::format(
        "listener {}://{}:{} is open to the network without encryption or authentication: whoever "
        "reaches it may read and write everything",
        listener.name, listener.host.empty() ? "*" : listener.host, listener.port));
  }
}

void keys_without_effect(const ServerConfig& server, std::vector<std::string>& lines) {
  std::vector<std::string> keys;
  for (const auto& [key, setting] : server.settings.all()) {
    const auto* option = find(Scope::broker, key);
    if (option->effect == Effect::none && setting.origin != Origin::derived) keys.push_back(key);
  }
  if (!keys.empty()) {
    lines.push_back("these keys are accepted and have no effect: " + join(keys));
  }
}

}  // namespace

bool ServerConfig::is_controller_listener(std::string_view name) const {
  return std::ranges::find(controller_listener_names, name) != controller_listener_names.end();
}

std::vector<std::string> ServerConfig::notices() const {
  std::vector<std::string> lines;
  open_listeners(*this, lines);
  keys_without_effect(*this, lines);
  return lines;
}

std::expected<ServerConfig, Problems> make_server_config(StaticConfig settings,
                                                         std::string default_data_dir) {
  Problems problems;
  derive(settings, std::move(default_data_dir));
  ServerConfig server{};
  server.settings = std::move(settings);
  fill_addresses(server, problems);
  fill(server);
  cross_check(server, problems);
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return server;
}

}  // namespace cairn::config
