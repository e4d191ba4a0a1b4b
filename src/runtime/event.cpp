// SPDX-License-Identifier: Apache-2.0
#include <cairn/runtime/event.hpp>

namespace cairn::runtime {

Event::~Event() {
  // Only where tasks are destroyed as they stand can waiters be left.
  while (!waiters_.empty()) static_cast<Hook<InEvent>&>(waiters_.front()).unlink();
}

void Event::set() {
  while (!waiters_.empty()) waiters_.front().wake(Wake::woken);
}

void Event::set_one() {
  if (!waiters_.empty()) waiters_.front().wake(Wake::woken);
}

Task<bool> Event::wait() {
  Waiter waiter;
  waiters_.push_back(waiter);
  co_await waiter.suspend();
  co_return waiter.why() == Wake::woken;
}

Task<bool> Event::wait_until(Clock& clock, Instant deadline) {
  Waiter waiter;
  waiters_.push_back(waiter);
  const Timer timer(clock, waiter, deadline);
  co_await waiter.suspend();
  co_return waiter.why() == Wake::woken;
}

Task<bool> Latch::wait() {
  if (is_set_) co_return true;
  co_return co_await event_.wait();
}

Task<bool> Latch::wait_until(Clock& clock, Instant deadline) {
  if (is_set_) co_return true;
  co_return co_await event_.wait_until(clock, deadline);
}

}  // namespace cairn::runtime
