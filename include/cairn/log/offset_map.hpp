// SPDX-License-Identifier: Apache-2.0
// Key -> greatest offset, for compaction, in a bounded piece of memory: open addressing over
// 128-bit keyed hashes of the keys (24 bytes a slot, as Kafka's). Two keys of one hash would lose a
// record, so the hash is SipHash-2-4-128 under a key that no client knows. Memory is touched only
// as keys arrive. Invariant: never fuller than its load factor. Owner: one run of the cleaner.
#pragma once

#include <array>
#include <cstdlib>
#include <memory>

#include <cairn/base/bytes.hpp>
#include <cairn/base/ids.hpp>

namespace cairn::log {

class OffsetMap {
 public:
  using HashKey = std::array<std::uint64_t, 2>;
  static constexpr std::size_t slot_size = 24;

  /// At most `bytes` of memory; at least room for one key.
  OffsetMap(std::size_t bytes, double load_factor, HashKey key);

  /// Notes that `key` stands at `offset`, the greatest so far. False: it is new, and the map is
  /// full.
  bool put(BytesView key, Offset offset);
  /// The greatest offset of the key; no_offset if it was never put.
  Offset find(BytesView key) const;

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  double utilization() const { return static_cast<double>(size_) / static_cast<double>(slots_); }

 private:
  struct Hash {
    std::uint64_t low, high;
    bool operator==(const Hash&) const = default;
  };
  struct Slot {
    Hash hash;
    std::int64_t offset_and_one;  // 0: the slot is free
  };
  static_assert(sizeof(Slot) == slot_size);
  struct Free {
    void operator()(Slot* memory) const { std::free(memory); }
  };

  Hash hash(BytesView key) const;
  /// The key's slot, or the free one where it would go.
  Slot& slot_of(const Hash& hash) const;

  std::size_t slots_;
  std::size_t capacity_;
  std::size_t size_ = 0;
  HashKey key_;
  std::unique_ptr<Slot[], Free> memory_;
};

}  // namespace cairn::log
