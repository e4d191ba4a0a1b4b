// SPDX-License-Identifier: Apache-2.0
#include "src/controller/batches.hpp"

#include <gtest/gtest.h>

#include <cairn/metadata/replay.hpp>

#include "golden.hpp"
#include "src/controller/snapshot_file.hpp"

namespace cairn::controller {
namespace {

TEST(MetadataBatches, what_kafka_wrote_is_read_and_written_again_byte_for_byte) {
  for (const Bytes& bytes : testing::golden_batches()) {
    const auto batch = record::BatchView::parse(bytes);
    ASSERT_TRUE(batch);
    const auto decoded = decode_batch(*batch);
    ASSERT_TRUE(decoded) << decoded.error().why;
    Bytes again;
    if (batch->is_control()) {
      again = raft::encode_control_batch(decoded->control, batch->base_offset(),
                                         batch->leader_epoch(), batch->base_timestamp());
    } else {
      const auto encoded = encode_batches(decoded->records, batch->base_offset(),
                                          batch->leader_epoch(), batch->base_timestamp());
      ASSERT_EQ(encoded.size(), 1u);
      again = encoded[0].bytes;
    }
    EXPECT_EQ(again, bytes) << "at offset " << batch->base_offset().value();
  }
}

TEST(MetadataBatches, what_kafka_wrote_replays_into_its_cluster) {
  metadata::Replay replay;
  for (const Bytes& bytes : testing::golden_batches()) {
    const auto batch = record::BatchView::parse(bytes);
    const auto decoded = decode_batch(*batch);
    ASSERT_TRUE(replay.apply(decoded->records, batch->last_offset(), batch->leader_epoch(),
                             batch->max_timestamp()));
  }
  const metadata::Image& image = *replay.image();
  EXPECT_EQ(image.metadata_version(), 30);
  ASSERT_NE(image.topic("first"), nullptr);
  EXPECT_EQ(image.topic("first")->partition_count(), 4);
  EXPECT_EQ(image.topic("second"), nullptr);
  const metadata::Partition& partition = *image.topic("first")->partition(PartitionIndex(0));
  EXPECT_EQ(partition.leader, no_broker) << "after the controlled shutdown";
  EXPECT_EQ(partition.elr, std::vector{BrokerId(1)});
  EXPECT_TRUE(image.broker(BrokerId(1))->fenced);
  EXPECT_EQ(image.overrides(metadata::ResourceType::topic, "first")->at("segment.bytes"),
            "1048576");
  EXPECT_EQ(image.scram.size(), 1u);
  EXPECT_EQ(image.quotas.size(), 1u);
}

TEST(SnapshotFile, reads_the_checkpoints_that_kafka_formats) {
  const auto files = testing::golden_checkpoints();
  std::vector<metadata::Record> records;
  const auto take = [&](std::vector<metadata::Record> more) -> Result<> {
    records.insert(records.end(), more.begin(), more.end());
    return {};
  };
  const auto bootstrap = read_snapshot(files[0], take);
  ASSERT_TRUE(bootstrap);
  EXPECT_FALSE(bootstrap->voters);
  EXPECT_EQ(records.size(), 6u);
  const auto voters = read_snapshot(files[1], take);
  ASSERT_TRUE(voters);
  EXPECT_EQ(voters->kraft_version, 1);
  ASSERT_TRUE(voters->voters);
  EXPECT_EQ(voters->voters->voters().at(0).endpoints.at(0).port, 37193);
}

Bytes written(SnapshotWriter writer) {
  Bytes file;
  for (Bytes bytes = writer.next(); !bytes.empty(); bytes = writer.next()) append(file, bytes);
  return file;
}

TEST(SnapshotFile, has_kafkas_layout) {
  const auto files = testing::golden_checkpoints();
  const auto golden = read_snapshot(files[1], [](auto) { return Result<>{}; });
  SnapshotContent content{golden->last_timestamp, 1, *golden->voters, Epoch(0), 5};
  const Bytes ours = written(SnapshotWriter(content, std::vector<metadata::Record>{}));
  ASSERT_EQ(ours.size(), files[1].size());
  record::BatchIterator our_batches(ours), kafkas(files[1]);
  while (const auto theirs = kafkas.next()) {
    const auto mine = our_batches.next();
    ASSERT_TRUE(mine);
    EXPECT_EQ(mine->base_offset(), theirs->base_offset());
    EXPECT_EQ(mine->leader_epoch(), theirs->leader_epoch());
    EXPECT_EQ(mine->attributes(), theirs->attributes());
    EXPECT_TRUE(std::ranges::equal(mine->payload(), theirs->payload()));
  }
}

TEST(SnapshotFile, refuses_a_file_that_is_not_whole) {
  const Bytes file = testing::golden_checkpoints()[0];
  const auto take = [](std::vector<metadata::Record>) -> Result<> { return {}; };
  for (std::size_t size = 0; size < file.size(); size += 7) {
    EXPECT_FALSE(read_snapshot(BytesView(file).first(size), take)) << size;
  }
  Bytes bad = file;
  bad[150] ^= std::byte{1};
  EXPECT_FALSE(read_snapshot(bad, take)) << "the CRC tells";
}

TEST(MetadataBatches, more_than_a_batch_holds_needs_a_transaction) {
  std::vector<metadata::Record> records(max_batch_records, {protocol::NoOpRecord{}, 0});
  EXPECT_FALSE(needs_transaction(records));
  records.push_back({protocol::NoOpRecord{}, 0});
  EXPECT_TRUE(needs_transaction(records));
  const auto batches = encode_batches(records, Offset(5), Epoch(1), 0);
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(batches[0].last_offset, Offset(5 + 9'999));
  EXPECT_EQ(batches[1].records, 1u);
}

}  // namespace
}  // namespace cairn::controller
