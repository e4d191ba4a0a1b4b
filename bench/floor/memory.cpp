// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <cairn/base/crc32c.hpp>

#include "common/measure.hpp"
#include "common/socket.hpp"
#include "floor.hpp"

namespace cairn::bench {
namespace {

constexpr std::size_t beyond_caches = std::size_t{256} << 20;

template <class Run>
void report(const char* what, std::size_t block, Run run) {
  const int rounds = block == beyond_caches ? 8 : 20000;
  const double before = thread_cpu();
  for (int i = 0; i < rounds; ++i) run();
  const double gigabytes = static_cast<double>(block) * rounds / 1e9;
  Row(what)
      .count("bytes", static_cast<std::int64_t>(block))
      .number("gb_per_s", gigabytes / (thread_cpu() - before))
      .print();
}

}  // namespace

void measure_memory(const FloorOptions&) {
  for (const std::size_t block : {std::size_t{128} << 10, beyond_caches}) {
    const Bytes from(block, std::byte{'m'});
    Bytes to(block);
    volatile std::uint32_t sum = 0;
    report("crc32c", block, [&] { sum = crc32c(from, sum); });
    report("memcpy", block, [&] {
      std::memcpy(to.data(), from.data(), block);
      sum = sum + std::to_integer<std::uint32_t>(to[sum % block]);
    });
  }
}

}  // namespace cairn::bench
