// SPDX-License-Identifier: Apache-2.0
// Reads the headers of a log's last batches from the newest back, for a ProducerRecall: from index
// entry to index entry, a block at a time, so that the size of the batches does not count.
// Invariant: bounded work, whatever the log holds; it ends as soon as the recall has what it wants.
// Owner: whoever loads producers, in its frame.
#pragma once

#include <cairn/log/producer_recall.hpp>

#include "segment.hpp"

namespace cairn::storage {

class ProducerTail {
 public:
  ProducerTail(Environment& environment, std::string directory, log::ProducerRecall& recall)
      : environment_(environment), directory_(std::move(directory)), recall_(recall) {}

  /// Goes back from `end` through these segments, which are in order; the last holds `end` or ends
  /// there. Fails only when a file cannot be read.
  runtime::Task<Result<>> read(std::vector<std::shared_ptr<Segment>> segments, Offset end);

 private:
  static constexpr std::size_t block = 4'096;
  /// Blocks read of one log at most: so many large batches, or two megabytes of small ones.
  static constexpr std::size_t most_blocks = 512;

  runtime::Task<Result<>> read_segment(std::shared_ptr<Segment> segment, Offset end);
  /// Where batches begin, as the index knows it: the last of its entries, before them the
  /// segment's front if these are all.
  runtime::Task<Result<std::vector<log::OffsetPosition>>> known_starts(
      std::shared_ptr<Segment> segment);
  /// Takes the batches of [from, to) that lie below `end`. False: it is no use to go on.
  runtime::Task<Result<bool>> read_stretch(std::shared_ptr<runtime::File> file, std::uint64_t from,
                                           std::uint64_t to, Offset end);
  bool enough() const { return recall_.complete() || blocks_ >= most_blocks; }

  Environment& environment_;
  const std::string directory_;
  log::ProducerRecall& recall_;
  std::size_t blocks_ = 0;
  bool lost_ = false;  // what is there is not what an index says
};

}  // namespace cairn::storage
