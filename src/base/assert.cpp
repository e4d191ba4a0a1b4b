// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>

#include <cairn/base/assert.hpp>

namespace cairn {

void assertion_failed(const char* file, int line, const char* condition, const char* why) {
  std::fprintf(stderr, "cairn: invariant broken at %s:%d: %s (%s)\n", file, line, why, condition);
  std::abort();
}

}  // namespace cairn
