// SPDX-License-Identifier: Apache-2.0
// Task<T>, the coroutine of everything above the purity line, and Waiter, the one way it suspends
// on something of ours. A Waiter lives in the frame that waits; waking posts, it never runs the
// waiter inside the caller. Cancellation never throws: a cancelled task's suspensions return at
// once, each with a result that says so. Every task runs on a Context and belongs to a TaskGroup.
#pragma once

#include <optional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cairn/runtime/link.hpp>

namespace cairn::runtime {

using Executor = boost::asio::io_context::executor_type;

template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

/// Asio's completion token for operations awaited in a Task.
inline constexpr boost::asio::use_awaitable_t<Executor> use_task{};

class Waiter;
struct InContext;
struct InEvent;

/// An io_context of one thread whose suspended tasks can be destroyed where they stand. All tasks
/// of ours run on a Context, never on a plain io_context (Waiter relies on it).
class Context : public boost::asio::io_context {
 public:
  Context() : boost::asio::io_context(1) {}
  ~Context();

  /// Destroys every task, suspended or ready, without resuming it (the simulated kill -9).
  /// Afterwards the context runs nothing; the actors the tasks referred to may now be destroyed.
  void destroy_tasks();
  bool destroying_tasks() const { return destroying_tasks_; }

 private:
  friend class Waiter;

  List<Waiter, Hook<InContext>> suspended_;
  bool destroying_tasks_ = false;
};

enum class Wake : unsigned char { pending, woken, timed_out, cancelled };

/// Whether the cancellation of the task ends a suspension. `ignored` is for operations whose
/// buffers the operating system holds.
enum class Cancellation : unsigned char { wakes, ignored };

/// One suspension of one task. Not reusable.
class Waiter : public Hook<InContext>, public Hook<InEvent> {
 public:
  using Handler =
      boost::asio::async_result<boost::asio::use_awaitable_t<Executor>, void()>::handler_type;

  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  /// Suspends the calling task until wake(). Returns at the next turn if that was called before.
  auto suspend(Cancellation cancellation = Cancellation::wakes) {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void()>(
        [this, cancellation](Handler handler) { park(std::move(handler), cancellation); },
        use_task);
  }
  /// Posts the resumption of the task and leaves every list. Only the first call counts.
  void wake(Wake why);
  Wake why() const { return why_; }

 private:
  friend class Context;

  void park(Handler handler, Cancellation cancellation);
  void resume();

  std::optional<Handler> handler_;
  Wake why_ = Wake::pending;
};

/// Whether the calling task has been cancelled: `if (co_await cancelled()) co_return;`
inline Task<bool> cancelled() {
  auto state = co_await boost::asio::this_coro::cancellation_state;
  co_return state.cancelled() != boost::asio::cancellation_type::none;
}

}  // namespace cairn::runtime
