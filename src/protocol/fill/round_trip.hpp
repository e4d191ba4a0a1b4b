// SPDX-License-Identifier: Apache-2.0
// The round trip of a random value through one version of a message: what it decodes to is what was
// encoded, and a frame with spliced Records has the same bytes as one buffer.
#pragma once

#include <span>
#include <string_view>

#include "fill.hpp"

namespace cairn::protocol {

/// One trip. Only what needs the type is a template: encode twice, decode, compare.
class RoundTripCheck {
 public:
  explicit RoundTripCheck(Random& random) : filler{random} {}

  /// To be called between the writing and the reading.
  void frame_written();
  /// What is wrong, or null.
  const char* verdict();

  Filler filler;
  Writer whole{Writer::never_splice};
  Writer frame;
  Reader reader{{}};
  bool equal = false;

 private:
  Bytes bytes_;
  const char* problem_ = nullptr;
};

struct RoundTrip {
  std::string_view name;
  VersionRange versions;
  void (*run)(RoundTripCheck& check, std::int16_t version);

  const char* check(Random& random, std::int16_t version) const;
};

/// Every message there is.
std::span<const RoundTrip> round_trip_table();

template <class M>
void run_round_trip(RoundTripCheck& check, std::int16_t version) {
  M message;
  fill(check.filler, message, version);
  write(check.whole, message, version);
  write(check.frame, message, version);
  check.frame_written();
  M decoded;
  read(check.reader, decoded, version);
  check.equal = decoded == message;
}

template <class M>
constexpr RoundTrip round_trip_of(std::string_view name) {
  return {.name = name, .versions = M::versions, .run = run_round_trip<M>};
}

}  // namespace cairn::protocol
