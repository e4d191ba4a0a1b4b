// SPDX-License-Identifier: Apache-2.0
// MUTANT("L3"): true while a test has switched off the guard of that name, to show that its
// checkers notice (docs/SIMULATION.md). Constant false, and compiled away, in what people run.
//
//   if (diverging && !MUTANT("L3")) return;
#pragma once

#include <string_view>

namespace cairn {

#ifdef CAIRN_MUTANTS
/// Chooses the guard to remove; empty for none. Tests only, before any thread starts.
void choose_mutant(std::string_view id);
bool is_mutant(std::string_view id);
#  define MUTANT(id) ::cairn::is_mutant(id)
#else
#  define MUTANT(id) false
#endif

}  // namespace cairn
