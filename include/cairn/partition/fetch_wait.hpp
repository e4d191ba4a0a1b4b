// SPDX-License-Identifier: Apache-2.0
// A fetch that waits for more bytes than there are: it watches its partitions and is told which of
// them moved, so only those are looked at again. Costs nothing while nothing moves. Owner: the
// fetch's handler, in its frame.
#pragma once

#include <memory>
#include <vector>

#include <cairn/partition/partition.hpp>

namespace cairn::partition {

class FetchWait {
 public:
  /// At most `partitions` watches.
  explicit FetchWait(std::size_t partitions);

  /// `index` comes back from take_moved().
  void watch(Partition& partition, std::size_t index, storage::ReadBound bound);
  /// Returns when a watched partition has moved since take_moved(), or at the deadline, or when
  /// the task is cancelled (both false).
  runtime::Task<bool> wait_until(runtime::Clock& clock, Instant deadline);
  std::vector<std::size_t> take_moved();

 private:
  friend class Partition;

  void on_move(FetchWatch& watch);

  std::size_t used_ = 0;
  std::size_t capacity_;
  std::unique_ptr<FetchWatch[]> watches_;
  std::vector<std::size_t> moved_;
  runtime::Event event_;
};

}  // namespace cairn::partition
