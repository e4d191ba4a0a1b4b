// SPDX-License-Identifier: Apache-2.0
// One simulated run: a node of production code and our own clients, under the faults that the seed
// draws (each kind on or off), then a healed phase in which all must settle, then judgement. The
// same seed gives the same trace. Owner: none; simulate() keeps nothing.
#pragma once

#include <string>
#include <vector>

#include <cairn/base/time.hpp>

#include "checkers.hpp"

namespace cairn::simulation {

struct RunOptions {
  std::uint64_t seed = 1;
  Duration faulty = std::chrono::seconds(60);  // virtual time under faults
};

struct RunResult {
  std::vector<Violation> violations{};
  std::uint64_t trace_hash = 0;
  Duration virtual_time{0};
  std::size_t acknowledged = 0;
  std::size_t polled = 0;
  std::size_t faults = 0;
  std::string plan{};  // what the seed drew, in words
};

RunResult simulate(const RunOptions& options);

}  // namespace cairn::simulation
