// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include <cairn/base/assert.hpp>
#include <cairn/base/random.hpp>

namespace cairn {

// The state is filled by SplitMix64, so that a seed of few bits is as good as any.
Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    word = mixed ^ mixed >> 31;
  }
}

std::uint64_t Random::operator()() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  ASSERT(bound > 0, "an empty range has no element to draw");
  const std::uint64_t uneven = (0 - bound) % bound;  // values below would favour small results
  while (true) {
    const std::uint64_t drawn = (*this)();
    if (drawn >= uneven) return drawn % bound;
  }
}

std::int64_t Random::between(std::int64_t low, std::int64_t high) {
  ASSERT(low <= high, "a range runs from its lower to its upper end");
  const auto span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  if (span == max()) return static_cast<std::int64_t>((*this)());
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + below(span + 1));
}

bool Random::chance(double probability) {
  return static_cast<double>((*this)() >> 11) * 0x1p-53 < probability;
}

}  // namespace cairn
