// SPDX-License-Identifier: Apache-2.0
// Truncation beside a flush, and before a crash.
#include "stage.hpp"

namespace cairn::storage::testing::truncation {
namespace {

Bytes one_record() { return make_batch({.records = 1, .value_size = 900}); }

/// The checkpoint of a log on its own.
runtime::Task<Result<>> save(PartitionLog& log, Offset& checkpointed) {
  checkpointed = log.recovery_point();
  log.note_checkpointed(checkpointed);
  co_return Result<>();
}

void read_all(Stage& stage, std::uint64_t seed) {
  for (Offset at = stage.log()->log_start(); at < stage.log()->log_end();) {
    const auto slice = stage.read(at);
    ASSERT_TRUE(slice) << "seed " << seed << ": " << slice.error().why;
    ASSERT_GT(slice->next_offset, at) << "seed " << seed << ": a hole";
    at = slice->next_offset;
  }
}

// The flush saw the end before the cut; the flushed offset must not pass the log's end, or what is
// appended next would be acknowledged without a flush (L10).
TEST(Truncation, lets_no_flush_that_ran_beside_it_count_L10) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Stage stage(seed);
    ASSERT_TRUE(stage.open());
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(stage.append(one_record()));
    auto truncation = stage.start(stage.log()->truncate_to(Offset(2)));
    auto flush = stage.start(stage.log()->flush());
    stage.world().run_until([&] { return truncation->has_value() && flush->has_value(); });
    ASSERT_TRUE(**truncation);
    EXPECT_LE(stage.log()->flushed(), stage.log()->log_end()) << "seed " << seed;
  }
}

// The recovery point of the checkpoint was right when it was written. Then the log was cut below it
// and grew again, not flushed; power fails. Whoever truncates below a recovery point has to
// checkpoint the lower one first (Kafka does it after).
TEST(Truncation, below_the_recovery_point_leaves_nothing_unchecked) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Stage stage(seed);
    stage.options.roll.segment_bytes = 4'000;
    ASSERT_TRUE(stage.open());
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(stage.append(one_record()));
    ASSERT_TRUE(stage.run(stage.log()->flush()));
    Offset checkpointed;
    stage.health().save_recovery_points = [&] { return save(*stage.log(), checkpointed); };
    ASSERT_TRUE(stage.run(save(*stage.log(), checkpointed)));
    ASSERT_EQ(checkpointed, Offset(12));
    const bool anew = seed % 4 == 0;
    ASSERT_TRUE(stage.run(anew ? stage.log()->truncate_fully_and_start_at(Offset(5))
                               : stage.log()->truncate_to(Offset(2))));
    for (int i = 0; i < 14; ++i) ASSERT_TRUE(stage.append(one_record(), Epoch(1)));
    stage.crash();
    stage.boot();
    ASSERT_TRUE(stage.open(checkpointed));
    read_all(stage, seed);
  }
}

// A crash in the midst of it keeps any of the deletions.
TEST(Truncation, leaves_no_hole_when_power_fails_in_its_midst) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Stage stage(seed);
    stage.options.roll.segment_bytes = 2'000;
    ASSERT_TRUE(stage.open());
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(stage.append(one_record()));
    ASSERT_TRUE(stage.run(stage.log()->flush()));
    Offset checkpointed;
    stage.health().save_recovery_points = [&] { return save(*stage.log(), checkpointed); };
    ASSERT_TRUE(stage.run(save(*stage.log(), checkpointed)));
    stage.start(seed % 2 == 0 ? stage.log()->truncate_fully_and_start_at(Offset(50))
                              : stage.log()->truncate_to(Offset(2)));
    stage.world().run_for(std::chrono::microseconds(500 * seed));
    stage.crash();
    stage.boot();
    ASSERT_TRUE(stage.open(checkpointed));
    read_all(stage, seed);
  }
}

TEST(Truncation, above_the_recovery_point_writes_no_checkpoint) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stage.append(one_record()));
  int saved = 0;
  Offset checkpointed;
  stage.health().save_recovery_points = [&] { return ++saved, save(*stage.log(), checkpointed); };
  ASSERT_TRUE(stage.run(stage.log()->flush()));
  ASSERT_TRUE(stage.run(stage.log()->truncate_to(Offset(1))));
  EXPECT_EQ(saved, 0);
}

}  // namespace
}  // namespace cairn::storage::testing::truncation
