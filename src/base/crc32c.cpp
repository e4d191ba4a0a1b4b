// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include <isa-l/crc.h>

#include <cairn/base/crc32c.hpp>

namespace cairn {

std::uint32_t crc32c(BytesView bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  while (!bytes.empty()) {  // ISA-L counts in int
    const auto part = std::min<std::size_t>(bytes.size(), std::numeric_limits<int>::max());
    // ISA-L's signature is not const-correct; it only reads.
    auto* from = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    crc = crc32_iscsi(from, static_cast<int>(part), crc);
    bytes = bytes.subspan(part);
  }
  return ~crc;
}

}  // namespace cairn
