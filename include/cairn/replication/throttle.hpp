// SPDX-License-Identifier: Apache-2.0
// A rate that the replication of throttled replicas is held to (KIP-73). What was moved is paid for
// with time: while anything is owed nothing more is moved, so the average holds whatever size the
// pieces have. Pure. Owners: partition::Replication for what a leader sends, ReplicaFetchers for
// what followers take.
#pragma once

#include <cstdint>

#include <cairn/base/time.hpp>

namespace cairn::replication {

class Throttle {
 public:
  /// In bytes a second; below 1 counts as 1. What is owed stays, and is paid at the new rate.
  void set_rate(std::int64_t bytes_per_second, Instant now);
  void record(std::size_t bytes, Instant now);
  bool exceeded(Instant now) const { return owed(now) > 0; }
  /// When nothing is owed any more.
  Instant free_at(Instant now) const;

 private:
  double owed(Instant now) const;  // bytes

  double bytes_per_second_ = 9.3e18;  // the default of Kafka: no limit
  double owed_ = 0;                   // at that instant
  Instant at_{};
};

}  // namespace cairn::replication
