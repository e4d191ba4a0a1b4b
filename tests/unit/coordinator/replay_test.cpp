// SPDX-License-Identifier: Apache-2.0
#include <cairn/coordinator/replay.hpp>
#include <cairn/group/group_machine.hpp>
#include <cairn/record/builder.hpp>

#include "memory_log.hpp"

namespace cairn::coordinator::testing {
namespace {

// Three batches of __consumer_offsets as Apache Kafka 4.3.1 wrote them: the group "ta2s" is seen,
// its static member "i1" gets an assignment, an offset of topic "tt" is committed.
constexpr std::string_view kafka_wrote =
    "000000000000000000000058000000000219bd3c19000000000000000001a205fe98b2000001a205fe98b2ff"
    "ffffffffffffffffff00000000000000014c000000100002000474613273300003000000000000ffffffff00"
    "0001a205fe98b200000000000000000000000001000000eb000000000256cc8914000000000000000001a205"
    "fe98d5000001a205fe98d5ffffffffffffffffffff0000000000000001f002000000100002000474613273d2"
    "0200030008636f6e73756d657200000001000572616e6765002769312d36343334323435392d623564322d34"
    "6537662d383266342d636339666461616163623636000001a205fe98d300000001002769312d363433343234"
    "35392d623564322d346537662d383266342d636339666461616163623636000269310003636c69000a2f3132"
    "372e302e302e3100002710000027100000000e00000000000100027474ffffffff0000000141000000000000"
    "0000050000007400000000021a09f9a5000000000000000001a205fe9b09000001a205fe9b09ffffffffffff"
    "ffffffff00000000000000018201000000200001000474613273000274740000000056000400000000000000"
    "0500000000026d000001a205fe9b09010010460fea5148dd4f8bb5f1e575270c460a00";

Bytes from_hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(text[i]) * 16 + digit(text[i + 1])));
  }
  return bytes;
}

TEST(Replay, reads_what_kafka_wrote) {
  group::GroupMachine machine{group::GroupConfig{}};
  Replay replay([&](BytesView key, std::optional<BytesView> value, Offset offset) {
    return machine.apply(key, value, offset);
  });
  ASSERT_TRUE(replay.feed(from_hex(kafka_wrote), Offset(0)));
  EXPECT_EQ(replay.records(), 3);
  machine.loaded({});
  const auto group = machine.describe("ta2s", 6);
  EXPECT_EQ(group.group_state, "Stable");
  EXPECT_EQ(group.protocol_data, "range");
  ASSERT_EQ(group.members.size(), 1);
  EXPECT_EQ(group.members[0].group_instance_id, "i1");
  EXPECT_EQ(group.members[0].client_host, "/127.0.0.1");
  const auto& offset = machine.durable().at("ta2s").offsets.at("tt").at(PartitionIndex(0));
  EXPECT_EQ(offset.offset, Offset(5));
  EXPECT_EQ(offset.metadata, "m");
  EXPECT_FALSE(offset.topic_id.is_zero());
}

TEST(Replay, writes_group_records_as_kafka_did) {
  std::vector<group::Record> records;
  std::vector<group::Record> again;
  Replay replay([&](BytesView key, std::optional<BytesView> value, Offset) -> Result<> {
    records.push_back({to_bytes(key), to_bytes(*value)});
    TRY(const auto parsed, group::parse_record(key, value));
    if (const auto* stored = std::get_if<group::GroupStored>(&parsed)) {
      again.push_back(group::group_metadata_record(stored->group, *stored->value));
    } else {
      const auto& committed = std::get<group::OffsetCommitted>(parsed);
      again.push_back(
          group::offset_commit_record(committed.group, committed.partition, *committed.offset));
    }
    return {};
  });
  ASSERT_TRUE(replay.feed(from_hex(kafka_wrote), Offset(0)));
  EXPECT_TRUE(records == again);
}

TEST(Replay, reads_what_was_written_with_each_codec) {
  const std::string value(1000, 'v');
  const group::Record record{to_bytes(as_bytes("key")), to_bytes(as_bytes(value))};
  const std::vector<group::Record> records(20, record);
  const std::size_t plain = make_batch(records, WallTime{}).size();
  using enum record::Codec;
  for (const auto codec : {none, gzip, snappy, lz4, zstd}) {
    const Bytes batch = make_batch(records, WallTime{}, codec);
    EXPECT_EQ(batch.size() < plain / 5, codec != none);
    std::vector<group::Record> read;
    Replay replay([&](BytesView key, std::optional<BytesView> found, Offset) -> Result<> {
      read.push_back({to_bytes(key), to_bytes(*found)});
      return {};
    });
    ASSERT_TRUE(replay.feed(batch, Offset(0)));
    EXPECT_TRUE(read == records);
  }
}

TEST(Replay, passes_over_what_lies_before_the_offset_asked_for) {
  record::BatchBuilder builder;
  for (const char* key : {"a", "b", "c"}) builder.append(1, as_bytes(key), std::nullopt);
  std::string seen;
  Replay replay([&](BytesView key, std::optional<BytesView>, Offset) -> Result<> {
    seen += as_text(key);
    return {};
  });
  ASSERT_TRUE(replay.feed(builder.build(), Offset(1)));
  EXPECT_EQ(seen, "bc");
}

TEST(Replay, stops_at_a_record_without_a_key) {
  record::BatchBuilder builder;
  builder.append(1, std::nullopt, as_bytes("v"));
  Replay replay([](BytesView, std::optional<BytesView>, Offset) -> Result<> { return {}; });
  EXPECT_EQ(code_of(replay.feed(builder.build(), Offset(0))), ErrorCode::corrupt_message);
}

}  // namespace
}  // namespace cairn::coordinator::testing
