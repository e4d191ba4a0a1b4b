// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/transport/connection_rate.hpp>

namespace cairn::transport {

Duration ConnectionRate::record(Instant now) {
  if (limit_.per_second >= ConnectionRateLimit::none) {
    windows_.clear();
    return Duration::zero();
  }
  const Duration kept = limit_.window_length * static_cast<std::int64_t>(limit_.windows);
  while (!windows_.empty() && now - windows_.front().start >= kept) windows_.pop_front();
  if (windows_.empty() || now - windows_.back().start >= limit_.window_length) {
    windows_.push_back({now, 0});
  }
  ++windows_.back().count;
  std::size_t count = 0;
  for (const Window& window : windows_) count += window.count;
  const double time = std::chrono::duration<double>(measured_time(now)).count();
  const double allowed = static_cast<double>(limit_.per_second);
  const double rate = static_cast<double>(count) / time;
  if (rate <= allowed) return Duration::zero();
  // The time in which the excess would have been allowed.
  const double wait = (rate - allowed) / std::max(allowed, 1e-9) * time;
  const double most = std::chrono::duration<double>(limit_.window_length).count();
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(wait, most)));
}

/// The time since the oldest window began; never less than all windows but the one that runs.
Duration ConnectionRate::measured_time(Instant now) const {
  const Duration elapsed = now - windows_.front().start;
  const auto full = elapsed / limit_.window_length;
  const auto least = static_cast<std::int64_t>(limit_.windows) - 1;
  const Duration missing = limit_.window_length * std::max<std::int64_t>(least - full, 0);
  return std::max(elapsed + missing, limit_.window_length);
}

}  // namespace cairn::transport
