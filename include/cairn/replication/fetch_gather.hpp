// SPDX-License-Identifier: Apache-2.0
// Whether a consumer's fetch that could be answered waits a moment for more. Where batches arrive
// every few hundred microseconds, one answer then carries several, and three tailing consumers cost
// a third of the requests. Where a moment brought nothing more, as between two programs that
// answer one another, the next ones come ever more rarely: at most one in `rarest` is waited for in
// vain. One a connection.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <cairn/base/time.hpp>

namespace cairn::replication {

class FetchGather {
 public:
  static constexpr Duration moment = std::chrono::milliseconds(1);
  static constexpr std::uint64_t enough = std::uint64_t{1} << 18;  // bytes worth an answer at once
  static constexpr int rarest = 256;

  /// The fetch had waited so long when it could be answered, with so many bytes. What was there
  /// when it came (`waited` 0) is gathered to only while gathering pays.
  bool should_wait(Duration waited, std::uint64_t available) {
    if (available >= enough || waited > moment / 2) return false;
    if (waited == Duration::zero()) return pays_;
    if (skip_ == 0) return true;
    --skip_;
    return false;
  }
  /// After the moment.
  void waited(bool more_came) {
    pays_ = more_came;
    pause_ = more_came ? 1 : std::min(pause_ * 2, rarest);
    skip_ = more_came ? 0 : pause_ - 1;
  }

 private:
  bool pays_ = false;
  int pause_ = 1;
  int skip_ = 0;  // fetches that are answered at once before the next try
};

}  // namespace cairn::replication
