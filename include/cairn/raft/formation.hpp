// SPDX-License-Identifier: Apache-2.0
// How several controllers with empty directories become one quorum without a format command, and
// how an empty node finds the cluster it belongs to (docs/adr/0005). A node asks every controller
// it is configured with which cluster it is of and which voters it knows, and decides from all the
// answers together. Pure: reports in, one step out.
//
//   someone is formatted --> Join (or Wait), and never Form
//   all listed are there and empty, list the same voters, and this one has the lowest id --> Form
//   anything else --> Wait
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <cairn/raft/types.hpp>

namespace cairn::raft {

/// What a controller says of itself.
struct FormationReport {
  std::string cluster_id;  // empty: its directories are empty
  /// Of an empty one: those it is configured with, its own directory alone known. Of another: those
  /// of the quorum; none while it starts.
  std::vector<ReplicaKey> voters;
};

struct FormationView {
  ReplicaKey self;
  bool controller = false;
  std::vector<BrokerId> configured;  // controller.quorum.voters; none with bootstrap servers
  /// Of everyone who was asked, in one pass; nothing: it cannot be reached. Addresses without an id
  /// (bootstrap servers) have negative ones.
  std::map<BrokerId, std::optional<FormationReport>> reports;
};

/// Propose a new cluster with these voters.
struct FormCluster {
  std::vector<ReplicaKey> voters;
};
/// Belong to this one. Voters: what a controller writes into its 0-0 checkpoint.
struct JoinCluster {
  std::string cluster_id;
  std::vector<ReplicaKey> voters;
};
struct WaitForOthers {
  std::string why;
};
/// Waiting would not help.
struct RefuseToStart {
  std::string why;
};
using FormationStep = std::variant<FormCluster, JoinCluster, WaitForOthers, RefuseToStart>;

FormationStep decide_formation(const FormationView& view);

}  // namespace cairn::raft
