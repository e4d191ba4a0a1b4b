// SPDX-License-Identifier: Apache-2.0
// One simulated run of replication: three brokers of production code, a controller whose images and
// answers come late or not at all, idempotent producers with acks=all, consumers at the tail, and
// faults; then healing, convergence and judgement. The same seed gives the same trace. Owner: none.
#pragma once

#include "run.hpp"

namespace cairn::simulation {

RunResult simulate_replicas(const RunOptions& options);

}  // namespace cairn::simulation
