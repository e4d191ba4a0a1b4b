// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/log/offset_map.hpp>

namespace cairn::log {

namespace {

/// SipHash (Aumasson and Bernstein, 2012): two rounds a word, four at the end, 128-bit output.
struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  std::uint64_t fold() const { return v0 ^ v1 ^ v2 ^ v3; }
};

std::uint64_t load_little_endian(const std::byte* from, std::size_t bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, bytes);
  return std::endian::native == std::endian::little ? word : std::byteswap(word);
}

}  // namespace

OffsetMap::OffsetMap(std::size_t bytes, double load_factor, HashKey key)
    : slots_(std::max<std::size_t>(bytes / slot_size, 2)),
      capacity_(std::clamp<std::size_t>(
          static_cast<std::size_t>(static_cast<double>(slots_) * load_factor), 1, slots_ - 1)),
      key_(key),
      memory_(static_cast<Slot*>(std::calloc(slots_, sizeof(Slot)))) {
  ASSERT(memory_ != nullptr, "there is memory for the map of keys");
}

bool OffsetMap::put(BytesView key, Offset offset) {
  const Hash hashed = hash(key);
  Slot& slot = slot_of(hashed);
  if (slot.offset_and_one == 0) {
    if (size_ == capacity_) return false;
    ++size_;
    slot.hash = hashed;
  }
  slot.offset_and_one = std::max(slot.offset_and_one, offset.value() + 1);
  return true;
}

Offset OffsetMap::find(BytesView key) const {
  return Offset(slot_of(hash(key)).offset_and_one - 1);
}

OffsetMap::Slot& OffsetMap::slot_of(const Hash& hash) const {
  std::size_t at = static_cast<std::size_t>(hash.low % slots_);
  while (memory_[at].offset_and_one != 0 && memory_[at].hash != hash) {
    at = at + 1 == slots_ ? 0 : at + 1;
  }
  return memory_[at];
}

OffsetMap::Hash OffsetMap::hash(BytesView key) const {
  SipState state{key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d ^ 0xee,
                 key_[0] ^ 0x6c7967656e657261, key_[1] ^ 0x7465646279746573};
  const std::uint64_t size = key.size();
  for (; key.size() >= 8; key = key.subspan(8)) state.take(load_little_endian(key.data(), 8));
  const std::uint64_t tail = key.empty() ? 0 : load_little_endian(key.data(), key.size());
  state.take(size << 56 | tail);
  state.v2 ^= 0xee;
  state.rounds(4);
  const std::uint64_t low = state.fold();
  state.v1 ^= 0xdd;
  state.rounds(4);
  return {low, state.fold()};
}

}  // namespace cairn::log
