// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "append_file.hpp"
#include "echo.hpp"
#include "floor.hpp"

namespace cairn::bench {
namespace {

constexpr std::uint64_t most_requests = 100000;

std::uint64_t requests_for(std::uint64_t bytes, std::size_t size) {
  return std::clamp<std::uint64_t>(bytes / size, 1000, most_requests);
}

void report(const char* what, const Exchange& exchange, const ExchangeResult& result,
            std::size_t bulk_size) {
  const double gigabytes = static_cast<double>(exchange.requests * bulk_size) / 1e9;
  Row(what)
      .count("bytes", static_cast<std::int64_t>(bulk_size))
      .count("in_flight", static_cast<std::int64_t>(exchange.in_flight))
      .number("server_cpu_s_per_gb", result.server_cpu / gigabytes)
      .number("server_us_per_request",
              result.server_cpu * 1e6 / static_cast<double>(exchange.requests))
      .number("gb_per_s", gigabytes / result.seconds)
      .latency(result.round_trips)
      .print();
}

/// The ideal fetch server: bytes of a file that the page cache holds, read and sent.
void measure_file_out(const FloorOptions& options) {
  AppendFile file(options.directory, Space::allocated);
  const Bytes piece(std::size_t{1} << 20, std::byte{'f'});
  while (file.size() < std::max(options.bytes, std::uint64_t{64} << 20)) file.append(piece);
  for (const std::size_t size : {65536U, 1048576U}) {
    const Exchange exchange{.request_size = 64,
                            .response_size = size,
                            .requests = requests_for(2 * options.bytes, size),
                            .file = file.number(),
                            .file_size = file.size()};
    report("file_out", exchange, run_exchange(exchange, [](BytesView) {}), size);
  }
}

}  // namespace

void measure_network(const FloorOptions& options) {
  const Work nothing = [](BytesView) {};
  for (const std::size_t size : {1024U, 16384U, 131072U, 1048576U}) {
    for (const std::size_t in_flight : {1U, 16U}) {
      const Exchange exchange{.request_size = size,
                              .in_flight = in_flight,
                              .requests = requests_for(options.bytes, size)};
      report("request_in", exchange, run_exchange(exchange, nothing), size);
    }
  }
  for (const std::size_t size : {65536U, 1048576U}) {
    const Exchange exchange{
        .request_size = 64, .response_size = size, .requests = requests_for(options.bytes, size)};
    report("response_out", exchange, run_exchange(exchange, nothing), size);
  }
  measure_file_out(options);
}

}  // namespace cairn::bench
