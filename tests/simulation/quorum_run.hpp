// SPDX-License-Identifier: Apache-2.0
// One simulated run of a whole quorum: 1, 3 or 5 controllers in combined or separate roles, from
// empty directories, an administrator that changes topics through any broker, and the faults that
// the seed draws; then a healed phase in which all must agree on everything that was acknowledged.
// The same seed gives the same trace. Owner: none; simulate_quorum() keeps nothing.
#pragma once

#include "run.hpp"

namespace cairn::simulation {

RunResult simulate_quorum(const RunOptions& options);

}  // namespace cairn::simulation
