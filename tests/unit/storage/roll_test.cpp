// SPDX-License-Identifier: Apache-2.0
// What a roll leaves behind: a name that must be flushed, no file when there was no room, indexes
// that are flushed no later than what they index.
#include "stage.hpp"

namespace cairn::storage::testing::roll {
namespace {

TEST(Roll, is_flushed_by_a_clean_stop_though_nothing_was_written_L28) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Stage stage(seed);
    ASSERT_TRUE(stage.open());
    ASSERT_TRUE(stage.append(make_batch({})));
    stage.reopen();
    ASSERT_TRUE(stage.run(stage.log()->roll()));
    stage.reopen();
    ASSERT_TRUE(stage.append(make_batch({})));
    ASSERT_TRUE(stage.run(stage.log()->flush()));
    stage.crash();
    stage.boot();
    ASSERT_TRUE(stage.open(Offset(1)));
    EXPECT_EQ(stage.log()->log_end(), Offset(2)) << "seed " << seed;
  }
}

TEST(Roll, leaves_no_file_when_the_disk_is_full) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({})));
  ASSERT_TRUE(stage.run(stage.log()->flush()));
  stage.machine().faults().space = stage.machine().used();
  EXPECT_FALSE(stage.run(stage.log()->roll()));
  stage.machine().faults().space.reset();
  EXPECT_TRUE(stage.log()->healthy());
  ASSERT_TRUE(stage.append(make_batch({})));
  ASSERT_TRUE(stage.run(stage.log()->flush()));
  stage.kill();
  stage.boot();
  ASSERT_TRUE(stage.open(Offset(2)));
  EXPECT_EQ(stage.log()->log_end(), Offset(2));
}

/// Neither a clean stop nor the verifier may come upon half a snapshot.
TEST(Roll, leaves_no_half_snapshot_when_the_disk_is_full) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.records = 3})));
  ASSERT_TRUE(stage.run(stage.log()->flush()));
  stage.machine().faults().space = stage.machine().used();
  EXPECT_FALSE(stage.run(stage.log()->close()));
  EXPECT_FALSE(stage.exists("00000000000000000003.snapshot"));
}

TEST(Recovery, removes_half_a_snapshot_that_a_stop_has_left) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.records = 3})));
  ASSERT_TRUE(stage.run(stage.log()->close()));
  const std::string name = "00000000000000000003.snapshot";
  ASSERT_TRUE(stage.exists(name));
  stage.kill();
  stage.machine().damage(std::string(testing::data_directory) + "/topic-0/" + name, Bytes{});
  stage.boot();
  ASSERT_TRUE(stage.open());
  EXPECT_EQ(stage.log()->log_end(), Offset(3));
  EXPECT_FALSE(stage.exists(name));
}

TEST(Roll, of_a_flushed_segment_flushes_its_indexes_L30) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Stage stage(seed);
    ASSERT_TRUE(stage.open());
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(stage.append(make_batch({.timestamp = 1'000 + i})));
    ASSERT_TRUE(stage.run(stage.log()->spill_indexes()));
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(stage.append(make_batch({.timestamp = 2'000 + i})));
    ASSERT_TRUE(stage.run(stage.log()->flush()));
    ASSERT_TRUE(stage.run(stage.log()->roll()));
    ASSERT_TRUE(stage.append(make_batch({.timestamp = 3'000})));
    ASSERT_TRUE(stage.run(stage.log()->flush()));
    stage.crash();
    stage.boot();
    ASSERT_TRUE(stage.open(Offset(9)));
    const auto hit = stage.run(stage.log()->offset_for_timestamp(2'003, ReadBound::log_end));
    ASSERT_TRUE(hit);
    ASSERT_TRUE(*hit);
    EXPECT_EQ((*hit)->offset, Offset(7)) << "seed " << seed;
  }
}

// Nothing was flushed. The first segment's name must not be lost while the second's is kept: the
// log would begin in its middle, and a follower would fetch on from its end.
TEST(Roll, keeps_the_name_of_the_first_segment) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Stage stage(seed);
    stage.options.roll.segment_bytes = 2'000;
    ASSERT_TRUE(stage.open());
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(stage.append(make_batch({.records = 1, .value_size = 900})));
    }
    stage.crash();
    stage.boot();
    ASSERT_TRUE(stage.open());
    EXPECT_EQ(stage.log()->log_start(), Offset(0)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace cairn::storage::testing::roll
