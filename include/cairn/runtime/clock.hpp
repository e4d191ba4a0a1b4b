// SPDX-License-Identifier: Apache-2.0
// Time, one Clock a shard: the seam that tells the time and wakes those who wait for it. Timers are
// our own heap (ties wake in the order they were set), so a hundred thousand waiters cost no timer
// of the operating system each; an implementation only watches next_deadline(). Owner: the shard.
// Used on its thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <cairn/base/time.hpp>
#include <cairn/runtime/task.hpp>

namespace cairn::runtime {

class Timer;

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock();

  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;

  /// True once the time has come, false if the task was cancelled first.
  Task<bool> sleep_until(Instant deadline);
  Task<bool> sleep_for(Duration duration) { return sleep_until(now() + duration); }

  /// The earliest deadline anyone waits for.
  std::optional<Instant> next_deadline() const;
  std::size_t timer_count() const { return heap_.size(); }

 protected:
  /// Wakes everyone whose deadline is at or before `now`.
  void fire(Instant now);
  /// Called when a deadline earlier than all others was set.
  virtual void earliest_changed() {}

 private:
  friend class Timer;

  void insert(Timer& timer);
  void erase(Timer& timer);
  void place(Timer& timer, std::size_t index);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);

  std::vector<Timer*> heap_;
  std::uint64_t next_sequence_ = 0;
};

/// Wakes a Waiter as timed out at a deadline, unless destroyed before. Lives beside the Waiter.
class Timer {
 public:
  Timer(Clock& clock, Waiter& waiter, Instant deadline);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();

 private:
  friend class Clock;
  static constexpr std::size_t not_in_heap = SIZE_MAX;

  bool before(const Timer& other) const {
    return deadline_ != other.deadline_ ? deadline_ < other.deadline_ : sequence_ < other.sequence_;
  }

  Clock& clock_;
  Waiter& waiter_;
  Instant deadline_;
  std::uint64_t sequence_ = 0;
  std::size_t index_ = not_in_heap;
};

}  // namespace cairn::runtime
