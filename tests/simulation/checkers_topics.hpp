// SPDX-License-Identifier: Apache-2.0
// Checkers of what administrators ask for and of what deletes records: topics (I21), compaction
// (I26), log starts (I27). Pure functions of the History. Owner: none.
#pragma once

#include "checkers.hpp"

namespace cairn::simulation {

void topics_are_as_decided(const History& history, std::vector<Violation>& to);
void compaction(const History& history, std::vector<Violation>& to);
void legal_log_start(const History& history, std::vector<Violation>& to);

}  // namespace cairn::simulation
