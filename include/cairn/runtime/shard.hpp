// SPDX-License-Identifier: Apache-2.0
// A shard: one thread, one Context, and all that is used on that thread alone. Objects of one shard
// need no lock; work crosses by call_on or post, once per shard and never once per partition (a
// crossing costs about 30 µs). Owner: the program's main (or the simulator's node).
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/post.hpp>

#include <cairn/base/metrics.hpp>
#include <cairn/base/random.hpp>
#include <cairn/runtime/clock.hpp>
#include <cairn/runtime/task_group.hpp>

namespace cairn::runtime {

class Shard {
 public:
  Shard(int index, Context& context, Clock& clock, Random random)
      : index_(index), context_(context), clock_(clock), random_(random), tasks_(context) {}

  int index() const { return index_; }
  Context& context() { return context_; }
  Executor executor() { return context_.get_executor(); }
  Clock& clock() { return clock_; }
  Metrics& metrics() { return metrics_; }
  Random& random() { return random_; }
  TaskGroup& tasks() { return tasks_; }

 private:
  int index_;
  Context& context_;
  Clock& clock_;
  Metrics metrics_;
  Random random_;
  TaskGroup tasks_;
};

/// Runs a plain function on another shard, some time later. Its captures live until then.
template <class F>
void post(Shard& to, F f) {
  boost::asio::post(to.context(), std::move(f));
}

namespace detail {

template <class T>
struct TaskValue;
template <class T>
struct TaskValue<Task<T>> {
  using type = T;
};

struct NoValue {};

/// What the two sides of a crossing share. `canceller` is used on the called side alone, `waiter`
/// on the calling side alone.
template <class T>
struct Crossing {
  std::optional<std::conditional_t<std::is_void_v<T>, NoValue, T>> value;
  Canceller canceller;
  bool cancelled = false;  // called side
  bool finished = false;   // calling side
  Waiter* waiter = nullptr;
};

template <class T, class F>
Task<> serve_crossing(std::shared_ptr<Crossing<T>> crossing, Context& caller, F f) {
  if constexpr (std::is_void_v<T>) {
    co_await f();
    crossing->value.emplace();
  } else {
    crossing->value.emplace(co_await f());
  }
  crossing->canceller.release();
  boost::asio::post(caller, [crossing] {
    crossing->finished = true;
    crossing->waiter->wake(Wake::woken);
  });
}

}  // namespace detail

/// f() makes a Task<R>; it runs on `to`, the caller resumes on `from` with R. Returns only when f's
/// task has ended; cancelling the caller cancels that task.
template <class F>
std::invoke_result_t<F&> call_on(Shard& from, Shard& to, F f) {
  using T = typename detail::TaskValue<std::invoke_result_t<F&>>::type;
  if (&from == &to) co_return co_await f();
  auto crossing = std::make_shared<detail::Crossing<T>>();
  Waiter waiter;
  crossing->waiter = &waiter;
  boost::asio::post(to.context(), [crossing, &to, &from, f = std::move(f)]() mutable {
    to.tasks().spawn(detail::serve_crossing<T, F>(crossing, from.context(), std::move(f)),
                     crossing->canceller);
    if (crossing->cancelled) crossing->canceller.cancel();
  });
  co_await waiter.suspend();
  if (!crossing->finished) {  // cancelled: tell the other side, then wait for it all the same
    boost::asio::post(to.context(), [crossing] {
      crossing->cancelled = true;
      crossing->canceller.cancel();
    });
    Waiter last;
    crossing->waiter = &last;
    co_await last.suspend(Cancellation::ignored);
  }
  if constexpr (!std::is_void_v<T>) co_return std::move(*crossing->value);
}

}  // namespace cairn::runtime
