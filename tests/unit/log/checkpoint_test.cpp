// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/log/checkpoint.hpp>

namespace cairn::log {
namespace {

TEST(Checkpoint, offsets_are_written_as_kafka_does_and_come_back) {
  const std::vector<PartitionOffset> entries = {{{"a", PartitionIndex(0)}, Offset(12)},
                                                {{"b.c-d", PartitionIndex(31)}, Offset(0)}};
  const Bytes file = encode_offset_checkpoint(entries);
  EXPECT_EQ(as_text(file), "0\n2\na 0 12\nb.c-d 31 0\n");
  EXPECT_EQ(decode_offset_checkpoint(file).value(), entries);
  EXPECT_EQ(as_text(encode_offset_checkpoint({})), "0\n0\n");
  EXPECT_TRUE(decode_offset_checkpoint(as_bytes("0\n0\n")).value().empty());
}

TEST(Checkpoint, a_file_that_is_not_whole_is_void) {
  for (std::string_view text : {"", "0", "1\n0\n", "0\n2\na 0 1\n", "0\n1\na 0 1\nb 0 1\n",
                                "0\n1\na 0\n", "0\n1\na 0 1 2\n", "0\n1\na x 1\n", "0\n-1\n",
                                "0\nx\n", "0\n1\n 0 1\n", "0\n1\na 0 99999999999999999999\n"}) {
    EXPECT_EQ(code_of(decode_offset_checkpoint(as_bytes(text))), ErrorCode::kafka_storage_error)
        << text;
  }
}

TEST(Checkpoint, leader_epochs_come_back) {
  const std::vector<EpochEntry> entries = {{Epoch(0), Offset(0)}, {Epoch(7), Offset(123)}};
  const Bytes file = encode_epoch_checkpoint(entries);
  EXPECT_EQ(as_text(file), "0\n2\n0 0\n7 123\n");
  EXPECT_EQ(decode_epoch_checkpoint(file).value(), entries);
  EXPECT_EQ(code_of(decode_epoch_checkpoint(as_bytes("0\n1\n-1 0\n"))),
            ErrorCode::kafka_storage_error);
}

TEST(Checkpoint, partition_metadata_holds_the_topic_id) {
  const TopicId id{0x0123456789abcdef, 0xfedcba9876543210};
  const Bytes file = encode_partition_metadata(id);
  EXPECT_EQ(as_text(file), "version: 0\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA");
  EXPECT_EQ(decode_partition_metadata(file).value(), id);
  EXPECT_EQ(
      decode_partition_metadata(as_bytes("version: 0\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA\n")).value(),
      id);
  for (std::string_view text :
       {"", "version: 1\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA", "version: 0\n",
        "version: 0\ntopic_id: x", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA"}) {
    EXPECT_EQ(code_of(decode_partition_metadata(as_bytes(text))), ErrorCode::kafka_storage_error);
  }
}

}  // namespace
}  // namespace cairn::log
