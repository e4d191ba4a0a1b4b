// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/protocol/reader.hpp>

namespace cairn::protocol {
namespace reader_tests {

Bytes hex(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Reader, reads_numbers_in_network_order) {
  const Bytes bytes = hex({0x01, 0x02, 0xff, 0xff, 0xff, 0xfe, 0x00});
  Reader reader(bytes);
  std::int16_t small = 0;
  std::int32_t large = 0;
  bool flag = true;
  reader.read(small);
  reader.read(large);
  reader.read(flag);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(small, 0x0102);
  EXPECT_EQ(large, -2);
  EXPECT_FALSE(flag);
  EXPECT_EQ(reader.left(), 0);
}

TEST(Reader, keeps_its_first_failure_and_leaves_targets_alone) {
  const Bytes bytes = hex({0x01, 0x02, 0x03});
  Reader reader(bytes);
  std::int32_t value = 7;
  reader.read(value);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(value, 7);
  const char* const why = reader.why();
  std::int8_t rest = 5;
  reader.read(rest);
  EXPECT_EQ(rest, 5);
  EXPECT_EQ(reader.why(), why);
  EXPECT_EQ(reader.left(), 0);
}

TEST(Reader, refuses_a_varint_beyond_32_bits) {
  const Bytes bytes = hex({0xff, 0xff, 0xff, 0xff, 0x1f});
  Reader reader(bytes);
  EXPECT_EQ(reader.read_unsigned_varint(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(Reader, reads_text_of_both_length_forms) {
  const Bytes bytes = hex({0x00, 0x01, 'a', 0x02, 'b'});
  Reader reader(bytes);
  std::string fixed, compact;
  reader.read(fixed, Lengths::fixed);
  reader.read(compact, Lengths::compact);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(fixed + compact, "ab");
}

TEST(Reader, refuses_null_where_it_may_not_be) {
  const Bytes bytes = hex({0xff, 0xff});
  Reader reader(bytes);
  std::string text;
  reader.read(text, Lengths::fixed);
  EXPECT_FALSE(reader.ok());

  Reader again(bytes);
  std::optional<std::string> nullable = "x";
  again.read(nullable, Lengths::fixed, Null::refused);
  EXPECT_FALSE(again.ok());
  EXPECT_EQ(nullable, "x");
}

TEST(Reader, reads_null_of_both_length_forms) {
  const Bytes bytes = hex({0xff, 0xff, 0x00});
  Reader reader(bytes);
  std::optional<std::string> fixed = "x", compact = "x";
  reader.read(fixed, Lengths::fixed);
  reader.read(compact, Lengths::compact);
  EXPECT_TRUE(reader.ok());
  EXPECT_FALSE(fixed);
  EXPECT_FALSE(compact);
}

TEST(Reader, keeps_bytes_that_are_no_utf8) {
  const Bytes bytes = hex({0x03, 0xc3, 0x28});
  Reader reader(bytes);
  std::string text;
  reader.read(text, Lengths::compact);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(text, "\xc3\x28");
}

TEST(Reader, believes_no_count_beyond_the_bytes_left) {
  const Bytes bytes = hex({0x00, 0x00, 0x00, 0x03, 1, 2, 3, 4, 5, 6, 7, 8});
  Reader reader(bytes);
  EXPECT_EQ(reader.array_count(Lengths::fixed, 4, 4), 0);
  EXPECT_FALSE(reader.ok());
  Reader fits(bytes);
  EXPECT_EQ(fits.array_count(Lengths::fixed, 2, 2), 3);
  EXPECT_TRUE(fits.ok());
}

TEST(Reader, bounds_the_memory_of_many_empty_elements) {
  // A million empty strings of one byte each, which would take 32 bytes each in memory.
  Bytes bytes(1'000'004);
  store_big_endian(bytes.data(), std::int32_t{1'000'000});
  Reader reader(bytes);
  EXPECT_EQ(reader.array_count(Lengths::fixed, 1, sizeof(std::string)), 0);
  EXPECT_STREQ(reader.why(), "the message would take too much memory");
}

TEST(Reader, reads_records_as_a_view) {
  const Bytes bytes = hex({0x00, 0x00, 0x00, 0x02, 9, 8});
  Reader reader(bytes);
  Records records;
  reader.read(records, Lengths::fixed);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(records.view().data(), bytes.data() + 4);
  EXPECT_EQ(records.size(), 2);
  EXPECT_EQ(records.owner(), nullptr);
}

TEST(Reader, keeps_unknown_tags) {
  const Bytes bytes = hex({0x02, 0x05, 0x01, 0xaa, 0x07, 0x00});
  Reader reader(bytes);
  UnknownTags tags;
  reader.read_tags(tags);
  EXPECT_TRUE(reader.ok());
  ASSERT_EQ(tags.size(), 2);
  EXPECT_EQ(tags.view()[0], (UnknownTag{5, hex({0xaa})}));
  EXPECT_EQ(tags.view()[1], (UnknownTag{7, {}}));
}

TEST(Reader, refuses_tags_that_do_not_ascend) {
  for (const int second : {5, 4}) {
    const Bytes bytes = hex({0x02, 0x05, 0x00, second, 0x00});
    Reader reader(bytes);
    UnknownTags tags;
    reader.read_tags(tags);
    EXPECT_FALSE(reader.ok()) << second;
  }
}

TEST(TagReader, refuses_a_field_that_does_not_fill_its_size) {
  const Bytes bytes = hex({0x01, 0x00, 0x02, 0xaa, 0xbb});
  Reader reader(bytes);
  UnknownTags unknown;
  std::int8_t value = 0;
  for (TagReader tags(reader, unknown); tags.next();) reader.read(value);
  EXPECT_STREQ(reader.why(), "a tagged field does not fill its size");
}

TEST(TagReader, refuses_a_field_that_runs_over_its_size) {
  const Bytes bytes = hex({0x01, 0x00, 0x01, 0xaa, 0xbb});
  Reader reader(bytes);
  UnknownTags unknown;
  std::int16_t value = 0;
  for (TagReader tags(reader, unknown); tags.next();) reader.read(value);
  EXPECT_FALSE(reader.ok());
}

TEST(Reader, reads_the_presence_of_structs) {
  const Bytes bytes = hex({0xff, 0x01, 0x00, 0x01});
  Reader reader(bytes);
  EXPECT_FALSE(reader.read_presence());
  EXPECT_TRUE(reader.read_presence());
  EXPECT_FALSE(reader.read_tagged_presence());
  EXPECT_TRUE(reader.read_tagged_presence());
  EXPECT_TRUE(reader.ok());
}

}  // namespace reader_tests
}  // namespace cairn::protocol
