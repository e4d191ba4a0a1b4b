// SPDX-License-Identifier: Apache-2.0
#include "common/measure.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

namespace cairn::bench {
namespace {

constexpr std::int64_t second = 1'000'000'000;

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * second + time.tv_nsec;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

double ticks_to_seconds(double ticks) { return ticks / static_cast<double>(sysconf(_SC_CLK_TCK)); }

double cpu_of(pid_t pid) {
  const std::string text = read_text(fmt::format("/proc/{}/stat", pid));
  const auto name_end = text.rfind(')');  // the name may hold blanks
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 2));
  std::string field;
  double ticks = 0;
  for (int i = 3; i <= 15 && fields >> field; ++i) {
    if (i == 14 || i == 15) ticks += std::stod(field);
  }
  return ticks_to_seconds(ticks);
}

std::int64_t memory_kib_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  std::string word;
  while (file >> word) {
    if (word != "VmRSS:") continue;
    std::int64_t kib = 0;
    file >> kib;
    return kib;
  }
  return 0;
}

}  // namespace

std::int64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }

std::int64_t wall_us() { return read_clock(CLOCK_REALTIME) / 1000; }

void sleep_until_ns(std::int64_t at) {
  const timespec time{.tv_sec = at / second, .tv_nsec = at % second};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == EINTR) {
  }
}

double thread_cpu() { return static_cast<double>(read_clock(CLOCK_THREAD_CPUTIME_ID)) / second; }

double own_cpu() { return static_cast<double>(read_clock(CLOCK_PROCESS_CPUTIME_ID)) / second; }

double process_cpu(std::span<const pid_t> pids) {
  double seconds = 0;
  for (const pid_t pid : pids) seconds += cpu_of(pid);
  return seconds;
}

std::int64_t process_memory_kib(std::span<const pid_t> pids) {
  std::int64_t kib = 0;
  for (const pid_t pid : pids) kib += memory_kib_of(pid);
  return kib;
}

double busy_cpu() {
  std::ifstream file("/proc/stat");
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, wait = 0, interrupts = 0, soft = 0;
  file >> name >> user >> nice >> system >> idle >> wait >> interrupts >> soft;
  return ticks_to_seconds(user + nice + system + interrupts + soft);
}

void Samples::merge(const Samples& other) {
  values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  sorted_ = false;
}

std::int64_t Samples::percentile(double fraction) const {
  if (values_.empty()) return 0;
  if (!sorted_) std::ranges::sort(values_);
  sorted_ = true;
  const auto rank = static_cast<std::size_t>(fraction * static_cast<double>(values_.size()));
  return values_[std::min(rank, values_.size() - 1)];
}

Row::Row(std::string_view what) : line_(fmt::format(R"({{"what":"{}")", what)) {}

Row& Row::text(std::string_view key, std::string_view value) {
  line_ += fmt::format(R"(,"{}":"{}")", key, value);
  return *this;
}

Row& Row::number(std::string_view key, double value) {
  line_ += fmt::format(R"(,"{}":{:.4g})", key, value);
  return *this;
}

Row& Row::count(std::string_view key, std::int64_t value) {
  line_ += fmt::format(R"(,"{}":{})", key, value);
  return *this;
}

Row& Row::latency(const Samples& samples) {
  const auto microseconds = [&](double fraction) {
    return static_cast<double>(samples.percentile(fraction)) / 1000.0;
  };
  return number("p50_us", microseconds(0.5))
      .number("p99_us", microseconds(0.99))
      .number("p999_us", microseconds(0.999));
}

void Row::print() {
  std::printf("%s}\n", line_.c_str());
  std::fflush(stdout);
}

WarmMemory::WarmMemory(std::size_t bytes) : size_(bytes) {
  if (size_ == 0) return;
  void* const at = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) {
    size_ = 0;
    return;
  }
  // Small pages: what is given back must be what the page cache takes first.
  madvise(at, size_, MADV_NOHUGEPAGE);
  memory_ = static_cast<std::byte*>(at);
  std::memset(memory_, 1, size_);
}

WarmMemory::~WarmMemory() {
  if (memory_ != nullptr) munmap(memory_, size_);
}

void WarmMemory::follow(std::uint64_t written) {
  constexpr std::size_t ahead = std::size_t{256} << 20;
  constexpr std::size_t step = std::size_t{64} << 20;
  while (released_ < size_ && released_ < written + ahead) {
    const std::size_t more = std::min(step, size_ - released_);
    madvise(memory_ + released_, more, MADV_DONTNEED);
    released_ += more;
  }
}

double append_probe(const std::string& directory) {
  constexpr std::size_t total = std::size_t{256} << 20;
  const std::string path = directory + "/.cairn-bench-probe";
  const std::vector<char> block(std::size_t{1} << 20, 'p');
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return 0;
  const double before = thread_cpu();
  std::size_t written = 0;
  while (written < total) {
    const ssize_t wrote = write(file, block.data(), block.size());
    if (wrote <= 0) break;
    written += static_cast<std::size_t>(wrote);
  }
  const double used = thread_cpu() - before;
  close(file);
  unlink(path.c_str());
  return written == 0 ? 0 : used / (static_cast<double>(written) / 1e9);
}

}  // namespace cairn::bench
