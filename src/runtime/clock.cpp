// SPDX-License-Identifier: Apache-2.0
#include <cairn/runtime/clock.hpp>

namespace cairn::runtime {

Clock::~Clock() {
  for (Timer* timer : heap_) timer->index_ = Timer::not_in_heap;
}

Task<bool> Clock::sleep_until(Instant deadline) {
  Waiter waiter;
  const Timer timer(*this, waiter, deadline);
  co_await waiter.suspend();
  co_return waiter.why() == Wake::timed_out;
}

std::optional<Instant> Clock::next_deadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->deadline_;
}

void Clock::fire(Instant now) {
  while (!heap_.empty() && heap_.front()->deadline_ <= now) {
    Timer& due = *heap_.front();
    erase(due);
    due.waiter_.wake(Wake::timed_out);
  }
}

void Clock::insert(Timer& timer) {
  timer.sequence_ = next_sequence_++;
  heap_.push_back(&timer);
  timer.index_ = heap_.size() - 1;
  sift_up(timer.index_);
  if (timer.index_ == 0) earliest_changed();
}

void Clock::erase(Timer& timer) {
  const std::size_t index = timer.index_;
  timer.index_ = Timer::not_in_heap;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(*last, index);
  sift_up(index);
  sift_down(last->index_);
}

void Clock::place(Timer& timer, std::size_t index) {
  heap_[index] = &timer;
  timer.index_ = index;
}

void Clock::sift_up(std::size_t index) {
  Timer& timer = *heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!timer.before(*heap_[parent])) break;
    place(*heap_[parent], index);
    index = parent;
  }
  place(timer, index);
}

void Clock::sift_down(std::size_t index) {
  Timer& timer = *heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->before(*heap_[child])) ++child;
    if (!heap_[child]->before(timer)) break;
    place(*heap_[child], index);
    index = child;
  }
  place(timer, index);
}

Timer::Timer(Clock& clock, Waiter& waiter, Instant deadline)
    : clock_(clock), waiter_(waiter), deadline_(deadline) {
  clock_.insert(*this);
}

Timer::~Timer() {
  if (index_ != not_in_heap) clock_.erase(*this);
}

}  // namespace cairn::runtime
