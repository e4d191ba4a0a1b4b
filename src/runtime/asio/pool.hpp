// SPDX-License-Identifier: Apache-2.0
// Threads for file operations that block. A Job lives in the frame of the task that waits for it,
// so submitting allocates nothing; the task cannot be cancelled meanwhile. Flushes and bulk reads
// take at most so many threads each, so that appends and everybody else's reads always find one.
// Owner: asio::Pool, which outlives every task that submits.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include <cairn/runtime/asio.hpp>

namespace cairn::runtime::asio {

enum class JobKind { prompt, flush, bulk };

struct Job {
  virtual void run() = 0;

  Context* context = nullptr;
  Waiter waiter;

 protected:
  ~Job() = default;
};

class Pool::State {
 public:
  State(int flushes, int bulk_reads);
  ~State();

  void submit(Job& job, JobKind kind);

 private:
  struct Line {
    std::deque<Job*> jobs = {};
    int running = 0;
    int most = 0;  // at the same time

    bool may_start() const { return !jobs.empty() && running < most; }
  };

  void work();
  Line& line_of(JobKind kind);
  Line* next_line();

  std::mutex mutex_;
  std::condition_variable arrived_;
  Line prompt_;
  Line flushes_;
  Line bulk_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// Runs f() on the pool; the task resumes on its own context with what f returned.
template <class F>
Task<std::invoke_result_t<F&>> run_on_pool(Context& context, Pool::State& pool, JobKind kind, F f) {
  struct Call final : Job {
    explicit Call(F& f) : function(f) {}
    void run() override { result.emplace(function()); }
    F& function;
    std::optional<std::invoke_result_t<F&>> result;
  };
  Call call(f);
  call.context = &context;
  pool.submit(call, kind);
  co_await call.waiter.suspend(Cancellation::ignored);
  co_return std::move(*call.result);
}

}  // namespace cairn::runtime::asio
