// SPDX-License-Identifier: Apache-2.0
// What follows from other settings, or from none. The rule of the single node: with neither
// controller.quorum.voters nor controller.quorum.bootstrap.servers there is one node, and it is
// named 1, has both roles, listens on loopback, and keeps internal topics in one replica, since
// there is no second one to hold another.
#include "text.hpp"
#include "values.hpp"

namespace cairn::config {

namespace {

class Derivation {
 public:
  explicit Derivation(StaticConfig& settings) : settings_(settings) {}

  void set(std::string_view key, std::string value, std::string_view because) {
    if (settings_.contains(key)) return;
    settings_.add({{.key = std::string(key),
                    .value = std::move(value),
                    .origin = Origin::derived,
                    .where = std::string(because)}},
                  unused_);
  }

  bool is_set(std::string_view key) const {
    const auto* setting = settings_.find(key);
    return setting != nullptr && !text::trim(setting->value).empty();
  }

  std::string value(std::string_view key) const {
    const auto* setting = settings_.find(key);
    return setting != nullptr ? setting->value : "";
  }

 private:
  StaticConfig& settings_;
  Problems unused_;
};

std::string default_listeners(const std::string& roles, const std::string& controller_names) {
  std::string listeners;
  if (roles.find("broker") != roles.npos) listeners = "PLAINTEXT://127.0.0.1:9092";
  if (roles.find("controller") != roles.npos) {
    const auto names = split_list(controller_names);
    const auto name = names.empty() ? std::string("CONTROLLER") : names.front();
    listeners += (listeners.empty() ? "" : ",") + name + "://127.0.0.1:9093";
  }
  return listeners;
}

}  // namespace

void derive(StaticConfig& settings, std::string default_data_dir) {
  Derivation derivation(settings);
  const bool standalone = !derivation.is_set("controller.quorum.voters") &&
                          !derivation.is_set("controller.quorum.bootstrap.servers");
  const auto* broker_id = settings.find("broker.id");
  if (broker_id != nullptr && text::trim(broker_id->value) != "-1") {
    derivation.set("node.id", broker_id->value, "broker.id");
  }
  if (standalone) {
    constexpr std::string_view because = "single node";
    derivation.set("node.id", "1", because);
    derivation.set("process.roles", "broker,controller", because);
    for (const auto key :
         {"offsets.topic.replication.factor", "transaction.state.log.replication.factor",
          "transaction.state.log.min.isr", "share.coordinator.state.topic.replication.factor",
          "share.coordinator.state.topic.min.isr"}) {
      derivation.set(key, "1", because);
    }
  }
  if (derivation.is_set("node.id")) {
    derivation.set("broker.id", derivation.value("node.id"), "node.id");
  }
  derivation.set("controller.listener.names", "CONTROLLER", "Cairn's default");
  derivation.set("listeners",
                 default_listeners(derivation.value("process.roles"),
                                   derivation.value("controller.listener.names")),
                 "loopback by default");
  if (!derivation.is_set("log.dirs") && !derivation.is_set("log.dir")) {
    derivation.set("log.dirs", std::move(default_data_dir), "user's data directory");
  }
}

}  // namespace cairn::config
