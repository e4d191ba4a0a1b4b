// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/log/names.hpp>

namespace cairn::log {
namespace {

TEST(FileName, is_twenty_digits_kind_and_state) {
  EXPECT_EQ(file_name(Offset(42), FileKind::segment), "00000000000000000042.log");
  EXPECT_EQ(file_name(Offset(42), FileKind::transaction_index, FileState::deleted),
            "00000000000000000042.txnindex.deleted");
  for (auto kind : {FileKind::segment, FileKind::offset_index, FileKind::time_index,
                    FileKind::transaction_index, FileKind::producer_snapshot}) {
    for (auto state : {FileState::live, FileState::deleted, FileState::cleaned, FileState::swap}) {
      const SegmentFile file{Offset(1234567890123), kind, state};
      EXPECT_EQ(parse_file_name(file_name(file)), file);
    }
  }
  for (std::string_view name :
       {"leader-epoch-checkpoint", "0000000000000000004.log", "00000000000000000042.txt", "x",
        "99999999999999999999.log", "00000000000000000042", "0000000000000000004x.log"}) {
    EXPECT_EQ(parse_file_name(name), std::nullopt) << name;
  }
}

TEST(FileName, of_a_snapshot_has_end_offset_and_epoch) {
  const SnapshotId id{Offset(8), Epoch(2)};
  EXPECT_EQ(snapshot_file_name(id), "00000000000000000008-0000000002.checkpoint");
  EXPECT_EQ(parse_snapshot_file_name(snapshot_file_name(id)), id);
  EXPECT_EQ(parse_snapshot_file_name(snapshot_file_name(id) + ".part"), std::nullopt);
  EXPECT_EQ(parse_snapshot_file_name("bootstrap.checkpoint"), std::nullopt);
}

TEST(SwapRecovery, finishes_renames_when_no_cleaned_file_is_left) {
  const std::vector<std::string> names = {"00000000000000000000.log",
                                          "00000000000000000000.index",
                                          "00000000000000000000.log.swap",
                                          "00000000000000000000.index.swap",
                                          "00000000000000000050.log",
                                          "00000000000000000070.log.deleted",
                                          "partition.metadata"};
  const SwapRecovery recovery = recover_swaps(names);
  EXPECT_EQ(recovery.remove, (std::vector<std::string>{"00000000000000000070.log.deleted"}));
  ASSERT_EQ(recovery.rename.size(), 2u);
  EXPECT_EQ(recovery.rename[0].to, "00000000000000000000.log");
  EXPECT_EQ(recovery.swapped_segments, (std::vector{Offset(0)}));
  EXPECT_EQ(replaced_files(names, Offset(0), Offset(60)),
            (std::vector<std::string>{"00000000000000000000.log", "00000000000000000000.index",
                                      "00000000000000000050.log"}));
}

TEST(SwapRecovery, undoes_swaps_at_or_above_the_first_cleaned_file) {
  const std::vector<std::string> names = {
      "00000000000000000050.log.cleaned", "00000000000000000020.log.swap",
      "00000000000000000050.log.swap", "00000000000000000060.index.swap"};
  const SwapRecovery recovery = recover_swaps(names);
  EXPECT_EQ(recovery.remove, (std::vector<std::string>{"00000000000000000050.log.cleaned",
                                                       "00000000000000000050.log.swap",
                                                       "00000000000000000060.index.swap"}));
  EXPECT_EQ(recovery.swapped_segments, (std::vector{Offset(20)}));
}

TEST(DirectoryName, of_a_partition_comes_back) {
  const TopicPartition partition{"my-topic.1-2", PartitionIndex(17)};
  EXPECT_EQ(directory_name(partition), "my-topic.1-2-17");
  EXPECT_EQ(parse_directory_name("my-topic.1-2-17").value(), (PartitionDirectory{partition}));
  const Uuid unique{0x0123456789abcdef, 0xfedcba9876543210};
  const std::string deleted = directory_name(partition, DirectoryState::deleted, unique);
  EXPECT_EQ(deleted, "my-topic.1-2-17.0123456789abcdeffedcba9876543210-delete");
  for (auto state : {DirectoryState::deleted, DirectoryState::stray, DirectoryState::future}) {
    EXPECT_EQ(parse_directory_name(directory_name(partition, state, unique)).value(),
              (PartitionDirectory{partition, state}));
  }
  for (std::string_view name : {"", "topic", "-1", "topic-", "topic-x", "topic-99999999999",
                                "topic-1-delete", "remote-log-index-cache"}) {
    EXPECT_EQ(code_of(parse_directory_name(name)), ErrorCode::invalid_topic_exception) << name;
  }
}

TEST(DirectoryName, is_cut_to_255_characters_when_it_goes_away) {
  const TopicPartition partition{std::string(249, 't'), PartitionIndex(7)};
  const std::string name = directory_name(partition, DirectoryState::stray, {1, 2});
  EXPECT_EQ(name.size(), max_directory_name);
  EXPECT_EQ(parse_directory_name(name)->state, DirectoryState::stray);
}

TEST(TopicName, follows_kafka_s_rule) {
  EXPECT_TRUE(validate_topic_name("a.B_c-9"));
  EXPECT_TRUE(validate_topic_name(std::string(249, 'x')));
  for (std::string_view name : {"", ".", "..", "a b", "a/b", "\xc3\xa9", "a:b"}) {
    EXPECT_EQ(code_of(validate_topic_name(name)), ErrorCode::invalid_topic_exception) << name;
  }
  EXPECT_FALSE(validate_topic_name(std::string(250, 'x')));
  EXPECT_TRUE(topic_names_collide("a.b", "a_b"));
  EXPECT_FALSE(topic_names_collide("a.b", "a-b"));
}

}  // namespace
}  // namespace cairn::log
