// SPDX-License-Identifier: Apache-2.0
// The records of one partition on their way to its leader: batches that wait, in order, and batches
// under way. It decides when a batch may go, draws sequences, and puts what must be sent again back
// where it was, so that order holds over retries. Pure: time comes as an argument.
//
//   append -> waiting -> take -> in flight -> acknowledged | failed
//                ^------ retry | split -------'
//
// Invariants: waiting batches are in append order; a batch sent before waits until nothing else is
// under way; sequences of one identity have no gap, and a gap (a batch given up) stops the queue
// until it gets a new identity. Owner: the producer's Sender.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include <cairn/client/delivery.hpp>
#include <cairn/client/options.hpp>
#include <cairn/record/builder.hpp>

namespace cairn::client {

/// A record to produce. Views are copied by append.
struct RecordToSend {
  record::OptionalBytes key;
  record::OptionalBytes value;
  std::span<const record::Header> headers;
  std::int64_t timestamp = no_timestamp;
};

/// A producer id and its epoch; sequences count within it.
struct Identity {
  ProducerId id = no_producer;
  ProducerEpoch epoch = no_producer_epoch;
  bool operator==(const Identity&) const = default;
};

struct PendingBatch {
  std::uint64_t order = 0;       // of append; the pieces of a split batch share it
  std::int32_t first_index = 0;  // of its first record in its Fate
  record::BatchBuilder builder;
  std::shared_ptr<Fate> fate;
  Instant created{};
  Instant not_before{};       // backoff
  std::int32_t attempts = 0;  // times sent
  bool full = false;
  bool perhaps_written = false;              // an attempt's outcome is not known
  std::int32_t base_sequence = no_sequence;  // drawn when first taken
  Identity identity;
  std::size_t held_bytes = 0;  // of buffer memory
};

/// Whether a batch that failed may nevertheless be in the log.
enum class Outcome : std::uint8_t { refused, unknown };

class PartitionQueue {
 public:
  PartitionQueue(TopicPartition partition, const ProducerOptions& options)
      : partition_(std::move(partition)), options_(options) {}
  PartitionQueue(const PartitionQueue&) = delete;
  PartitionQueue& operator=(const PartitionQueue&) = delete;

  const TopicPartition& partition() const { return partition_; }

  bool is_active = false;  // for its owner: it is among the queues that are looked at

  struct Appended {
    Delivery delivery;
    std::size_t bytes = 0;      // of buffer memory taken
    bool closed_batch = false;  // the batch before this record is full
  };
  Appended append(const RecordToSend& record, Instant now);

  bool empty() const { return waiting_.empty() && in_flight_.empty(); }
  bool has_waiting() const { return !waiting_.empty(); }
  std::size_t in_flight() const { return in_flight_.size(); }
  /// The fates of all that has not settled.
  void collect_fates(std::vector<std::shared_ptr<Fate>>& into) const {
    for (const auto& batch : in_flight_) into.push_back(batch->fate);
    for (const auto& batch : waiting_) into.push_back(batch->fate);
  }
  /// Bytes of the batch that would be taken next, uncompressed. REQUIRES: has_waiting().
  std::size_t front_size() const { return waiting_.front()->builder.uncompressed_size(); }

  enum class Hurry : std::uint8_t {
    no,
    yes
  };  // yes: do not linger (flush, close, memory is short)
  /// When the first batch may be taken: `now` or earlier means at once. Nothing if none waits, or
  /// the queue waits for an answer or for a new identity.
  std::optional<Instant> ready_at(Hurry hurry) const;

  /// Moves the first batch to those in flight and draws its sequence under `current` (its id is
  /// no_producer without idempotence). REQUIRES: ready_at() has come.
  PendingBatch& take(const Identity& current);
  /// The finished batch's bytes; also learns how well it compresses.
  Bytes encode(const PendingBatch& batch);

  // Each ends a batch's being in flight. What they return is the buffer memory that came free.
  std::size_t acknowledged(PendingBatch& batch, Offset base_offset, std::int64_t append_time,
                           Instant now);
  /// Back to its place; fails instead if it is older than delivery.timeout.ms.
  std::size_t retry(PendingBatch& batch, Error why, Outcome outcome, Duration backoff, Instant now);
  std::size_t failed(PendingBatch& batch, Error why, Outcome outcome, Instant now);
  /// Too large for the broker: back as two halves. False, and nothing done, if it is one record.
  bool split(PendingBatch& batch);

  /// Fails the waiting batches that are older than delivery.timeout.ms.
  std::size_t expire(Instant now);
  /// When expire() has something to do.
  std::optional<Instant> expires_at() const;
  /// Fails all that waits.
  std::size_t fail_waiting(Error why, Instant now);

  /// The broker lost track of our sequences at this batch: true if it is the eldest unanswered one,
  /// and so the queue now needs a new identity; false if an elder one will tell.
  bool sequence_broken(PendingBatch& batch);
  /// Nothing is in flight, nothing may be in the log without our knowing, and no sequence can be
  /// drawn before renew().
  bool needs_identity() const { return broken_ && in_flight_.empty() && !must_settle(); }
  void renew(const Identity& fresh);

 private:
  using Batches = std::deque<std::unique_ptr<PendingBatch>>;

  void begin(const Identity& identity);
  std::unique_ptr<PendingBatch> land(PendingBatch& batch);
  void put_back(std::unique_ptr<PendingBatch> batch);
  std::size_t settle(PendingBatch& batch, Result<Offset> result, std::int64_t append_time,
                     Instant now);
  void give_up_sequence(const PendingBatch& batch, Outcome outcome);
  bool must_settle() const;
  record::BatchOptions batch_options() const;

  TopicPartition partition_;
  const ProducerOptions& options_;
  Batches waiting_;
  Batches in_flight_;
  std::uint64_t next_order_ = 0;
  double ratio_ = 1.0;  // compressed to uncompressed, lately
  Identity identity_;
  std::int32_t next_sequence_ = 0;
  bool is_known_ = false;  // a batch of this identity was acknowledged
  bool broken_ = false;
};

}  // namespace cairn::client
