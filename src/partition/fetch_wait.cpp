// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/assert.hpp>
#include <cairn/partition/fetch_wait.hpp>

namespace cairn::partition {

FetchWait::FetchWait(std::size_t partitions)
    : capacity_(partitions), watches_(std::make_unique<FetchWatch[]>(partitions)) {}

void FetchWait::watch(Partition& partition, std::size_t index, storage::ReadBound bound) {
  ASSERT(used_ < capacity_, "a wait has room for the partitions it was made for");
  FetchWatch& watch = watches_[used_++];
  watch.fetch = this;
  watch.index = index;
  watch.bound = bound;
  partition.add_watch(watch);
}

runtime::Task<bool> FetchWait::wait_until(runtime::Clock& clock, Instant deadline) {
  if (!moved_.empty()) co_return true;
  co_return co_await event_.wait_until(clock, deadline);
}

std::vector<std::size_t> FetchWait::take_moved() {
  for (std::size_t i = 0; i < used_; ++i) watches_[i].moved = false;
  return std::exchange(moved_, {});
}

void FetchWait::on_move(FetchWatch& watch) {
  if (watch.moved) return;
  watch.moved = true;
  moved_.push_back(watch.index);
  event_.set();
}

}  // namespace cairn::partition
