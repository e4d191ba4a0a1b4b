// SPDX-License-Identifier: Apache-2.0
// Requests built once and replayed: what changes from one sending to the next (correlation id,
// fetch offset, sequence) is patched in place.
#pragma once

#include <cairn/record/builder.hpp>

#include "cluster.hpp"

namespace cairn::bench {

struct BatchShape {
  std::size_t batch_bytes = 131072;  // at most, before compression
  std::size_t record_bytes = 1024;   // of each value
  record::Codec codec = record::Codec::none;
  ProducerIdentity producer = {};
};

struct BuiltBatch {
  Bytes bytes;
  std::int32_t records = 0;
  std::uint64_t value_bytes = 0;
};

/// A batch as full as it may be, with at least one record. Values look like text (lz4 makes about
/// half of them), and differ with the seed.
BuiltBatch build_batch(const BatchShape& shape, std::uint64_t seed);

/// A request with one batch for one partition.
class ProduceFrame {
 public:
  ProduceFrame(const std::string& topic, std::int32_t partition, std::int16_t acks,
               const BuiltBatch& batch);

  Bytes& bytes() { return bytes_; }
  std::int32_t partition() const { return partition_; }
  std::uint64_t value_bytes() const { return value_bytes_; }
  std::int32_t records() const { return records_; }
  /// The batch inside the frame.
  MutableBytes batch() { return MutableBytes(bytes_).subspan(batch_at_, batch_size_); }
  /// Sets the sequence of the next sending and computes the CRC anew.
  void set_sequence(std::int32_t sequence);

 private:
  Bytes bytes_;
  std::int32_t partition_;
  std::size_t batch_at_ = 0;
  std::size_t batch_size_;
  std::uint64_t value_bytes_;
  std::int32_t records_;
};

/// The error and base offset of a response to a ProduceFrame.
struct ProduceAnswer {
  ErrorCode error = ErrorCode::none;
  std::int64_t base_offset = -1;
};
ProduceAnswer parse_produce_answer(BytesView response);

struct FetchShape {
  std::int32_t max_wait_ms = 500;
  std::int32_t min_bytes = 1;
  std::int32_t max_bytes = 1 << 20;
};

/// A sessionless request for one partition.
class FetchFrame {
 public:
  FetchFrame(const std::string& topic, std::int32_t partition, const FetchShape& shape);

  Bytes& bytes() { return bytes_; }
  std::int64_t offset() const { return offset_; }
  void set_offset(std::int64_t offset);

 private:
  Bytes bytes_;
  std::size_t offset_at_;
  std::int64_t offset_ = 0;
};

/// What a response to a FetchFrame holds: whole batches, and where the next fetch begins.
struct FetchAnswer {
  BytesView records;
  std::int64_t next_offset = -1;  // -1: no whole batch
  std::int32_t record_count = 0;
};
FetchAnswer parse_fetch_answer(BytesView response);

}  // namespace cairn::bench
