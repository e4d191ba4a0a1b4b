// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/crc32c.hpp>

#include "append_file.hpp"
#include "echo.hpp"
#include "floor.hpp"

namespace cairn::bench {

void measure_produce_server(const FloorOptions& options) {
  for (const std::size_t size : {1024U, 16384U, 131072U, 1048576U}) {
    AppendFile file(options.directory, Space::allocated);
    WarmMemory warm(options.warm_bytes);
    const Exchange exchange{
        .request_size = size,
        .in_flight = size > 100000 ? 4U : 16U,
        .requests = std::clamp<std::uint64_t>(options.bytes / size, 1000, 100000)};
    volatile std::uint32_t sum = 0;
    double freeing = 0;
    const ExchangeResult result = run_exchange(exchange, [&](BytesView frames) {
      for (std::size_t at = 0; at < frames.size(); at += size) {
        sum = crc32c(frames.subspan(at, size));
      }
      file.append(frames);
      const double pause = thread_cpu();
      warm.follow(file.size());
      freeing += thread_cpu() - pause;
    });
    const double cpu = result.server_cpu - freeing;
    Row("ideal_produce_server")
        .count("bytes", static_cast<std::int64_t>(size))
        .count("in_flight", static_cast<std::int64_t>(exchange.in_flight))
        .number("server_cpu_s_per_gb", cpu / (static_cast<double>(exchange.requests * size) / 1e9))
        .number("server_us_per_request", cpu * 1e6 / static_cast<double>(exchange.requests))
        .latency(result.round_trips)
        .print();
  }
}

}  // namespace cairn::bench
