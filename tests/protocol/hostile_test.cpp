// SPDX-License-Identifier: Apache-2.0
// Bytes that are no message: cut short at every place, or damaged at random. Nothing may be read
// past the end (each buffer is an allocation of its own size, under AddressSanitizer), and what a
// decode allocates is bounded by what it was given.
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include <cairn/base/random.hpp>

#include "golden_vectors.hpp"

namespace {

std::size_t allocated_bytes = 0;

}  // namespace

// Counts what decoding allocates.
void* operator new(std::size_t size) {
  allocated_bytes += size;
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace cairn::protocol::testing {
namespace {

constexpr std::size_t bound(std::size_t input) { return 4 * input + 64 * 1024; }

// Decodes a copy that ends where its allocation ends, and returns whether it is a message.
bool decodes(const AnyMessage& message, BytesView bytes, std::int16_t version) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size());
  std::ranges::copy(bytes, copy.get());
  const std::size_t before = allocated_bytes;
  Reader reader({copy.get(), bytes.size()});
  message.pass_through(reader, version, nullptr, nullptr);
  EXPECT_LE(allocated_bytes - before, bound(bytes.size())) << message.name << " " << version;
  return reader.ok() && reader.left() == 0;
}

void damage(Bytes& bytes, Random& random) {
  static constexpr std::uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  for (auto left = 1 + random.below(3); left > 0; --left) {
    std::byte& byte = bytes[random.below(bytes.size())];
    byte = static_cast<std::byte>(random.chance(0.5) ? edges[random.below(5)] : random());
  }
}

}  // namespace

TEST(HostileBytes, cut_short_anywhere_are_refused) {
  for (const GoldenVector& vector : golden_vectors()) {
    const AnyMessage& message = vector.message();
    for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
      const BytesView prefix = BytesView(vector.bytes).first(size);
      ASSERT_FALSE(decodes(message, prefix, vector.version)) << vector.name << " of " << size;
    }
  }
}

TEST(HostileBytes, damaged_at_random_are_refused_or_mean_what_they_encode_to) {
  Random random(20261123);
  for (const GoldenVector& vector : golden_vectors()) {
    if (vector.bytes.empty()) continue;
    const AnyMessage& message = vector.message();
    for (int i = 0; i < 60; ++i) {
      Bytes bytes = vector.bytes;
      damage(bytes, random);
      if (!decodes(message, bytes, vector.version)) continue;
      const auto once = message.recode(bytes, vector.version);
      ASSERT_TRUE(once) << vector.name << ": " << once.error().why;
      const auto twice = message.recode(*once, vector.version);
      ASSERT_TRUE(twice) << vector.name << ": " << twice.error().why;
      ASSERT_EQ(*once, *twice) << vector.name << " version " << vector.version;
    }
  }
}

TEST(HostileBytes, damaged_messages_print_as_json) {
  Random random(7);
  for (const GoldenVector& vector : golden_vectors()) {
    if (vector.bytes.empty()) continue;
    Bytes bytes = vector.bytes;
    damage(bytes, random);
    (void)vector.message().to_json(bytes, vector.version);
  }
}

}  // namespace cairn::protocol::testing
