// SPDX-License-Identifier: Apache-2.0
// Fills up a producer snapshot, which holds one batch a producer, from the log before it: an
// idempotent client has five in flight and may send any of them again after a restart (I6).
// take() is given the headers of the log's batches from the newest back. Invariant: what is
// recalled are batches that follow one another without a gap, so never more than a log knows that
// did not stop. Owner: whoever loads a snapshot, in its frame.
#pragma once

#include <cairn/log/producer_state.hpp>

namespace cairn::log {

class ProducerRecall {
 public:
  /// A batch as its header tells it.
  struct Header {
    Offset base_offset;
    ProducerId producer;
    ProducerEpoch epoch;
    ProducerBatch batch;

    /// REQUIRES: the 61 bytes of a batch's header, or more.
    static Header read(BytesView header);
    /// Markers, and data without sequences, are nothing that a client sends again.
    bool counts() const { return producer > no_producer && batch.last_sequence >= 0; }
  };

  explicit ProducerRecall(std::vector<ProducerEntry> snapshot);

  /// The next older batch.
  void take(const Header& header);
  /// Whoever wrote lately has all that there is: looking further back is not worth it.
  bool complete() const { return awaited_ == 0; }

  std::vector<ProducerEntry> take_entries() { return std::move(entries_); }

 private:
  struct Wanted {
    std::size_t entry;
    bool awaited;
  };

  std::vector<ProducerEntry> entries_;
  std::unordered_map<ProducerId, Wanted> wanted_;
  std::size_t awaited_ = 0;
};

}  // namespace cairn::log
