// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "append_file.hpp"
#include "common/measure.hpp"
#include "floor.hpp"

namespace cairn::bench {
namespace {

void measure_append(const FloorOptions& options, Space space, std::size_t size) {
  const Bytes block(size, std::byte{'d'});
  AppendFile file(options.directory, space);
  WarmMemory warm(options.warm_bytes);
  const std::int64_t began = now_ns();
  const double before = thread_cpu();
  double freeing = 0;
  while (file.size() < options.bytes) {
    file.append(block);
    const double pause = thread_cpu();
    warm.follow(file.size());
    freeing += thread_cpu() - pause;
  }
  const double gigabytes = static_cast<double>(file.size()) / 1e9;
  Row(space == Space::plain ? "append_plain" : "append_allocated")
      .count("bytes", static_cast<std::int64_t>(size))
      .number("cpu_s_per_gb", (thread_cpu() - before - freeing) / gigabytes)
      .number("gb_per_s", gigabytes / (static_cast<double>(now_ns() - began) / 1e9))
      .print();
}

void measure_sync(const FloorOptions& options, std::size_t size) {
  constexpr int rounds = 300;
  const Bytes block(size, std::byte{'s'});
  AppendFile file(options.directory, Space::allocated);
  Samples times;
  for (int i = 0; i < rounds; ++i) {
    file.append(block);
    const std::int64_t before = now_ns();
    file.sync();
    times.add(now_ns() - before);
  }
  Row("fdatasync").count("bytes", static_cast<std::int64_t>(size)).latency(times).print();
}

}  // namespace

void measure_disk(const FloorOptions& options) {
  for (const std::size_t size : {16384U, 131072U, 1048576U}) {
    for (const Space space : {Space::plain, Space::allocated}) measure_append(options, space, size);
  }
  for (const std::size_t size : {4096U, 131072U, 1048576U}) measure_sync(options, size);
}

}  // namespace cairn::bench
