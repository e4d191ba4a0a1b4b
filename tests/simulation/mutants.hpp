// SPDX-License-Identifier: Apache-2.0
// Every guard that a test can switch off (MUTANT in production code), the kind of run that must
// miss it, and in how many seeds it does. Owner: none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "checkers.hpp"

namespace cairn::simulation {

enum class RunKind : std::uint8_t {
  node,      // run.hpp: a whole node and clients
  storage,   // storage_run.hpp: logs in their directories
  quorum,    // quorum_run.hpp: nodes that form a cluster
  cluster,   // cluster_run.hpp: a whole cluster and its clients
  replicas,  // replica_run.hpp: brokers that replicate
  cleaning,  // the cleaner's model (tests/unit/storage/cleaning_model.hpp)
  other,     // unit tests alone, as the reason says
};
std::string_view name_of(RunKind kind);

struct Mutant {
  std::string_view id;
  RunKind kind = RunKind::node;
  std::string_view guard;  // what is missing without it
};

std::span<const Mutant> mutants();

struct Finding {
  std::uint64_t seed = 0;  // the first that breaks
  std::string what;
};

/// Runs seeds from 1 on, without the guard, until one breaks; nothing after `most`.
std::optional<Finding> find_missing(const Mutant& mutant, std::uint64_t most);

}  // namespace cairn::simulation
