// SPDX-License-Identifier: Apache-2.0
// How fast connections come, and how long to hold them up when that is faster than allowed
// (max.connection.creation.rate). Measured as Kafka measures a quota: over a number of short
// windows, quiet ones included, so that a burst is let pass if the time before it was quiet. Pure.
// Owner: an Acceptor, for its listener; a ConnectionQuota, for all listeners together.
#pragma once

#include <cstddef>
#include <deque>
#include <limits>

#include <cairn/base/time.hpp>

namespace cairn::transport {

struct ConnectionRateLimit {
  static constexpr std::size_t none = std::numeric_limits<std::int32_t>::max();

  std::size_t per_second = none;                     // max.connection.creation.rate
  std::size_t windows = 11;                          // quota.window.num
  Duration window_length = std::chrono::seconds(1);  // quota.window.size.seconds
};

class ConnectionRate {
 public:
  explicit ConnectionRate(ConnectionRateLimit limit = {}) : limit_(limit) {}

  /// Another limit; what has been counted stays.
  void configure(ConnectionRateLimit limit) { limit_ = limit; }
  /// Counts a connection; how long to wait before it, and those behind it, go on: one window at
  /// most.
  Duration record(Instant now);

 private:
  struct Window {
    Instant start;
    std::size_t count;
  };

  Duration measured_time(Instant now) const;

  ConnectionRateLimit limit_;
  std::deque<Window> windows_;  // at most limit_.windows, oldest first
};

}  // namespace cairn::transport
