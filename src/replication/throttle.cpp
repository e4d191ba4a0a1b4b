// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/replication/throttle.hpp>

namespace cairn::replication {
namespace {

using Seconds = std::chrono::duration<double>;

}  // namespace

double Throttle::owed(Instant now) const {
  const double paid = bytes_per_second_ * std::chrono::duration_cast<Seconds>(now - at_).count();
  return std::max(owed_ - std::max(paid, 0.0), 0.0);
}

void Throttle::set_rate(std::int64_t bytes_per_second, Instant now) {
  owed_ = owed(now);
  at_ = now;
  bytes_per_second_ = std::max(static_cast<double>(bytes_per_second), 1.0);
}

void Throttle::record(std::size_t bytes, Instant now) {
  owed_ = owed(now) + static_cast<double>(bytes);
  at_ = now;
}

Instant Throttle::free_at(Instant now) const {
  // Nobody waits that long for anything: a rate may change before.
  constexpr Seconds longest = std::chrono::hours(1);
  const Seconds wait(owed(now) / bytes_per_second_);
  return now + std::chrono::ceil<Duration>(std::min(wait, longest));
}

}  // namespace cairn::replication
