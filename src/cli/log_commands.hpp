// SPDX-License-Identifier: Apache-2.0
// The commands below `cairn log`, each declared in the file of its name. They work on files that no
// node uses, and need no cluster.
// Owner: add_log().
#pragma once

#include "program.hpp"

namespace cairn::cli {

void add_log_verify(CLI::App& log, Program& program);
void add_log_repair(CLI::App& log, Program& program);

}  // namespace cairn::cli
