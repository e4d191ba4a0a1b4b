// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/base/random.hpp>

#include "tests/unit/record/batches.hpp"

namespace cairn::record {
namespace {

constexpr std::array compressing = {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

Bytes text_of(Random& random, std::size_t size) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>('a' + random.below(4));
  return bytes;
}

Bytes compressed(Codec codec, BytesView from, int level = default_level) {
  Bytes to;
  compress(codec, level, from, to);
  return to;
}

TEST(Compression, what_goes_in_comes_out_at_every_size) {
  Random random(1);
  for (Codec codec : compressing) {
    for (std::size_t size : {0, 1, 100, 4095, 32768, 32769, 65536, 65537, 200000, 3000000}) {
      const Bytes plain = text_of(random, size);
      const auto back = decompress(codec, compressed(codec, plain), {});
      ASSERT_TRUE(back) << to_string(codec) << size << back.error().why;
      EXPECT_TRUE(*back == plain) << to_string(codec) << size;
    }
  }
}

TEST(Compression, every_level_that_kafka_allows_works) {
  Random random(2);
  const Bytes plain = text_of(random, 5000);
  const auto check = [&](Codec codec, int level) {
    ASSERT_TRUE(is_valid_level(codec, level));
    EXPECT_TRUE(decompress(codec, compressed(codec, plain, level), {}).value() == plain);
  };
  for (int level : {-1, 1, 2, 3, 4, 5, 6, 7, 8, 9}) check(Codec::gzip, level);
  for (int level = 1; level <= 17; ++level) check(Codec::lz4, level);
  for (int level : {-131072, -5, 1, 3, 19, 22}) check(Codec::zstd, level);
  EXPECT_FALSE(is_valid_level(Codec::gzip, 0));
  EXPECT_FALSE(is_valid_level(Codec::gzip, 10));
  EXPECT_FALSE(is_valid_level(Codec::lz4, 18));
  EXPECT_FALSE(is_valid_level(Codec::zstd, 23));
  EXPECT_FALSE(is_valid_level(Codec::snappy, 1));
}

TEST(Compression, output_stops_at_the_limit) {
  const Bytes zeros(std::size_t{8} << 20);
  for (Codec codec : compressing) {
    const Bytes bomb = compressed(codec, zeros);
    EXPECT_EQ(
        code_of(decompress(codec, bomb, {.max_output = zeros.size() - 1, .max_ratio = 1000000})),
        ErrorCode::message_too_large)
        << to_string(codec);
    EXPECT_TRUE(decompress(codec, bomb, {.max_output = zeros.size(), .max_ratio = 1000000}))
        << to_string(codec);
    EXPECT_EQ(code_of(decompress(codec, bomb, {.max_output = zeros.size(), .max_ratio = 10})),
              ErrorCode::message_too_large)
        << to_string(codec);
  }
}

TEST(Compression, a_topic_s_limit_is_twenty_fold_up_to_64_mib) {
  EXPECT_EQ(DecompressionLimit::for_topic(1000).max_output, 20000u);
  EXPECT_EQ(DecompressionLimit::for_topic(10u << 20).max_output, 64u << 20);
  EXPECT_EQ(DecompressionLimit::for_topic(100u << 20).max_output, 100u << 20);
}

TEST(Compression, damage_and_cuts_are_errors_and_nothing_worse) {
  Random random(3);
  const Bytes plain = text_of(random, 70000);
  for (Codec codec : compressing) {
    const Bytes good = compressed(codec, plain);
    for (int round = 0; round < 300; ++round) {
      Bytes bad = good;
      if (random.chance(0.3)) bad.resize(random.below(bad.size()));
      for (std::uint64_t i = random.below(4); i > 0 && !bad.empty(); --i) {
        bad[random.below(bad.size())] = static_cast<std::byte>(random.below(256));
      }
      const auto result = decompress(codec, bad, {.max_output = 100000});
      if (result) EXPECT_LE(result->size(), 100000u);
    }
    const auto cut = decompress(codec, BytesView(good).first(good.size() - 1), {});
    EXPECT_EQ(code_of(cut), ErrorCode::corrupt_message) << to_string(codec);
    Bytes longer = good;
    longer.push_back(std::byte{1});
    EXPECT_EQ(code_of(decompress(codec, longer, {})), ErrorCode::corrupt_message)
        << to_string(codec);
  }
}

TEST(Compression, gzip_members_and_zstd_frames_may_follow_one_another) {
  for (Codec codec : {Codec::gzip, Codec::zstd}) {
    Bytes both = compressed(codec, as_bytes("one "));
    append(both, compressed(codec, as_bytes("two")));
    EXPECT_EQ(as_text(decompress(codec, both, {}).value()), "one two");
  }
}

TEST(Compression, snappy_is_read_as_one_raw_block_too) {
  // length 5, a literal of 5 bytes
  const Bytes raw = testing::from_hex("051068656c6c6f");
  EXPECT_EQ(as_text(decompress(Codec::snappy, raw, {}).value()), "hello");
}

TEST(Compression, a_snappy_block_is_not_believed_about_its_length) {
  const Bytes raw = testing::from_hex("ffffffff0f00");
  EXPECT_EQ(code_of(decompress(Codec::snappy, raw, {})), ErrorCode::corrupt_message);
}

TEST(Compression, codecs_have_kafka_s_names) {
  for (Codec codec : compressing) EXPECT_EQ(parse_codec(to_string(codec)), codec);
  EXPECT_EQ(parse_codec("uncompressed"), Codec::none);
  EXPECT_EQ(parse_codec("producer"), std::nullopt);
}

}  // namespace
}  // namespace cairn::record
