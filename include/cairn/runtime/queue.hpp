// SPDX-License-Identifier: Apache-2.0
// A bounded queue between tasks of one shard: a full one makes the pusher wait. Close it and pushes
// are refused while what is in it can still be popped; an empty closed queue pops nothing.
// Owner: the consumer; it outlives both sides' waits.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include <cairn/runtime/event.hpp>

namespace cairn::runtime {

template <class T>
class Queue {
 public:
  explicit Queue(std::size_t capacity) : capacity_(capacity) {}

  /// False: the queue is closed or the task was cancelled; the item is gone.
  Task<bool> push(T item) {
    while (!closed_ && items_.size() >= capacity_) {
      if (!co_await room_.wait()) co_return false;
    }
    co_return try_push(std::move(item));
  }
  /// False: closed or full.
  bool try_push(T item) {
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    filled_.set_one();
    return true;
  }
  /// Nothing: closed and empty, or the task was cancelled.
  Task<std::optional<T>> pop() {
    while (items_.empty()) {
      if (closed_ || !co_await filled_.wait()) co_return std::nullopt;
    }
    co_return try_pop();
  }
  std::optional<T> try_pop() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    room_.set_one();
    if (!items_.empty()) filled_.set_one();
    return item;
  }
  void close() {
    closed_ = true;
    filled_.set();
    room_.set();
  }

  bool closed() const { return closed_; }
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }

 private:
  std::size_t capacity_;
  std::deque<T> items_;
  bool closed_ = false;
  Event filled_;
  Event room_;
};

}  // namespace cairn::runtime
