// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), the checksum of record batches and producer snapshots; ISA-L in hardware.
#pragma once

#include <cairn/base/bytes.hpp>

namespace cairn {

/// The checksum of `bytes`, continued from that of what stood before them.
std::uint32_t crc32c(BytesView bytes, std::uint32_t before = 0);

}  // namespace cairn
