// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <fstream>

#include <unistd.h>

#include <cairn/runtime/asio.hpp>

namespace cairn::runtime::asio {

std::uint64_t machine_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_size = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_size <= 0) return 0;
  const auto physical = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_size);
  // In a container the limit of its control group counts; it says "max" where there is none.
  std::ifstream group("/sys/fs/cgroup/memory.max");
  std::uint64_t limit = 0;
  return group >> limit && limit > 0 ? std::min(physical, limit) : physical;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace cairn::runtime::asio
