// SPDX-License-Identifier: Apache-2.0
// ASSERT(condition, "why this must hold"): a broken invariant stops the process, in release too.
// Bad input is never a reason to assert: that is Result's work (result.hpp).
#pragma once

namespace cairn {

/// Prints file, line, condition and reason to standard error and aborts.
[[noreturn]] void assertion_failed(const char* file, int line, const char* condition,
                                   const char* why);

}  // namespace cairn

#define ASSERT(condition, why)                                        \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::cairn::assertion_failed(__FILE__, __LINE__, #condition, why); \
  } while (false)
