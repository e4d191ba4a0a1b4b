// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/mutant.hpp>

#ifdef CAIRN_MUTANTS
#  include <string>

namespace cairn {
namespace {
std::string chosen;  // written once, before threads start
}  // namespace

void choose_mutant(std::string_view id) { chosen = id; }
bool is_mutant(std::string_view id) { return chosen == id; }

}  // namespace cairn
#endif
