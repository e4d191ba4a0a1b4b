// SPDX-License-Identifier: Apache-2.0
// Seeded randomness (xoshiro256**, Blackman and Vigna 2018). Everything that rolls dice takes one
// of these as an argument; only runtime/asio seeds one from the machine, so a simulation replays.
#pragma once

#include <cstdint>
#include <limits>

namespace cairn {

class Random {
 public:
  using result_type = std::uint64_t;

  explicit Random(std::uint64_t seed);

  std::uint64_t operator()();
  /// Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high);
  /// True with the given probability.
  bool chance(double probability);
  /// A generator of its own, for a part that must not disturb the others' sequence.
  Random fork() { return Random((*this)()); }

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

 private:
  std::uint64_t state_[4];
};

}  // namespace cairn
