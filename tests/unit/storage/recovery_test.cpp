// SPDX-License-Identifier: Apache-2.0
#include <cairn/log/checkpoint.hpp>
#include <cairn/log/index.hpp>
#include <cairn/log/names.hpp>

#include "stage.hpp"

namespace cairn::storage::testing {
namespace {

const std::string log_path = "/data/topic-0/00000000000000000000.log";

void damage(Stage& stage, const std::string& path, std::uint64_t at, Bytes bytes) {
  stage.run(
      [](runtime::Disk& disk, std::string path, std::uint64_t at, Bytes bytes) -> runtime::Task<> {
        auto file = co_await disk.open(path, runtime::OpenMode::create);
        const BytesView parts[] = {bytes};
        EXPECT_TRUE(co_await (*file)->write_at(at, parts));
        EXPECT_TRUE(co_await (*file)->sync());
      }(stage.process().disk(), path, at, std::move(bytes)));
}

void remove(Stage& stage, const std::string& path) {
  EXPECT_TRUE(stage.run(stage.process().disk().remove(path)));
}

void fill(Stage& stage, int batches) {
  for (int i = 0; i < batches; ++i) {
    ASSERT_TRUE(stage.append(make_batch({.records = 2, .value_size = 500, .timestamp = 100 + i})));
  }
}

TEST(Recovery, cuts_a_torn_batch_at_the_tail_L39) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  fill(stage, 5);
  const auto size = stage.machine().content(log_path)->size();
  damage(stage, log_path, size - 10, Bytes(10, std::byte{0}));
  stage.kill();
  stage.boot();
  ASSERT_TRUE(stage.open());
  EXPECT_EQ(stage.log()->log_end(), Offset(8));
  EXPECT_EQ(stage.append(make_batch({}))->first_offset, Offset(8));
}

TEST(Recovery, keeps_no_valid_batch_behind_an_invalid_one_L39) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  fill(stage, 5);
  const auto size = stage.machine().content(log_path)->size();
  damage(stage, log_path, size / 5 + 100, Bytes(4, std::byte{0xff}));  // in the second
  stage.kill();
  stage.boot();
  ASSERT_TRUE(stage.open());
  EXPECT_EQ(stage.log()->log_end(), Offset(2));
}

TEST(Recovery, cuts_zeros_behind_the_last_batch_L39) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  fill(stage, 3);
  const auto size = stage.machine().content(log_path)->size();
  damage(stage, log_path, size, Bytes(5'000, std::byte{0}));
  stage.kill();
  stage.boot();
  ASSERT_TRUE(stage.open());
  EXPECT_EQ(stage.log()->log_end(), Offset(6));
  EXPECT_EQ(stage.machine().content(log_path)->size(), size);
}

TEST(Recovery, drops_the_segments_behind_a_cut) {
  Stage stage;
  stage.options.roll.segment_bytes = 2'500;
  ASSERT_TRUE(stage.open());
  fill(stage, 10);
  ASSERT_GT(stage.log()->segment_count(), 3u);
  damage(stage, log_path, 100, Bytes(4, std::byte{0xff}));
  stage.kill();
  stage.boot();
  ASSERT_TRUE(stage.open());
  EXPECT_EQ(stage.log()->log_end(), Offset(0));
  EXPECT_EQ(stage.log()->segment_count(), 1u);
}

TEST(Recovery, trusts_what_lies_before_the_recovery_point) {
  Stage stage;
  stage.options.roll.segment_bytes = 2'500;
  ASSERT_TRUE(stage.open());
  fill(stage, 10);
  ASSERT_TRUE(stage.run(stage.log()->flush()));
  const Offset flushed = stage.log()->flushed();
  int reads = 0;
  stage.kill();
  stage.boot();
  stage.machine().faults().fails = [&](std::string_view operation, const std::string& path) {
    reads += operation == "read" && path == log_path;
    return false;
  };
  ASSERT_TRUE(stage.open(flushed));
  EXPECT_EQ(stage.log()->log_end(), flushed);
  EXPECT_EQ(reads, 0);
}

TEST(Recovery, rebuilds_missing_and_damaged_indexes_L30) {
  Stage stage;
  stage.options.index_interval_bytes = 1'000;
  ASSERT_TRUE(stage.open());
  fill(stage, 30);
  const std::string index = "/data/topic-0/00000000000000000000.index";
  const std::string times = "/data/topic-0/00000000000000000000.timeindex";
  stage.reopen();
  const auto good_index = stage.machine().content(index);
  const auto good_times = stage.machine().content(times);
  ASSERT_TRUE(good_index && !good_index->empty() && good_times);
  ASSERT_TRUE(stage.run(stage.log()->close()));
  remove(stage, index);
  damage(stage, times, 0, Bytes(24, std::byte{0x7f}));
  stage.kill();
  stage.boot();
  ASSERT_TRUE(stage.open());  // as after a crash: all of it is behind the recovery point
  ASSERT_TRUE(stage.run(stage.log()->close()));
  EXPECT_EQ(stage.machine().content(index), good_index);
  EXPECT_EQ(stage.machine().content(times), good_times);
}

// The scan begins in the middle, behind the record with the largest timestamp: its entry is made
// anew, or nobody would look for it in this segment.
TEST(Recovery, restores_what_the_time_index_lost_before_the_scan_L30) {
  Stage stage;
  stage.limits.scanned_whole = 1;
  stage.kill();
  stage.boot();
  stage.options.index_interval_bytes = 1'000;
  ASSERT_TRUE(stage.open());
  for (int i = 0; i < 20; ++i) {
    const std::int64_t timestamp = i == 10 ? 900 : i == 11 ? 950 : 100 + i;
    ASSERT_TRUE(stage.append(make_batch({.value_size = 1'000, .timestamp = timestamp})));
  }
  ASSERT_TRUE(stage.run(stage.log()->flush()));
  ASSERT_TRUE(stage.run(stage.log()->spill_indexes()));
  stage.kill();
  const std::string times = "/data/topic-0/00000000000000000000.timeindex";
  const Bytes whole = *stage.machine().content(times);
  constexpr auto kept = 3 * log::TimeIndex::entry_size;
  ASSERT_GE(whole.size(), 2 * kept);
  stage.machine().damage(times, Bytes(whole.begin(), whole.begin() + kept));
  stage.boot();
  ASSERT_TRUE(stage.open(Offset(20)));
  for (const auto& [timestamp, offset] : {std::pair(900, 10), std::pair(950, 11)}) {
    const auto hit = stage.run(stage.log()->offset_for_timestamp(timestamp, ReadBound::log_end));
    ASSERT_TRUE(hit && *hit) << timestamp;
    EXPECT_EQ((*hit)->offset, Offset(offset));
  }
  ASSERT_TRUE(stage.run(stage.log()->close()));
  EXPECT_EQ(stage.machine().content(times), whole);
}

TEST(Recovery, rebuilds_epochs_and_producers_from_the_batches) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  BatchShape shape{.timestamp = stage.environment().now_ms(),
                   .producer = ProducerId(8),
                   .epoch = ProducerEpoch(1),
                   .sequence = 0};
  ASSERT_TRUE(stage.append(make_batch(shape), Epoch(2)));
  shape.sequence = 1;
  ASSERT_TRUE(stage.append(make_batch(shape), Epoch(5)));
  stage.kill();
  stage.boot();
  ASSERT_TRUE(stage.open());
  EXPECT_EQ(stage.log()->epochs().entries().size(), 2u);
  EXPECT_EQ(stage.log()->epochs().latest()->epoch, Epoch(5));
  EXPECT_TRUE(stage.append(make_batch(shape), Epoch(5))->duplicate);
}

TEST(Recovery, uses_an_older_snapshot_when_the_newest_is_damaged) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  BatchShape shape{.timestamp = stage.environment().now_ms(),
                   .producer = ProducerId(8),
                   .epoch = ProducerEpoch(1),
                   .sequence = 0};
  ASSERT_TRUE(stage.append(make_batch(shape)));
  stage.reopen();
  shape.sequence = 1;
  ASSERT_TRUE(stage.append(make_batch(shape)));
  ASSERT_TRUE(stage.run(stage.log()->close()));
  damage(stage, "/data/topic-0/00000000000000000002.snapshot", 8, Bytes(4, std::byte{9}));
  stage.kill();
  stage.boot();
  ASSERT_TRUE(stage.open(Offset(0), Offset(0), true));
  EXPECT_TRUE(stage.append(make_batch(shape))->duplicate);
  shape.sequence = 2;
  EXPECT_TRUE(stage.append(make_batch(shape)));
}

TEST(Recovery, refuses_the_directory_of_another_topic_L37) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.run(stage.log()->close()));
  OpenLog other = stage.request();
  other.topic_id = Uuid{1, 2'000};
  const auto opened =
      stage.run(PartitionLog::open(stage.environment(), stage.health(), std::move(other)));
  EXPECT_EQ(code_of(opened), ErrorCode::inconsistent_topic_id);
}

TEST(Recovery, keeps_a_new_segment_after_power_loss_L28) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Stage stage(seed);
    stage.options.roll.segment_bytes = 1'200;
    ASSERT_TRUE(stage.open());
    fill(stage, 6);
    ASSERT_TRUE(stage.run(stage.log()->flush()));
    stage.crash();
    stage.boot();
    ASSERT_TRUE(stage.open());
    EXPECT_EQ(stage.log()->log_end(), Offset(12)) << "seed " << seed;
    EXPECT_EQ(stage.log()->topic_id(), (Uuid{77, 78}));
  }
}

// Retention's renames are kept in part by a first power loss, and what the recovery that takes care
// of them removes is kept in part by a second. No segment may come back in front of a hole: a scan
// of the whole log would cut all that follows.
TEST(Recovery, brings_no_retired_segment_back_by_a_second_power_loss) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    Stage stage(seed);
    stage.options.roll.segment_bytes = 1'200;
    ASSERT_TRUE(stage.open());
    fill(stage, 8);
    ASSERT_TRUE(stage.run(stage.log()->flush()));
    stage.log()->set_high_watermark(Offset(16));
    ASSERT_TRUE(stage.run(stage.log()->advance_log_start(Offset(9))));
    stage.start(stage.log()->delete_old_segments());
    stage.world().run_for(std::chrono::microseconds(600 * (seed % 25)));
    stage.crash();
    stage.boot();
    stage.start(PartitionLog::open(stage.environment(), stage.health(), stage.request()));
    stage.world().run_for(std::chrono::microseconds(700 * (seed % 31)));
    stage.crash();
    stage.boot();
    ASSERT_TRUE(stage.open());
    EXPECT_EQ(stage.log()->log_end(), Offset(16)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace cairn::storage::testing
