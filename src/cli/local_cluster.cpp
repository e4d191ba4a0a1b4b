// SPDX-License-Identifier: Apache-2.0
#include "local_cluster.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "output.hpp"

namespace cairn::cli {

namespace {

constexpr int last_port_there_is = 65535;

std::string in_quotes(std::string_view text) { return std::move(Json().value(text).text()); }

}  // namespace

std::string LocalCluster::folder(int id) const { return fmt::format("{}/node-{}", directory, id); }

std::string LocalCluster::bootstrap() const {
  std::string out;
  for (int id = 1; id <= brokers; id++) {
    out += fmt::format("{}127.0.0.1:{}", id == 1 ? "" : ",", broker_port(id));
  }
  return out;
}

std::string LocalCluster::configuration(int id) const {
  std::string voters;
  for (int voter = 1; voter <= brokers; voter++) {
    voters +=
        fmt::format("{}{}@127.0.0.1:{}", voter == 1 ? "" : ",", voter, controller_port(voter));
  }
  const int replicas = std::min(brokers, 3);
  return fmt::format(
      "# Node {0} of {1}, written once by `cairn local`. What is changed here stays, and holds "
      "from\n"
      "# the next start on.\n"
      "node.id: {0}\n"
      "process.roles: broker,controller\n"
      "controller.quorum.voters: {2}\n"
      "controller.listener.names: CONTROLLER\n"
      "listeners: PLAINTEXT://127.0.0.1:{3},CONTROLLER://127.0.0.1:{4}\n"
      "cairn.http.listener: 127.0.0.1:{5}\n"
      "log.dirs: {6}\n"
      "default.replication.factor: {7}\n"
      "offsets.topic.replication.factor: {7}\n"
      "min.insync.replicas: {8}\n"
      "group.initial.rebalance.delay.ms: 0\n",
      id, brokers, voters, broker_port(id), controller_port(id), metrics_port(id),
      in_quotes(folder(id) + "/data"), replicas, replicas == 3 ? 2 : 1);
}

std::string LocalCluster::description() const {
  Json json;
  json.begin_object().field("brokers", std::int64_t{brokers});
  return std::move(json.field("port", std::int64_t{port}).end_object().text()) + '\n';
}

std::expected<LocalCluster, std::string> LocalCluster::parse(std::string directory,
                                                             std::string_view description) {
  const auto root = nlohmann::json::parse(description, nullptr, false);  // discarded: none
  const auto number = [&](const char* name) -> std::int64_t {
    const auto found = root.is_object() ? root.find(name) : root.end();
    return found != root.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  };
  const std::int64_t brokers = number("brokers");
  const std::int64_t port = number("port");
  if (brokers < 1 || brokers > most_brokers || port < 1 ||
      port + ports_each * brokers - 1 > last_port_there_is) {
    return std::unexpected("\"brokers\" and \"port\" are not those of a cluster");
  }
  return LocalCluster{std::move(directory), static_cast<int>(brokers),
                      static_cast<std::uint16_t>(port)};
}

std::string usual_local_directory(const std::string& data_home, const std::string& home) {
  if (!data_home.empty()) return data_home + "/cairn-local";
  if (!home.empty()) return home + "/.local/share/cairn-local";
  return "cairn-local";
}

}  // namespace cairn::cli
