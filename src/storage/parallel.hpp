// SPDX-License-Identifier: Apache-2.0
// The same work on many items, a bounded number at a time: opening the logs of a directory, say.
// Returns when all are done, whether or not the caller is cancelled. Owner: the calling task.
#pragma once

#include <cstddef>

#include <cairn/runtime/task_group.hpp>

namespace cairn::storage {

template <class F>
runtime::Task<> take_turns(std::size_t& next, std::size_t count, F& work) {
  while (next < count) co_await work(next++);
}

/// work(index) makes a Task<>; returns when all have ended.
template <class F>
runtime::Task<> for_each_in_parallel(runtime::Context& context, std::size_t count,
                                     std::size_t width, F& work) {
  std::size_t next = 0;
  runtime::TaskGroup group(context);
  for (std::size_t i = 0; i < width && i < count; ++i) group.spawn(take_turns(next, count, work));
  co_await group.join();
}

}  // namespace cairn::storage
