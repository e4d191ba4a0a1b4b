// SPDX-License-Identifier: Apache-2.0
// Bytes made by Apache's Java classes, read and written by ours.
#include <gtest/gtest.h>

#include <cairn/record/control.hpp>
#include <cairn/record/legacy.hpp>

#include "tests/unit/record/batches.hpp"
#include "tests/unit/record/golden_java.hpp"

namespace cairn::record {
namespace {

using namespace testing;

const std::array<std::pair<Codec, std::string_view>, 5> codecs = {{
    {Codec::none, golden::uncompressed},
    {Codec::gzip, golden::gzip},
    {Codec::snappy, golden::snappy},
    {Codec::lz4, golden::lz4},
    {Codec::zstd, golden::zstd},
}};

TEST(GoldenBatch, java_and_cairn_write_the_same_uncompressed_bytes) {
  EXPECT_EQ(to_hex(golden_batch(Codec::none)), golden::uncompressed);
}

TEST(GoldenBatch, every_codec_of_java_is_read) {
  const Bytes ours = golden_batch(Codec::none);
  const auto expected = lines_of(view(ours));
  ASSERT_EQ(expected.size(), 20u);
  for (const auto& [codec, hex] : codecs) {
    const Bytes bytes = from_hex(hex);
    const BatchView batch = view(bytes);
    EXPECT_TRUE(batch.crc_matches());
    EXPECT_EQ(batch.codec(), codec);
    EXPECT_EQ(lines_of(batch), expected) << to_string(codec);
  }
}

TEST(GoldenBatch, header_fields_stand_where_java_puts_them) {
  const Bytes bytes = from_hex(golden::lz4);
  const BatchView batch = view(bytes);
  EXPECT_EQ(batch.base_offset(), Offset(1000));
  EXPECT_EQ(batch.last_offset(), Offset(1019));
  EXPECT_EQ(batch.leader_epoch(), Epoch(5));
  EXPECT_EQ(batch.base_timestamp(), 1700000000000);
  EXPECT_EQ(batch.max_timestamp(), 1700000000000 + 19 * 7);
  EXPECT_EQ(batch.producer_id(), ProducerId(4000));
  EXPECT_EQ(batch.producer_epoch(), ProducerEpoch(3));
  EXPECT_EQ(batch.base_sequence(), 17);
  EXPECT_EQ(batch.last_sequence(), 36);
  EXPECT_EQ(batch.record_count(), 20);
  EXPECT_TRUE(batch.is_transactional());
  EXPECT_FALSE(batch.is_control());
  EXPECT_EQ(batch.timestamp_type(), TimestampType::create_time);
}

TEST(GoldenBatch, transaction_markers_are_java_s_byte_for_byte) {
  const auto build = [](ControlType type, std::int64_t offset) {
    return build_marker_batch({type, 9}, ProducerId(4000), ProducerEpoch(3), 1700000000000,
                              Offset(offset), Epoch(5));
  };
  EXPECT_EQ(to_hex(build(ControlType::abort, 77)), golden::abort);
  EXPECT_EQ(to_hex(build(ControlType::commit, 78)), golden::commit);
  const Bytes commit = from_hex(golden::commit);
  EXPECT_EQ(parse_marker_batch(view(commit)).value(),
            (EndTransactionMarker{ControlType::commit, 9}));
  const Bytes leader_change = from_hex(golden::leader_change);
  EXPECT_EQ(code_of(parse_marker_batch(view(leader_change))), ErrorCode::invalid_record);
}

TEST(GoldenMessageSet, magic_0_and_1_are_read_under_every_codec) {
  const std::array sets = {golden::magic0_none,   golden::magic0_gzip, golden::magic0_snappy,
                           golden::magic0_lz4,    golden::magic1_none, golden::magic1_gzip,
                           golden::magic1_snappy, golden::magic1_lz4};
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto read = read_message_set(from_hex(sets[i]));
    ASSERT_TRUE(read) << i << read.error().why;
    ASSERT_EQ(read->size(), 3u) << i;
    for (std::size_t at = 0; at < 3; ++at) {
      const LegacyRecord& record = (*read)[at];
      EXPECT_EQ(record.offset, Offset(50 + std::int64_t(at))) << i;
      EXPECT_EQ(record.timestamp, i < 4 ? no_timestamp : 1700000000000 + std::int64_t(at)) << i;
      EXPECT_EQ(record.key.has_value(), at != 1) << i;
      EXPECT_EQ(record.value.has_value(), at != 2) << i;
      if (record.value) EXPECT_EQ(as_text(*record.value), fmt::format("v{}", at)) << i;
    }
  }
}

TEST(GoldenMessageSet, a_cut_last_message_is_left_out_and_damage_is_refused) {
  Bytes bytes = from_hex(golden::magic1_none);
  const auto cut = read_message_set(BytesView(bytes).first(bytes.size() - 1));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->size(), 2u);
  bytes[30] ^= std::byte{1};
  EXPECT_EQ(code_of(read_message_set(bytes)), ErrorCode::corrupt_message);
}

}  // namespace
}  // namespace cairn::record
