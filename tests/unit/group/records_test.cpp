// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/group/placement.hpp>
#include <cairn/group/records.hpp>

namespace cairn::group {
namespace {

std::string hex(BytesView bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

TEST(GroupRecords, offset_commit_is_key_1_and_value_4_with_the_topic_id_as_a_tag) {
  const auto record = offset_commit_record("g", {"t", PartitionIndex(3)},
                                           {.offset = Offset(5),
                                            .leader_epoch = Epoch(2),
                                            .metadata = "m",
                                            .commit_timestamp = 9,
                                            .topic_id = {1, 2}});
  EXPECT_EQ(hex(record.key),
            "0001"
            "000167"
            "000174"
            "00000003");
  EXPECT_EQ(hex(*record.value),
            "0004"
            "0000000000000005"
            "00000002"
            "026d"
            "0000000000000009"
            "010010"
            "0000000000000001"
            "0000000000000002");
}

TEST(GroupRecords, offset_commit_with_an_expiry_time_is_value_1) {
  const auto record =
      offset_commit_record("g", {"t", PartitionIndex(0)},
                           {.offset = Offset(5), .commit_timestamp = 9, .expire_timestamp = 10});
  EXPECT_EQ(hex(*record.value),
            "0001"
            "0000000000000005"
            "0000"
            "0000000000000009"
            "000000000000000a");
}

TEST(GroupRecords, tombstones_have_no_value) {
  EXPECT_FALSE(offset_commit_tombstone("g", {"t", PartitionIndex(0)}).value);
  const auto record = group_metadata_tombstone("g");
  EXPECT_EQ(hex(record.key),
            "0002"
            "000167");
  EXPECT_FALSE(record.value);
}

TEST(GroupRecords, group_metadata_is_value_3_and_reads_back) {
  protocol::GroupMetadataValue value;
  value.protocol_type = "consumer";
  value.generation = 4;
  value.leader = "m";
  value.members.emplace_back().member_id = "m";
  const auto record = group_metadata_record("g", value);
  EXPECT_EQ(hex(*record.value).substr(0, 4), "0003");
  const auto parsed = parse_record(record.key, *record.value);
  EXPECT_TRUE(std::get<GroupStored>(*parsed).value == value);
}

TEST(GroupRecords, reads_the_oldest_offset_commits) {
  const std::byte key[] = {std::byte{0},   std::byte{0}, std::byte{0}, std::byte{1},
                           std::byte{'g'}, std::byte{0}, std::byte{1}, std::byte{'t'},
                           std::byte{0},   std::byte{0}, std::byte{0}, std::byte{7}};
  Bytes value(2 + 8 + 2 + 8);  // version 0, offset 0, no metadata, timestamp 0
  value[9] = std::byte{6};
  const auto parsed = parse_record(key, BytesView(value));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<OffsetCommitted>(*parsed).offset->offset, Offset(6));
  EXPECT_EQ(std::get<OffsetCommitted>(*parsed).partition.partition, PartitionIndex(7));
}

TEST(GroupRecords, malformed_ones_of_known_types_are_errors) {
  EXPECT_FALSE(parse_record({}, {}));
  const auto record = offset_commit_record("g", {"t", PartitionIndex(0)}, {});
  EXPECT_FALSE(parse_record(BytesView(record.key).first(5), {}));
  EXPECT_FALSE(parse_record(record.key, BytesView(*record.value).first(7)));
}

TEST(GroupRecords, unknown_types_are_told_from_known_ones_that_are_not_served) {
  const auto key = [](std::uint8_t type) {
    return Bytes{std::byte{0}, std::byte{type}, std::byte{0}, std::byte{1}, std::byte{'k'}};
  };
  const Bytes consumer = key(5), unused = key(9), future = key(99);
  EXPECT_EQ(std::get<ForeignGroupRecord>(*parse_record(consumer, {})).group, "k");
  EXPECT_EQ(std::get<UnknownRecord>(*parse_record(unused, {})).type, 9);
  EXPECT_EQ(std::get<UnknownRecord>(*parse_record(future, {})).type, 99);
}

TEST(Placement, hashes_as_java_does) {
  EXPECT_EQ(java_string_hash(""), 0);
  EXPECT_EQ(java_string_hash("hello"), 99162322);
  EXPECT_EQ(java_string_hash("\xC3\xA9"), 0xE9);
  EXPECT_EQ(java_string_hash("\xF0\x9F\x98\x80"), 55357 * 31 + 56832);
  EXPECT_EQ(java_string_hash("polygenelubricants"), INT32_MIN);
}

TEST(Placement, is_within_the_topic_even_for_the_smallest_hash) {
  EXPECT_EQ(partition_for("polygenelubricants", 50), PartitionIndex(0));
  EXPECT_EQ(partition_for("hello", 50), PartitionIndex(22));
}

}  // namespace
}  // namespace cairn::group
