// SPDX-License-Identifier: Apache-2.0
// What every benchmark needs: clocks, CPU seconds, percentiles, one JSON line a result, and touched
// memory (facts: a virtual machine's cold pages cost twelve times the warm cost of an append).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cairn::bench {

std::int64_t now_ns();
/// Microseconds since 1970: what latency records carry.
std::int64_t wall_us();
void sleep_until_ns(std::int64_t at);

/// CPU seconds of the calling thread, and of this process.
double thread_cpu();
double own_cpu();
/// User and system seconds of processes and all their threads; 0 of one that is gone.
double process_cpu(std::span<const pid_t> pids);
/// Resident KiB of processes now.
std::int64_t process_memory_kib(std::span<const pid_t> pids);
/// Seconds that other processes used of the machine's CPUs: all busy time without these two.
double busy_cpu();

class Samples {
 public:
  void reserve(std::size_t count) { values_.reserve(count); }
  void add(std::int64_t value) {
    values_.push_back(value);
    sorted_ = false;
  }
  void merge(const Samples& other);
  std::size_t count() const { return values_.size(); }
  /// The value below which this fraction lies; 0 without values.
  std::int64_t percentile(double fraction) const;

 private:
  mutable std::vector<std::int64_t> values_;
  mutable bool sorted_ = true;
};

/// One result: {"what":"...","key":value,...} on standard output.
class Row {
 public:
  explicit Row(std::string_view what);
  Row& text(std::string_view key, std::string_view value);
  Row& number(std::string_view key, double value);
  Row& count(std::string_view key, std::int64_t value);
  /// p50, p99 and p99.9 in microseconds of samples in nanoseconds.
  Row& latency(const Samples& samples);
  void print();

 private:
  std::string line_;
};

/// Touched memory that is given back in step with what a run writes to the page cache.
class WarmMemory {
 public:
  /// Touches this many bytes.
  explicit WarmMemory(std::size_t bytes);
  ~WarmMemory();
  WarmMemory(const WarmMemory&) = delete;
  WarmMemory& operator=(const WarmMemory&) = delete;

  /// Gives back until `written` bytes, and some ahead, have been freed in all.
  void follow(std::uint64_t written);

 private:
  std::byte* memory_ = nullptr;
  std::size_t size_;
  std::size_t released_ = 0;
};

/// CPU seconds a GB of appending 256 MB to a new file in `directory`: above 0.35 memory is cold.
double append_probe(const std::string& directory);

}  // namespace cairn::bench
