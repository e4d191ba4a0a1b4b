// SPDX-License-Identifier: Apache-2.0
// What became of a produced record. The records of a batch share one Fate; a Delivery is a record's
// place in it. A batch that had to be split settles in pieces, and the Fate is settled when the
// last piece is. Owner: shared between the producer's queue and whoever keeps the Delivery.
#pragma once

#include <memory>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>
#include <cairn/runtime/event.hpp>

namespace cairn::client {

/// Where a record lies. `offset` is no_offset when the broker does not say: acks=0, or a duplicate
/// of a batch it had stored before.
struct Delivered {
  PartitionIndex partition;
  Offset offset = no_offset;
  std::int64_t timestamp = no_timestamp;
};

struct Fate {
  struct Piece {
    std::int32_t first_index = 0;  // of its first record in the batch
    Result<Offset> base_offset{no_offset};
    std::int64_t append_time = no_timestamp;  // -1: the records keep their own timestamps
  };

  PartitionIndex partition;
  std::vector<Piece> pieces;   // settled ones, in no order
  std::int32_t unsettled = 1;  // pieces under way
  Instant settled_at{};        // valid once settled
  runtime::Latch settled;
};

class Delivery {
 public:
  Delivery(std::shared_ptr<Fate> fate, std::int32_t index, std::int64_t timestamp)
      : fate_(std::move(fate)), index_(index), timestamp_(timestamp) {}

  bool settled() const { return fate_->settled.is_set(); }
  /// REQUIRES: settled().
  Result<Delivered> result() const;
  Instant settled_at() const { return fate_->settled_at; }
  /// Waits for it; request_timed_out ("cancelled") if the calling task is cancelled first.
  runtime::Task<Result<Delivered>> wait() const;

 private:
  std::shared_ptr<Fate> fate_;
  std::int32_t index_;
  std::int64_t timestamp_;
};

}  // namespace cairn::client
