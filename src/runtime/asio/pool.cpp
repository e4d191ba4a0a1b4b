// SPDX-License-Identifier: Apache-2.0
#include "pool.hpp"

#include <signal.h>

namespace cairn::runtime::asio {

Pool::Pool(int threads, int flushes) : state_(std::make_unique<State>(threads, flushes)) {}
Pool::~Pool() = default;

Pool::State::State(int threads, int flushes) : max_flushes_(flushes) {
  threads_.reserve(static_cast<std::size_t>(threads));
  // Signals are for the main thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Pool::State::~State() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Pool::State::submit(Job& job, JobKind kind) {
  {
    const std::lock_guard lock(mutex_);
    (kind == JobKind::flush ? flushes_ : prompt_).push_back(&job);
  }
  arrived_.notify_one();
}

void Pool::State::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    arrived_.wait(lock, [this] { return stopping_ || !prompt_.empty() || flush_may_start(); });
    const bool flush = prompt_.empty();
    if (flush && !flush_may_start()) return;  // stopping, and nothing left
    std::deque<Job*>& queue = flush ? flushes_ : prompt_;
    Job& job = *queue.front();
    queue.pop_front();
    flushing_ += flush ? 1 : 0;
    lock.unlock();
    job.run();
    // From the post on the job belongs to the other thread, which may end it at once.
    Context& context = *job.context;
    boost::asio::post(context, [&job] { job.waiter.wake(Wake::woken); });
    lock.lock();
    flushing_ -= flush ? 1 : 0;
    if (flush && flush_may_start()) arrived_.notify_one();
  }
}

}  // namespace cairn::runtime::asio
