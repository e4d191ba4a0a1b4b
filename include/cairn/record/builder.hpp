// SPDX-License-Identifier: Apache-2.0
// Builds one record batch. Records are encoded as they are appended, so the size so far is exact;
// compression happens once, in build(). A builder is used for one batch and cleared for the next.
#pragma once

#include <span>

#include <cairn/record/record.hpp>

namespace cairn::record {

struct BatchOptions {
  Codec codec = Codec::none;
  int level = default_level;
  Offset base_offset{0};
  Epoch leader_epoch = no_epoch;
  TimestampType timestamp_type = TimestampType::create_time;
  ProducerId producer_id = no_producer;
  ProducerEpoch producer_epoch = no_producer_epoch;
  std::int32_t base_sequence = no_sequence;
  bool transactional = false;
  bool control = false;
  /// Set: every record has this timestamp (base = maximum, all deltas 0), whatever append() is
  /// given. The metadata log is written so; for LogAppendTime it is the append time.
  std::optional<std::int64_t> fixed_timestamp = {};
};

class BatchBuilder {
 public:
  explicit BatchBuilder(BatchOptions options = {});

  /// Adds a record at the next offset.
  void append(std::int64_t timestamp, OptionalBytes key, OptionalBytes value,
              std::span<const Header> headers = {});
  /// Adds a record at this offset; for rebuilding batches that have gaps. REQUIRES: it rises.
  void append_at(Offset offset, std::int64_t timestamp, OptionalBytes key, OptionalBytes value,
                 std::span<const Header> headers = {});

  bool empty() const { return count_ == 0; }
  std::int32_t record_count() const { return count_; }
  Offset next_offset() const { return options_.base_offset + (last_delta_ + 1); }
  /// Exact bytes of the batch if it is not compressed.
  std::size_t uncompressed_size() const { return batch_header_size + records_.size(); }
  /// Bytes the batch will have about, for a codec that has lately made `ratio` out of 1 (0..1].
  std::size_t estimated_size(double ratio) const;
  /// Exact bytes append() would add now.
  std::size_t size_of(std::int64_t timestamp, OptionalBytes key, OptionalBytes value,
                      std::span<const Header> headers = {}) const;

  /// Known late, as when a client draws sequences at send time. Before build() only.
  void set_producer(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence,
                    bool transactional);
  void set_leader_epoch(Epoch epoch) { options_.leader_epoch = epoch; }

  /// The finished batch with its CRC. An empty builder gives a batch of no records. The builder is
  /// left as it was; clear() makes it ready for another batch.
  Bytes build() const;
  /// The same into a buffer that is appended to.
  void build(Bytes& to) const;
  /// Forgets the records; the next batch begins at `base_offset`.
  void clear(Offset base_offset);

 private:
  void write_header(std::byte* header) const;

  BatchOptions options_;
  Bytes records_;
  std::int32_t count_ = 0;
  std::int32_t last_delta_ = -1;
  std::int64_t base_timestamp_ = no_timestamp;
  std::int64_t max_timestamp_ = no_timestamp;
};

/// Bytes of one record's encoding, its length prefix included.
std::size_t record_size(std::int64_t timestamp_delta, std::int32_t offset_delta, OptionalBytes key,
                        OptionalBytes value, std::span<const Header> headers = {});
/// An upper bound for a batch of this one record: what a client compares with batch.size and
/// max.request.size before it accepts a record.
std::size_t single_record_batch_bound(OptionalBytes key, OptionalBytes value,
                                      std::span<const Header> headers = {});

/// The records of `batch` under another codec, all else kept (offsets, timestamps, producer,
/// flags).
Result<Bytes> recompress(const BatchView& batch, Codec codec, int level,
                         const DecompressionLimit& limit);

}  // namespace cairn::record
