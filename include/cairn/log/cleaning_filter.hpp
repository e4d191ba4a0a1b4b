// SPDX-License-Identifier: Apache-2.0
// The two passes of a cleaning, batch by batch: KeyCollector fills the map from the dirty part,
// BatchFilter writes what stays of every batch. Invariants (L33, I26): offsets and order never
// change, a batch keeps its base offset and last offset delta (and so its last sequence), a
// tombstone or marker stays until the delete horizon that its first cleaning wrote into its batch.
// Owner: one run of the cleaner.
#pragma once

#include <algorithm>
#include <unordered_map>

#include <cairn/base/result.hpp>
#include <cairn/log/cleaning_transactions.hpp>
#include <cairn/log/offset_map.hpp>
#include <cairn/record/record.hpp>

namespace cairn::log {

class KeyCollector {
 public:
  /// `aborted` are the transactions that overlap the dirty part, in order of first offset.
  KeyCollector(OffsetMap& map, Offset first_dirty, std::span<const AbortedTransaction> aborted);

  /// Takes the next batch of the log. False: the map is full; end() lies in this batch.
  Result<bool> take(const record::BatchView& batch);
  /// All below `offset` has been taken; there was a gap.
  void reach(Offset offset) { end_ = std::max(end_, offset); }

  /// The map knows every key below: where this cleaning ends and the next one begins.
  Offset end() const { return end_; }

 private:
  OffsetMap& map_;
  Offset first_dirty_;
  Offset end_;
  CleanedTransactions transactions_;
};

/// What the log remembers of a producer where the cleaning ends. Its last batch before stays, if
/// only as an empty one.
struct LastOfProducer {
  Offset last_data_offset = no_offset;  // none: its last batch is a marker of this epoch
  ProducerEpoch epoch = no_producer_epoch;
};
using LastOfProducers = std::unordered_map<ProducerId, LastOfProducer>;

struct CleaningRound {
  Offset clean_end;          // KeyCollector::end()
  Offset first_uncleanable;  // no batch goes on beyond
  std::int64_t now_ms = 0;
  std::int64_t delete_retention_ms = 0;
};

struct CleaningCounts {
  std::uint64_t bytes_read = 0, bytes_kept = 0;
  std::uint64_t records_read = 0, records_kept = 0;
  std::uint64_t records_without_key = 0;  // they do not belong here and go
};

class BatchFilter {
 public:
  enum class Fate : std::uint8_t {
    dropped,
    emptied,    // its header stays
    rewritten,  // with fewer records, or with a delete horizon
    copied,
  };

  /// `map` and `transactions` outlive it.
  BatchFilter(const OffsetMap& map, CleaningRound round, CleanedTransactions& transactions)
      : map_(map), round_(round), transactions_(transactions) {}

  void set_producers(LastOfProducers producers) { producers_ = std::move(producers); }
  /// Appends to `to` what stays of the next batch of the log. corrupt_message and the like when its
  /// records cannot be read.
  Result<Fate> clean(const record::BatchView& batch, Bytes& to);

  const CleaningCounts& counts() const { return counts_; }

 private:
  struct Kept {
    BytesView bytes;  // as encoded, length included
    std::int64_t timestamp;
  };

  bool keeps_header(const record::BatchView& batch) const;
  bool keeps_record(const record::BatchView& batch, const record::RecordView& record);
  Fate drop(const record::BatchView& batch, Bytes& to);
  Fate rewrite(const record::BatchView& batch, std::optional<std::int64_t> new_horizon, Bytes& to);

  const OffsetMap& map_;
  CleaningRound round_;
  CleanedTransactions& transactions_;
  LastOfProducers producers_;
  CleaningCounts counts_;
  std::vector<Kept> kept_;  // of the batch at hand
};

}  // namespace cairn::log
