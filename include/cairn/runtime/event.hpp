// SPDX-License-Identifier: Apache-2.0
// Event: wakes whoever waits at that moment, remembers nothing. Latch: set once, open ever after.
// Both are used on one thread. Whoever waits on an Event looks at the condition again after waking,
// in a loop that ends when wait() says false (the task was cancelled: waiting again returns at
// once). Owner: the actor whose condition it tells of; it outlives its waiters.
#pragma once

#include <cairn/runtime/clock.hpp>
#include <cairn/runtime/task.hpp>

namespace cairn::runtime {

class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event();

  /// Wakes every current waiter.
  void set();
  /// Wakes the one that has waited longest.
  void set_one();
  /// True when woken by set, false when the task was cancelled.
  Task<bool> wait();
  /// False: timed out or cancelled. Leaves neither timer nor waiter behind.
  Task<bool> wait_until(Clock& clock, Instant deadline);
  bool has_waiters() const { return !waiters_.empty(); }

 private:
  List<Waiter, Hook<InEvent>> waiters_;
};

class Latch {
 public:
  void set() {
    is_set_ = true;
    event_.set();
  }
  bool is_set() const { return is_set_; }
  /// True when set, false when the task was cancelled before.
  Task<bool> wait();
  Task<bool> wait_until(Clock& clock, Instant deadline);

 private:
  bool is_set_ = false;
  Event event_;
};

}  // namespace cairn::runtime
