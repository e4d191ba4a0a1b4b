// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include <cairn/base/random.hpp>
#include <cairn/transport/frame.hpp>

namespace cairn::transport {
namespace frame_test {

void append_frame(Bytes& to, std::size_t size, char fill) {
  std::byte length[4];
  store_big_endian(length, static_cast<std::int32_t>(size));
  append(to, length);
  append(to, as_bytes(std::string(size, fill)));
}

/// Feeds `bytes` in reads of at most `chunk`.
void feed(FrameBuffer& buffer, BytesView& bytes, std::size_t chunk) {
  const MutableBytes space = buffer.space();
  ASSERT_FALSE(space.empty());
  const std::size_t count = std::min({space.size(), bytes.size(), chunk});
  std::ranges::copy(bytes.first(count), space.begin());
  buffer.filled(count);
  bytes = bytes.subspan(count);
}

TEST(FrameBuffer, splits_frames_however_they_arrive_and_keeps_those_handed_out) {
  Random random(3);
  for (int round = 0; round < 30; ++round) {
    Bytes wire;
    std::vector<std::pair<std::size_t, char>> expected;
    for (int i = 0; i < 60; ++i) {
      const std::size_t size = random.below(random.chance(0.1) ? 400'000 : 300);
      const char fill = static_cast<char>('a' + i % 26);
      append_frame(wire, size, fill);
      expected.emplace_back(size, fill);
    }
    FrameBuffer buffer(1 << 20);
    std::vector<Frame> frames;
    for (BytesView left = wire; !left.empty();) {
      feed(buffer, left, 1 + random.below(100'000));
      while (true) {
        const auto next = buffer.next();
        ASSERT_TRUE(next);
        if (!*next) break;
        frames.push_back(**next);
        if (random.chance(0.3) && frames.size() % 2 == 0) frames.front().owner.get();
      }
    }
    ASSERT_EQ(frames.size(), expected.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto [size, fill] = expected[i];
      ASSERT_EQ(as_text(frames[i].bytes), std::string(size, fill)) << i;
    }
    EXPECT_TRUE(buffer.empty());
  }
}

TEST(FrameBuffer, uses_a_block_again_once_its_frames_are_gone) {
  FrameBuffer buffer(1 << 20);
  Bytes wire;
  append_frame(wire, 50'000, 'x');
  for (int i = 0; i < 1000; ++i) {
    BytesView left = wire;
    while (!left.empty()) feed(buffer, left, 10'000);
    const auto frame = buffer.next();
    ASSERT_TRUE(*frame);
    EXPECT_LE(buffer.capacity(), 4 * FrameBuffer::block_size);
  }
}

TEST(FrameBuffer, refuses_a_length_before_anything_is_buffered_for_it) {
  for (const std::int32_t length : {-1, 1001, 0x7fffffff}) {
    FrameBuffer buffer(1000);
    std::byte bytes[4];
    store_big_endian(bytes, length);
    BytesView left = bytes;
    feed(buffer, left, 4);
    const auto next = buffer.next();
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, ErrorCode::invalid_request);
    EXPECT_LE(buffer.capacity(), FrameBuffer::block_size);
  }
}

TEST(FrameBuffer, allocates_as_bytes_arrive_not_as_a_length_claims) {
  FrameBuffer buffer(100 << 20);
  Bytes wire;
  append_frame(wire, 100 << 20, 'x');
  BytesView left = BytesView(wire).first(300'000);
  while (!left.empty()) feed(buffer, left, 10'000);
  buffer.space();
  EXPECT_LE(buffer.capacity(), 1'500'000u);
}

TEST(FrameBuffer, holds_no_memory_when_released) {
  FrameBuffer buffer(1000);
  Bytes wire;
  append_frame(wire, 10, 'x');
  BytesView left = wire;
  feed(buffer, left, 100);
  const auto frame = buffer.next();
  buffer.release();
  EXPECT_EQ(buffer.capacity(), 0u);
  EXPECT_EQ(as_text((**frame).bytes), std::string(10, 'x'));
}

}  // namespace frame_test
}  // namespace cairn::transport
