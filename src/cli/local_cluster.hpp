// SPDX-License-Identifier: Apache-2.0
// A cluster of combined nodes on this machine, as `cairn local` keeps it: which ports and files it
// has, and the configuration of each node. Node ids count from 1. Pure. Owner: the command.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace cairn::cli {

struct LocalCluster {
  static constexpr int most_brokers = 15;
  static constexpr int ports_each = 3;
  static constexpr std::uint16_t usual_port = 9092;

  std::string directory;  // absolute
  int brokers = 3;
  std::uint16_t port = usual_port;  // the first; brokers, controllers, metrics in turn

  int broker_port(int id) const { return port + id - 1; }
  int controller_port(int id) const { return port + brokers + id - 1; }
  int metrics_port(int id) const { return port + 2 * brokers + id - 1; }
  int last_port() const { return port + ports_each * brokers - 1; }

  std::string folder(int id) const;
  std::string config_file(int id) const { return folder(id) + "/cairn.yaml"; }
  std::string log_file(int id) const { return folder(id) + "/cairnd.log"; }
  std::string ready_file(int id) const { return folder(id) + "/ready"; }
  std::string pid_file(int id) const { return folder(id) + "/pid"; }
  std::string description_file() const { return directory + "/cluster.json"; }
  std::string lock_file() const { return directory + "/lock"; }

  /// "127.0.0.1:9092,127.0.0.1:9093,...".
  std::string bootstrap() const;
  std::string configuration(int id) const;
  /// What description_file() holds.
  std::string description() const;
  static std::expected<LocalCluster, std::string> parse(std::string directory,
                                                        std::string_view description);
};

/// "cairn-local" in the user's data folder; the arguments are $XDG_DATA_HOME and $HOME.
std::string usual_local_directory(const std::string& data_home, const std::string& home);

}  // namespace cairn::cli
