// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), the checksum of record batches and producer snapshots: RFC 3720, appendix
// B.4. Computed by ISA-L with the processor's instructions; a pure function.
#pragma once

#include <cairn/base/bytes.hpp>

namespace cairn {

/// The checksum of `bytes`, continued from that of what stood before them.
std::uint32_t crc32c(BytesView bytes, std::uint32_t before = 0);

}  // namespace cairn
