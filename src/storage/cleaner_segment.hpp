// SPDX-License-Identifier: Apache-2.0
// The segment that a cleaning writes: its .cleaned files, and the Segment they become. Invariant:
// once finish() has returned, all files are whole and synced under their .cleaned names. Owner: one
// run of the cleaner.
#pragma once

#include "segment.hpp"

namespace cairn::storage {

class CleanedSegment {
 public:
  CleanedSegment(Environment& environment, std::string directory, Offset base_offset);

  runtime::Task<Result<>> create();
  /// Batches to be written next. Whoever adds to it calls note_added().
  Bytes& buffer() { return buffer_; }
  /// Takes the batches of buffer() from `from` on into the indexes.
  Result<> note_added(std::size_t from, std::uint32_t index_interval);
  runtime::Task<Result<>> write_out();
  /// Writes what is left, and the indexes.
  runtime::Task<Result<>> finish(std::vector<log::AbortedTransaction> aborted, WallTime modified);
  /// Removes its files, under whatever name before the swap.
  runtime::Task<> discard();

  std::vector<log::FileKind> kinds() const;
  std::string path(log::FileKind kind, log::FileState state) const {
    return segment_->path(directory_, kind, state);
  }
  std::uint64_t size() const { return segment_->size + buffer_.size(); }
  /// To be installed in the log after its files have their names.
  std::shared_ptr<Segment> segment() const { return segment_; }

 private:
  runtime::Task<Result<>> write_index(log::FileKind kind, Bytes content);

  Environment& environment_;
  std::string directory_;
  std::shared_ptr<Segment> segment_;
  std::shared_ptr<SegmentIndexes> indexes_;
  std::unique_ptr<runtime::File> file_;
  Bytes buffer_;
};

}  // namespace cairn::storage
