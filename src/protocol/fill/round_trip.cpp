// SPDX-License-Identifier: Apache-2.0
#include "round_trip.hpp"

namespace cairn::protocol {

void RoundTripCheck::frame_written() {
  if (!whole.ok()) problem_ = whole.refusal();
  const std::size_t size = frame.size();
  const OutgoingFrame sent = std::move(frame).finish();
  bytes_ = std::move(whole).finish_contiguous();
  if (sent.size() != size || size != bytes_.size()) problem_ = "the sizes differ";
  if (OutgoingFrame(sent).contiguous() != bytes_) problem_ = "the frame's bytes differ";
  reader = Reader(bytes_);
}

const char* RoundTripCheck::verdict() {
  if (problem_ != nullptr) return problem_;
  if (!reader.ok()) return reader.why();
  if (reader.left() > 0) return "bytes are left over";
  return equal ? nullptr : "the decoded message differs";
}

const char* RoundTrip::check(Random& random, std::int16_t version) const {
  RoundTripCheck check(random);
  run(check, version);
  return check.verdict();
}

}  // namespace cairn::protocol
