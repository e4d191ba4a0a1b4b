// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <memory>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <cairn/base/assert.hpp>
#include <cairn/base/log.hpp>
#include <cairn/runtime/task_group.hpp>

namespace cairn::runtime {

struct SpawnedTask : Hook<TaskGroup> {
  explicit SpawnedTask(TaskGroup& in) : group(&in) {
    group->tasks_.push_back(*this);
    ++group->size_;
  }
  ~SpawnedTask() {
    if (canceller != nullptr) canceller->task_ = nullptr;
    unlink();
    if (group == nullptr || --group->size_ > 0) return;
    while (!group->joiners_.empty()) group->joiners_.front().wake(Wake::woken);
  }
  void cancel() {
    if (std::exchange(cancelled, true)) return;
    if (started) signal.emit(boost::asio::cancellation_type::terminal);
  }

  TaskGroup* group;  // null if it went before its tasks, as destroy_tasks() may make it
  boost::asio::cancellation_signal signal;
  Canceller* canceller = nullptr;
  bool started = false;
  bool cancelled = false;
};

namespace {

[[noreturn]] void stop_the_process(const std::exception_ptr& thrown) noexcept {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    logging::error("a task ended with an exception: {}", error.what());
  } catch (...) {
    logging::error("a task ended with an exception of no known type");
  }
  std::terminate();
}

struct Ended {
  std::unique_ptr<SpawnedTask> task;

  void operator()(const std::exception_ptr& thrown) const {
    if (thrown) stop_the_process(thrown);
  }
};

}  // namespace

void Canceller::cancel() {
  if (task_ != nullptr) task_->cancel();
}

void Canceller::release() {
  if (task_ != nullptr) task_->canceller = nullptr;
  task_ = nullptr;
}

TaskGroup::~TaskGroup() {
  ASSERT(size_ == 0 || context_.destroying_tasks(), "a task group is joined before it dies");
  while (!tasks_.empty()) {
    tasks_.front().group = nullptr;
    tasks_.front().unlink();
  }
}

void TaskGroup::spawn(Task<> task) { launch(std::move(task)); }

void TaskGroup::spawn(Task<> task, Canceller& canceller) {
  canceller.release();
  SpawnedTask& spawned = launch(std::move(task));
  spawned.canceller = &canceller;
  canceller.task_ = &spawned;
}

SpawnedTask& TaskGroup::launch(Task<> task) {
  auto owned = std::make_unique<SpawnedTask>(*this);
  SpawnedTask& spawned = *owned;
  spawned.cancelled = stopping_;
  boost::asio::co_spawn(
      context_.get_executor(), run(spawned, std::move(task)),
      boost::asio::bind_cancellation_slot(spawned.signal.slot(), Ended{std::move(owned)}));
  return spawned;
}

Task<> TaskGroup::run(SpawnedTask& spawned, Task<> task) {
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  co_await boost::asio::post(use_task);
  spawned.started = true;
  if (spawned.cancelled) spawned.signal.emit(boost::asio::cancellation_type::terminal);
  co_await std::move(task);
}

void TaskGroup::cancel() {
  stopping_ = true;
  // Cancelling wakes by posting, so the list does not change under us.
  for (SpawnedTask* task = tasks_.first(); task != nullptr; task = tasks_.next(*task)) {
    task->cancel();
  }
}

Task<> TaskGroup::join() {
  while (size_ > 0) {
    Waiter waiter;
    joiners_.push_back(waiter);
    co_await waiter.suspend(Cancellation::ignored);
  }
}

}  // namespace cairn::runtime
