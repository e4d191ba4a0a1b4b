// SPDX-License-Identifier: Apache-2.0
// One simulated run of a whole cluster: three nodes that are brokers and controllers, topics with
// three replicas, our own producers and a group's consumers, and the faults that the seed draws;
// then a healed phase in which every replica must be in sync again and all clients settle, then
// judgement of what the clients saw. The same seed gives the same trace. Owner: none;
// simulate_cluster() keeps nothing.
#pragma once

#include "run.hpp"

namespace cairn::simulation {

RunResult simulate_cluster(const RunOptions& options);

}  // namespace cairn::simulation
