// SPDX-License-Identifier: Apache-2.0
// What the commands below `cairn local` share: their options, the cluster a directory holds, and
// how its nodes are shown. Owner: add_local().
#pragma once

#include "local_nodes.hpp"
#include "program.hpp"

namespace cairn::cli {

struct LocalArguments {
  std::string directory;
  std::optional<int> brokers;
  std::optional<int> port;  // 0: any that are free
  double patience_seconds = 60;
  std::string search_path;  // $PATH
};

/// The cluster that the directory holds; nothing if it holds none, the exit code if it cannot be
/// told.
runtime::Task<std::expected<std::optional<LocalCluster>, int>> local_cluster_in(
    Session& session, std::string directory);
/// Held while nodes are started or stopped; the exit code if another command holds it.
runtime::Task<std::expected<std::unique_ptr<runtime::DirectoryLock>, int>> lock_local_cluster(
    Session& session, const LocalCluster& cluster);
Instant patience_of(Session& session, const LocalArguments& arguments);

/// A table, or JSON with `health` (JSON, or empty) in it.
void print_local_nodes(const Globals& globals, const LocalCluster& cluster,
                       const std::vector<LocalNode>& nodes, const std::string& health);

runtime::Task<int> start_local(Session& session, Globals globals, LocalArguments arguments);

}  // namespace cairn::cli
