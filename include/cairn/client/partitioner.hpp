// SPDX-License-Identifier: Apache-2.0
// Which partition a record goes to. The hash is Kafka's (murmur2, as its Java clients compute it),
// so a key lands where every other client puts it. One Partitioner serves one topic; the producer
// owns it.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include <cairn/base/bytes.hpp>
#include <cairn/base/ids.hpp>
#include <cairn/base/random.hpp>

namespace cairn::client {

/// Kafka's variant of MurmurHash2 (seed 0x9747b28c), as a signed number.
std::int32_t murmur2(BytesView bytes);
/// The partition of a key among `count`: the hash without its sign bit, modulo count.
/// REQUIRES: count > 0.
PartitionIndex partition_of_key(BytesView key, std::int32_t count);

enum class PartitionerKind : std::uint8_t {
  hash,         // keys by murmur2; records without a key stick to a partition for a batch's worth
  sticky,       // keys are ignored: all records stick to a partition for a batch's worth
  round_robin,  // every record to the next partition
};
std::optional<PartitionerKind> parse_partitioner(std::string_view name);

class Partitioner {
 public:
  /// `sticky_bytes`: how many bytes go to one partition before another is drawn (batch.size).
  Partitioner(PartitionerKind kind, std::size_t sticky_bytes)
      : kind_(kind), sticky_bytes_(sticky_bytes) {}

  /// The partition for a record of about `size` bytes. `available` are the partitions that have a
  /// leader, in order; if it is empty all of 0..count-1 are candidates. REQUIRES: count > 0.
  PartitionIndex pick(std::optional<BytesView> key, std::size_t size, std::int32_t count,
                      std::span<const PartitionIndex> available, Random& random);

  /// The batch of the current sticky partition was closed: the next record draws another.
  void batch_closed(PartitionIndex partition);

 private:
  PartitionIndex draw(std::int32_t count, std::span<const PartitionIndex> available,
                      Random& random) const;

  PartitionerKind kind_;
  std::size_t sticky_bytes_;
  std::size_t stuck_bytes_ = 0;
  std::optional<PartitionIndex> stuck_to_;
  std::uint32_t next_ = 0;
  bool started_ = false;
};

}  // namespace cairn::client
