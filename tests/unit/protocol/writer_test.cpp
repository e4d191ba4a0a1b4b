// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/protocol/messages/list_offsets.hpp>
#include <cairn/protocol/messages/metadata.hpp>
#include <cairn/protocol/messages/produce.hpp>

namespace cairn::protocol {
namespace writer_tests {

Bytes filled(std::size_t size, int value = 0x5a) {
  return Bytes(size, static_cast<std::byte>(value));
}

ProduceRequest request_with(std::size_t records_size) {
  ProduceRequest request;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "topic";
  topic.partition_data.emplace_back().records = Records::owning(filled(records_size));
  topic.partition_data.emplace_back().records = Records::owning(filled(3));
  return request;
}

OutgoingFrame frame_of(const ProduceRequest& request) {
  Writer writer;
  const auto length_at = writer.reserve_length();
  write(writer, request, 12);
  writer.set_length(length_at);
  return std::move(writer).finish();
}

TEST(Writer, splices_large_records_and_copies_small_ones) {
  const ProduceRequest request = request_with(5000);
  const OutgoingFrame frame = frame_of(request);
  ASSERT_EQ(frame.splices.size(), 1);
  const auto chunks = frame.chunks();
  ASSERT_EQ(chunks.size(), 3);
  EXPECT_EQ(chunks[1].data(), request.topic_data[0].partition_data[0].records->view().data());
  EXPECT_EQ(chunks[1].size(), 5000);

  EXPECT_EQ(frame_of(request_with(1024)).chunks().size(), 1);
}

TEST(Writer, patches_the_length_of_a_frame_with_spliced_records) {
  const OutgoingFrame frame = frame_of(request_with(5000));
  EXPECT_EQ(load_big_endian<std::int32_t>(frame.bytes.data()),
            static_cast<std::int32_t>(frame.size() - 4));
}

TEST(Writer, writes_the_same_bytes_with_and_without_splices) {
  const ProduceRequest request = request_with(5000);
  const Bytes framed = frame_of(request).contiguous();
  EXPECT_TRUE(std::ranges::equal(BytesView(framed).subspan(4), encode(request, 12)));
}

TEST(Writer, keeps_records_alive_by_their_owner) {
  OutgoingFrame frame = frame_of(request_with(5000));
  const Bytes whole = std::move(frame).contiguous();
  EXPECT_EQ(std::ranges::count(whole, std::byte{0x5a}), 5003);
}

TEST(Writer, writes_known_and_unknown_tags_in_order) {
  UnknownTags unknown;
  unknown.push_back({1, filled(1, 0x11)});
  unknown.push_back({9, filled(2, 0x99)});
  Writer writer(Writer::never_splice);
  TagWriter tags(writer, unknown, 1);
  tags.begin(4);
  writer.write(std::int16_t{0x4444});
  tags.end();
  tags.finish();
  const Bytes expected = {std::byte{3}, std::byte{1}, std::byte{1},    std::byte{0x11},
                          std::byte{4}, std::byte{2}, std::byte{0x44}, std::byte{0x44},
                          std::byte{9}, std::byte{2}, std::byte{0x99}, std::byte{0x99}};
  EXPECT_EQ(std::move(writer).finish_contiguous(), expected);
}

TEST(Writer, makes_room_for_the_size_of_a_long_tagged_field) {
  Writer writer(Writer::never_splice);
  TagWriter tags(writer, {}, 1);
  tags.begin(0);
  writer.write_bytes(filled(300));
  tags.end();
  tags.finish();
  const Bytes bytes = std::move(writer).finish_contiguous();
  ASSERT_EQ(bytes.size(), 304);
  EXPECT_EQ(bytes[2], std::byte{0xac});  // 300 = 0b10'0101100
  EXPECT_EQ(bytes[3], std::byte{0x02});
}

TEST(Writer, names_a_field_that_the_version_would_lose) {
  ListOffsetsRequest request;
  request.isolation_level = 1;
  EXPECT_TRUE(try_encode(request, 2));
  const auto lost = try_encode(request, 1);
  ASSERT_FALSE(lost);
  EXPECT_STREQ(lost.error().why, "ListOffsetsRequest.IsolationLevel");
}

TEST(Writer, drops_a_field_that_may_be_ignored) {
  ListOffsetsRequest request;
  request.timeout_ms = 5000;
  EXPECT_TRUE(try_encode(request, 1));
}

TEST(Writer, refuses_null_where_the_version_has_none_but_writes_a_whole_frame) {
  MetadataRequest request;
  request.topics.reset();
  EXPECT_TRUE(try_encode(request, 1));
  EXPECT_FALSE(try_encode(request, 0));

  Writer writer;
  write(writer, request, 0);
  const auto decoded = decode<MetadataRequest>(std::move(writer).finish().contiguous(), 0);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->topics && decoded->topics->empty());
}

TEST(Writer, refuses_text_that_is_too_long_for_a_fixed_length) {
  ProduceRequest request;
  request.transactional_id = std::string(40'000, 'x');
  EXPECT_TRUE(try_encode(request, 9));
  EXPECT_FALSE(try_encode(request, 8));
}

TEST(Message, is_refused_in_a_version_it_does_not_have) {
  EXPECT_EQ(code_of(decode<ProduceRequest>({}, 2)), ErrorCode::unsupported_version);
  EXPECT_EQ(code_of(try_encode(ProduceRequest{}, 14)), ErrorCode::unsupported_version);
}

TEST(Message, is_refused_with_bytes_left_over) {
  Bytes bytes = encode(ProduceRequest{}, 9);
  bytes.push_back(std::byte{0});
  EXPECT_EQ(code_of(decode<ProduceRequest>(bytes, 9)), ErrorCode::invalid_request);
}

}  // namespace writer_tests
}  // namespace cairn::protocol
