// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/client/partitioner.hpp>

namespace cairn::client {

std::int32_t murmur2(BytesView bytes) {
  constexpr std::uint32_t multiplier = 0x5bd1e995;
  constexpr int shift = 24;
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::uint32_t hash = 0x9747b28cU ^ size;

  std::size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    std::uint32_t word = std::byteswap(load_big_endian<std::uint32_t>(bytes.data() + at));
    word *= multiplier;
    word ^= word >> shift;
    word *= multiplier;
    hash = (hash * multiplier) ^ word;
  }
  const auto tail = bytes.subspan(at);
  for (std::size_t i = tail.size(); i-- > 0;) {
    hash ^= std::to_integer<std::uint32_t>(tail[i]) << (8 * i);
  }
  if (!tail.empty()) hash *= multiplier;

  hash ^= hash >> 13;
  hash *= multiplier;
  hash ^= hash >> 15;
  return static_cast<std::int32_t>(hash);
}

PartitionIndex partition_of_key(BytesView key, std::int32_t count) {
  ASSERT(count > 0, "a topic has partitions");
  return PartitionIndex((murmur2(key) & 0x7fffffff) % count);
}

std::optional<PartitionerKind> parse_partitioner(std::string_view name) {
  if (name == "hash" || name == "murmur2") return PartitionerKind::hash;
  if (name == "sticky") return PartitionerKind::sticky;
  if (name == "round-robin") return PartitionerKind::round_robin;
  return std::nullopt;
}

PartitionIndex Partitioner::pick(std::optional<BytesView> key, std::size_t size, std::int32_t count,
                                 std::span<const PartitionIndex> available, Random& random) {
  ASSERT(count > 0, "a topic has partitions");
  if (kind_ == PartitionerKind::hash && key) return partition_of_key(*key, count);
  if (kind_ == PartitionerKind::round_robin) {
    if (!std::exchange(started_, true)) {  // producers that start together shall not march in step
      next_ = static_cast<std::uint32_t>(random.below(static_cast<std::uint64_t>(count)));
    }
    const auto turn = next_++;
    if (available.empty()) return PartitionIndex(static_cast<std::int32_t>(turn % count));
    return available[turn % available.size()];
  }
  if (!stuck_to_ || stuck_to_->value() >= count) {
    stuck_to_ = draw(count, available, random);
    stuck_bytes_ = 0;
  }
  const auto partition = *stuck_to_;
  stuck_bytes_ += size;
  if (stuck_bytes_ >= sticky_bytes_) stuck_to_.reset();
  return partition;
}

void Partitioner::batch_closed(PartitionIndex partition) {
  if (stuck_to_ == partition) stuck_to_.reset();
}

PartitionIndex Partitioner::draw(std::int32_t count, std::span<const PartitionIndex> available,
                                 Random& random) const {
  if (available.empty()) {
    return PartitionIndex(
        static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(count))));
  }
  return available[random.below(available.size())];
}

}  // namespace cairn::client
