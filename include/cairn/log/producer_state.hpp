// SPDX-License-Identifier: Apache-2.0
// What a log remembers of idempotent and transactional producers: epoch, the last five batches, the
// open transaction. check() decides before an append; apply() is called with every batch that
// entered the log, live, as a follower and in recovery alike. Owned by the log's one writer;
// rebuilt from a snapshot and the batches behind it. State goes by time, not with the records
// (KIP-360).
#pragma once

#include <array>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include <cairn/record/control.hpp>

namespace cairn::log {

struct ProducerBatch {
  std::int32_t last_sequence = no_sequence;
  Offset last_offset = no_offset;
  std::int32_t offset_delta = 0;
  std::int64_t timestamp = no_timestamp;

  std::int32_t first_sequence() const;
  Offset first_offset() const { return last_offset - offset_delta; }
  bool operator==(const ProducerBatch&) const = default;
};

/// One producer. Batches are oldest first, all of this epoch.
struct ProducerEntry {
  static constexpr std::size_t kept_batches = 5;  // max.in.flight of an idempotent Java producer

  ProducerId id = no_producer;
  ProducerEpoch epoch = no_producer_epoch;
  std::int32_t coordinator_epoch = -1;
  std::int64_t last_timestamp = no_timestamp;
  std::optional<Offset> transaction_first_offset;
  std::uint8_t batch_count = 0;
  std::array<ProducerBatch, kept_batches> batches;

  std::span<const ProducerBatch> kept() const { return {batches.data(), batch_count}; }
  std::int32_t last_sequence() const;  // -1 without batches
  Offset last_offset() const;          // -1 without batches
  std::int32_t last_offset_delta() const;
  void add(const ProducerBatch& batch);  // the oldest makes room
  /// Puts an older batch in front. False: there is no room, or one is missing between the two.
  bool add_before(const ProducerBatch& batch);
};

/// The append was done before: answer with these and append nothing.
struct Duplicate {
  Offset first_offset;
  Offset last_offset;
  std::int64_t timestamp = no_timestamp;  // append time to answer with, under LogAppendTime

  bool operator==(const Duplicate&) const = default;
};

struct CompletedTransaction {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;  // of the marker
  bool aborted = false;
};

struct ProducerStateOptions {
  std::int64_t expiration_ms = 86400000;  // producer.id.expiration.ms
};

class ProducerState {
 public:
  explicit ProducerState(ProducerStateOptions options = {}) : options_(options) {}

  /// Whether a client's batch may be appended. Nothing: append it. A Duplicate: it is there
  /// already. out_of_order_sequence_number, invalid_producer_epoch, transaction_coordinator_fenced
  /// (markers), invalid_txn_state. Batches without a producer always pass. `batch` need not have
  /// its offset yet.
  Result<std::optional<Duplicate>> check(const record::BatchView& batch) const;

  /// Takes a batch that is in the log, with its final offsets. Never refuses: what replication and
  /// recovery bring is history. The transaction it completed, if it is a marker of an open one: the
  /// caller asks last_stable_offset(completed) and, if aborted, adds to the transaction index.
  std::optional<CompletedTransaction> apply(const record::BatchView& batch);

  /// The offset below which every transaction is decided, were `completed` decided already.
  Offset last_stable_offset(const CompletedTransaction& completed) const;
  /// First offset of the oldest transaction that is open, or whose marker is not yet below the high
  /// watermark; the last stable offset is this or the high watermark.
  std::optional<Offset> first_unstable_offset() const;
  /// Completed transactions below the high watermark no longer hold back the last stable offset.
  void on_high_watermark(Offset high_watermark);

  /// Forgets producers whose last record is older than the expiry and who have no open transaction.
  /// The number forgotten.
  std::size_t expire(std::int64_t now_ms);

  /// Back to nothing, at this end offset; snapshot and batches behind it follow.
  void clear(Offset end_offset);
  /// Takes a snapshot's producers in place of its own, those not expired at now_ms. Where both have
  /// the same batches of a producer, what it remembers of older ones stays. The end offset becomes
  /// `end_offset`.
  void load(std::span<const ProducerEntry> snapshot, Offset end_offset, std::int64_t now_ms);
  /// After DeleteRecords or retention: decided transactions below the new start leave the unstable
  /// set; producers stay (KIP-360), an open transaction too.
  void on_log_start(Offset log_start);

  /// Offset after the last batch applied: the name of a snapshot taken now.
  Offset end_offset() const { return end_offset_; }
  void set_end_offset(Offset offset) { end_offset_ = offset; }

  /// For DescribeProducers and snapshots; in order of producer id.
  std::vector<ProducerEntry> entries() const;
  std::optional<ProducerEntry> entry(ProducerId id) const;
  std::size_t size() const { return producers_.size(); }
  bool empty() const { return producers_.empty(); }
  /// Whether any open transaction began before `time_ms` (its producer's last timestamp): hanging.
  bool has_late_transaction(std::int64_t time_ms) const;

 private:
  ProducerEntry& entry_for(ProducerId id);
  std::optional<CompletedTransaction> apply_marker(const record::BatchView& batch);
  void apply_data(const record::BatchView& batch);

  ProducerStateOptions options_;
  Offset end_offset_{0};
  std::unordered_map<ProducerId, ProducerEntry> producers_;
  std::map<Offset, ProducerId> open_;                    // transactions by first offset
  std::map<Offset, CompletedTransaction> unreplicated_;  // decided, marker not below the watermark
};

}  // namespace cairn::log
