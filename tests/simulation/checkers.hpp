// SPDX-License-Identifier: Apache-2.0
// The invariants of a run, judged from outside by what clients saw. Each is a pure function of the
// History that returns what is broken, in words; the ids are those of docs/SIMULATION.md. Owner:
// none.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "history.hpp"

namespace cairn::simulation {

struct Violation {
  std::string_view invariant;
  std::string what;
};

struct Checker {
  std::string_view id;
  std::string_view name;
  void (*check)(const History&, std::vector<Violation>&);
};

std::span<const Checker> checkers();

/// All violations of all checkers; at most some hundred.
std::vector<Violation> judge(const History& history);

}  // namespace cairn::simulation
