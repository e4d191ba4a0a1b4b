// SPDX-License-Identifier: Apache-2.0
#include "pool.hpp"

#include <signal.h>

namespace cairn::runtime::asio {

Pool::Pool(int flushes, int bulk_reads) : state_(std::make_unique<State>(flushes, bulk_reads)) {}
Pool::~Pool() = default;

Pool::State::State(int flushes, int bulk_reads)
    : prompt_{.most = flushes + bulk_reads + 1},
      flushes_{.most = flushes},
      bulk_{.most = bulk_reads} {
  const int threads = prompt_.most;
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
    line_of(kind).jobs.push_back(&job);
  }
  arrived_.notify_one();
}

Pool::State::Line& Pool::State::line_of(JobKind kind) {
  switch (kind) {
    case JobKind::prompt:
      return prompt_;
    case JobKind::flush:
      return flushes_;
    case JobKind::bulk:
      return bulk_;
  }
  return prompt_;
}

/// Whoever may start and matters most.
Pool::State::Line* Pool::State::next_line() {
  for (Line* line : {&prompt_, &flushes_, &bulk_}) {
    if (line->may_start()) return line;
  }
  return nullptr;
}

void Pool::State::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Line* line = nullptr;
    arrived_.wait(lock, [&] { return (line = next_line()) != nullptr || stopping_; });
    if (line == nullptr) return;  // stopping, and nothing left
    Job& job = *line->jobs.front();
    line->jobs.pop_front();
    ++line->running;
    lock.unlock();
    job.run();
    // From the post on the job belongs to the other thread, which may end it at once.
    Context& context = *job.context;
    boost::asio::post(context, [&job] { job.waiter.wake(Wake::woken); });
    lock.lock();
    --line->running;
    if (line->may_start()) arrived_.notify_one();
  }
}

}  // namespace cairn::runtime::asio
