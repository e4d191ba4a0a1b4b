// SPDX-License-Identifier: Apache-2.0
// What `cairn cluster reassign` was asked for, as a plan: where each partition is, and where it
// shall be. Owner: the command.
#pragma once

#include <cairn/client/admin.hpp>

#include "program.hpp"
#include "reassignment_file.hpp"

namespace cairn::cli {

struct ReassignArguments {
  std::vector<std::string> topics;
  std::vector<std::int32_t> partitions;
  std::string replicas;
  std::string brokers;
  std::string file;
  std::int32_t replication_factor = 0;  // 0: as it is
  bool all = false;
  bool list = false;
  bool cancel = false;
  bool dry_run = false;
  bool wait = false;
};

struct Moves {
  Plan from;  // as it is
  Plan to;    // of those partitions that are not as they shall be
};

/// The exit code if that cannot be; it has said why.
runtime::Task<std::expected<Moves, int>> plan_moves(Session& session, const Globals& globals,
                                                    client::Admin& admin,
                                                    const ReassignArguments& arguments);

}  // namespace cairn::cli
