// SPDX-License-Identifier: Apache-2.0
// Time as a value. Below the purity line it arrives as an argument; only runtime's Clock reads one.
// Instant is monotonic and means nothing outside the process; wall time is ms since 1970, as in
// records.
#pragma once

#include <chrono>
#include <cstdint>

namespace cairn {

using Duration = std::chrono::nanoseconds;

struct MonotonicClock {  // names the time line of Instant; it cannot be read
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};

using Instant = MonotonicClock::time_point;

/// Milliseconds since 1970-01-01 UTC: the timestamps of records.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

inline std::int64_t to_timestamp(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime from_timestamp(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

}  // namespace cairn
