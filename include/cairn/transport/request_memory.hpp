// SPDX-License-Identifier: Apache-2.0
// The budget of bytes that requests in progress may hold (queued.max.request.bytes). A connection
// that finds it used up reads nothing more until some is returned. A request larger than all that
// is left may still take it below zero, so that one large request cannot wait for ever. Owner: the
// broker, one a shard; it outlives the connections.
#pragma once

#include <cstdint>
#include <limits>

#include <cairn/runtime/event.hpp>
#include <cairn/transport/frame.hpp>

namespace cairn::transport {

class RequestMemory {
 public:
  /// No limit by default, as in Kafka (-1).
  explicit RequestMemory(std::int64_t limit = std::numeric_limits<std::int64_t>::max())
      : left_(limit) {}

  /// Returns once something is left; false if the task was cancelled.
  runtime::Task<bool> wait_for_room();
  bool has_room() const { return left_ > 0; }
  std::int64_t left() const { return left_; }
  void take(std::size_t bytes) { left_ -= static_cast<std::int64_t>(bytes); }
  void give_back(std::size_t bytes);
  BlockPool& blocks() { return blocks_; }

 private:
  std::int64_t left_;
  runtime::Event room_;
  BlockPool blocks_;
};

}  // namespace cairn::transport
