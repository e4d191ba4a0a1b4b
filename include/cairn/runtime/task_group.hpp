// SPDX-License-Identifier: Apache-2.0
// The tasks of one actor: spawned here, cancelled together, joined before what they refer to dies.
// Invariant: when join() has returned no task of the group exists. A task spawned in a cancelled
// group runs, cancelled from its start. An exception that leaves a task stops the process.
// Owner: the actor (member declared last, or joined before destruction). One thread.
#pragma once

#include <cstddef>

#include <boost/asio/cancellation_signal.hpp>

#include <cairn/runtime/event.hpp>
#include <cairn/runtime/task.hpp>

namespace cairn::runtime {

class TaskGroup;

/// Cancels the one task it was given to; does nothing once that has ended. Same thread as the
/// group.
class Canceller {
 public:
  Canceller() = default;
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;
  ~Canceller() { release(); }

  void cancel();
  /// Lets go of the task without cancelling it.
  void release();
  /// Whether the task has neither ended nor been let go.
  bool running() const { return task_ != nullptr; }

 private:
  friend class TaskGroup;
  friend struct SpawnedTask;

  struct SpawnedTask* task_ = nullptr;
};

class TaskGroup {
 public:
  explicit TaskGroup(Context& context) : context_(context) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  /// REQUIRES: no task left, or the context's tasks were destroyed.
  ~TaskGroup();

  /// Starts the task in a turn of its own, never inside this call.
  void spawn(Task<> task);
  void spawn(Task<> task, Canceller& canceller);
  /// Cancels every task, now and to come.
  void cancel();
  /// Returns when no task is left, whether or not the caller is cancelled. Never await it from a
  /// task of this group.
  Task<> join();

  bool stopping() const { return stopping_; }
  std::size_t size() const { return size_; }
  Context& context() { return context_; }

 private:
  friend struct SpawnedTask;

  struct SpawnedTask& launch(Task<> task);
  static Task<> run(struct SpawnedTask& spawned, Task<> task);

  Context& context_;
  List<struct SpawnedTask, Hook<TaskGroup>> tasks_;
  std::size_t size_ = 0;
  bool stopping_ = false;
  List<Waiter, Hook<InEvent>> joiners_;
};

}  // namespace cairn::runtime
