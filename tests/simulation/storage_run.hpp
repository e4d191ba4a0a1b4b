// SPDX-License-Identifier: Apache-2.0
// One simulated run below the broker: a few logs in log directories under appends, flushes, rolls,
// truncation from both ends, retention, checkpoints, deletion and re-creation side by side, with
// power losses, kills, failing and full disks, and files lost at rest, against a model in memory.
// The same seed gives the same trace. Owner: none; simulate_storage() keeps nothing.
#pragma once

#include "run.hpp"

namespace cairn::simulation {

struct StorageRunOptions {
  std::uint64_t seed = 1;
  int rounds = 400;
};

RunResult simulate_storage(const StorageRunOptions& options);

}  // namespace cairn::simulation
