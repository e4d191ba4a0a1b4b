// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <gtest/gtest.h>

#include <cairn/base/varint.hpp>

namespace cairn {

TEST(Varint, every_width_comes_back_and_has_the_size_it_says) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const std::int64_t sign : {1, -1}) {
      const auto value =
          sign * static_cast<std::int64_t>(std::uint64_t{1} << shift >> (shift == 63));
      Bytes bytes;
      append_varint(bytes, value);
      EXPECT_EQ(bytes.size(), size_of_varint(value));
      BytesView view = bytes;
      EXPECT_EQ(read_varint64(view), value);
      EXPECT_TRUE(view.empty());
    }
  }
}

TEST(Varint, extremes_of_32_bits) {
  for (const std::int32_t value : {std::numeric_limits<std::int32_t>::min(), -1, 0, 1,
                                   std::numeric_limits<std::int32_t>::max()}) {
    Bytes bytes;
    append_varint(bytes, value);
    BytesView view = bytes;
    EXPECT_EQ(read_varint32(view), value);
  }
}

TEST(Varint, a_cut_or_overlong_number_is_refused_and_nothing_is_consumed) {
  const Bytes cut(3, std::byte{0x80});
  const Bytes overlong(11, std::byte{0xff});
  for (const Bytes& bytes : {cut, overlong}) {
    BytesView view = bytes;
    EXPECT_EQ(read_unsigned_varint32(view), std::nullopt);
    EXPECT_EQ(read_varint64(view), std::nullopt);
    EXPECT_EQ(view.size(), bytes.size());
  }
}

}  // namespace cairn
