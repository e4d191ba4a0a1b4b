// SPDX-License-Identifier: Apache-2.0
#include <cairn/transport/request_memory.hpp>

namespace cairn::transport {

runtime::Task<bool> RequestMemory::wait_for_room() {
  while (!has_room()) {
    if (!co_await room_.wait()) co_return false;
  }
  co_return true;
}

void RequestMemory::give_back(std::size_t bytes) {
  const bool was_used_up = !has_room();
  left_ += static_cast<std::int64_t>(bytes);
  if (was_used_up && has_room()) room_.set();
}

}  // namespace cairn::transport
