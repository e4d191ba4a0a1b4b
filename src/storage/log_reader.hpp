// SPDX-License-Identifier: Apache-2.0
// Reads of a log, beside its writer: each works on a snapshot of segments and bounds, and starts
// over if the log was cut meanwhile. Owner: the reading task, in its frame.
#pragma once

#include <cairn/storage/partition_log.hpp>

#include "segment.hpp"

namespace cairn::storage {

class LogReader {
 public:
  explicit LogReader(PartitionLog& log) : log_(log), generation_(log.generation_) {}

  runtime::Task<Result<LogSlice>> read(const LogRead& request);
  runtime::Task<Result<std::optional<TimestampHit>>> first_at(std::int64_t timestamp, Offset bound);
  runtime::Task<Result<std::optional<TimestampHit>>> at_max_timestamp();
  runtime::Task<Result<std::vector<log::AbortedTransaction>>> aborted(Offset from,
                                                                      Offset upper_bound);

  /// The segments changed under the read: do it again, after await_change().
  static bool look_again(const Error& error) {
    return error.code == ErrorCode::offset_not_available;
  }
  /// Returns when the change that is under way has ended.
  runtime::Task<> await_change();

 private:
  using Position = PartitionLog::Position;
  /// What a read of one segment works on.
  struct Span {
    std::shared_ptr<Segment> segment;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    Offset bound;        // batches at or above it are cut off
    bool exact = false;  // `to` is the bound's position: nothing is to be cut off
    /// Where the index said to begin: the batch there begins at or below this offset, or the index
    /// is wrong.
    std::optional<Offset> indexed = {};
  };

  bool cut_meanwhile() const { return generation_ != log_.generation_; }
  const Position* position_of(Offset offset) const;
  std::unexpected<Error> damaged(Segment& segment, std::uint64_t position, Offset offset);
  void remember(Offset next, const Segment& segment, std::uint64_t at);
  runtime::Task<Result<>> find_position(Span& span, Offset offset);
  runtime::Task<Result<>> distrust_index(std::shared_ptr<Segment> segment);
  runtime::Task<Result<Span>> locate(Offset offset, Offset bound, ReadBound kind);
  runtime::Task<Result<bool>> read_span(const LogRead& request, const Span& span, LogSlice& slice);
  runtime::Task<Result<std::optional<TimestampHit>>> search(std::shared_ptr<Segment> segment,
                                                            std::int64_t timestamp, Offset bound);

  PartitionLog& log_;
  std::shared_ptr<Segment> walked_whole_;  // its index was found wrong
  std::uint64_t generation_;
};

}  // namespace cairn::storage
