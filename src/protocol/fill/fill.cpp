// SPDX-License-Identifier: Apache-2.0
#include "fill.hpp"

namespace cairn::protocol {
namespace {

std::size_t random_size(Filler& f) {
  switch (f.below(8)) {
    case 0:
      return 0;
    case 1:
      return 100 + f.below(100);  // two bytes of compact length
    default:
      return f.below(20);
  }
}

Bytes random_bytes(Filler& f, std::size_t size) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(f.random());
  return bytes;
}

}  // namespace

void fill(Filler& f, bool& value) { value = f.below(2) == 0; }
void fill(Filler& f, double& value) { value = static_cast<double>(f.below(1'000'000)) / 7 - 9.5; }
void fill(Filler& f, ErrorCode& value) {
  value = static_cast<ErrorCode>(f.random.between(-1, 133));
}
void fill(Filler& f, Uuid& value) { value = {f.random(), f.random()}; }
void fill(Filler& f, Bytes& value) { value = random_bytes(f, random_size(f)); }
void fill(Filler& f, std::string& value) { value = as_text(random_bytes(f, random_size(f))); }

void fill(Filler& f, Records& value) {
  value = Records::owning(random_bytes(f, f.below(2) == 0 ? random_size(f) : 900 + f.below(300)));
}

void fill(Filler& f, UnknownTags& value) {
  value = {};
  if (f.below(3) != 0) return;
  std::uint32_t tag = 100;
  for (std::uint64_t left = 1 + f.below(2); left > 0; --left) {
    tag += 1 + static_cast<std::uint32_t>(f.below(100'000));
    value.push_back({tag, random_bytes(f, random_size(f))});
  }
}

}  // namespace cairn::protocol
