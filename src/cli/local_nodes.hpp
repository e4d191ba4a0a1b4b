// SPDX-License-Identifier: Apache-2.0
// The processes of a local cluster: which run, starting one, ending it. A pid file is believed only
// if that process is a cairnd started with the node's configuration. Owner: the command, which
// holds the cluster's lock while it starts or stops.
#pragma once

#include <vector>

#include "cli.hpp"
#include "local_cluster.hpp"

namespace cairn::cli {

/// A node at one time.
struct LocalNode {
  int id = 0;
  std::optional<runtime::RunningProcess> process;
  bool serves = false;      // it has said it is ready
  bool stale_file = false;  // its pid file names no node of ours
};

class LocalNodes {
 public:
  LocalNodes(Session& session, LocalCluster cluster)
      : session_(session), cluster_(std::move(cluster)) {}

  const LocalCluster& cluster() const { return cluster_; }

  runtime::Task<LocalNode> look(int id);
  runtime::Task<std::vector<LocalNode>> look_at_all();

  /// The first port of a node that somebody else listens at.
  runtime::Task<std::optional<int>> taken_port(int id);
  /// Its folder and configuration; one that is there stays as it is.
  runtime::Task<Result<>> prepare(int id);
  runtime::Task<Result<runtime::ProcessId>> start(int id, std::string program);
  /// Until it is gone.
  runtime::Task<bool> await_end(int id, Instant deadline);
  /// Removes the pid file of a node that runs no more.
  runtime::Task<> forget(int id);

  /// The end of its log.
  runtime::Task<std::string> log_tail(int id);

 private:
  Session& session_;
  LocalCluster cluster_;
};

}  // namespace cairn::cli
