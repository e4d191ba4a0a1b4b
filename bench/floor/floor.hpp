// SPDX-License-Identifier: Apache-2.0
// The floors: what this machine can do with nothing of Cairn in the way. Each function prints JSON
// lines; results of Cairn stand beside them as a fraction (docs/BENCHMARKS.md).
#pragma once

#include <cstdint>
#include <string>

namespace cairn::bench {

struct FloorOptions {
  std::string directory = "/tmp";                     // where files are written
  std::uint64_t bytes = std::uint64_t{1} << 30;       // moved by each bulk measurement
  std::uint64_t warm_bytes = std::uint64_t{2} << 30;  // touched before disk work
};

/// Request in, 64 bytes out; 64 bytes in, n out; over loopback TCP, a thread a side.
void measure_network(const FloorOptions& options);
/// Appends to the page cache, plain and into space allocated ahead; fdatasync.
void measure_disk(const FloorOptions& options);
/// CRC-32C and memcpy from memory.
void measure_memory(const FloorOptions& options);
/// The ideal produce server: receive, CRC, append into allocated space, reply.
void measure_produce_server(const FloorOptions& options);

}  // namespace cairn::bench
