// SPDX-License-Identifier: Apache-2.0
// After a failed flush (L31): the kernel calls the pages clean, and a later flush succeeds without
// writing them; so the file's page cache is dropped.
#include "stage.hpp"

namespace cairn::storage::testing::failed_flush {
namespace {

/// A log with one flushed batch and one whose flush failed; the directory is offline.
void fail_a_flush(Stage& stage) {
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.records = 1, .value_size = 3'000})));
  ASSERT_TRUE(stage.run(stage.log()->flush()));
  ASSERT_TRUE(stage.append(make_batch({.records = 1, .value_size = 30'000})));
  stage.machine().faults().fails = [](std::string_view operation, const std::string&) {
    return operation == "sync";
  };
  ASSERT_FALSE(stage.run(stage.log()->flush()));
  stage.machine().faults().fails = nullptr;
}

TEST(FailedFlush, ends_the_log_and_is_not_tried_again_L31) {
  Stage stage;
  fail_a_flush(stage);
  EXPECT_FALSE(stage.run(stage.log()->flush()));
  EXPECT_FALSE(stage.append(make_batch({})));
  EXPECT_EQ(stage.log()->flushed(), Offset(1));
}

TEST(FailedFlush, leaves_what_was_flushed_before_L31) {
  Stage stage;
  fail_a_flush(stage);
  stage.crash();
  stage.boot();
  ASSERT_TRUE(stage.open(Offset(1)));
  EXPECT_GE(stage.log()->log_end(), Offset(1));
}

// Else the next life would read the batch from the page cache, find it whole, and flush it: a flush
// that succeeds and writes nothing.
TEST(FailedFlush, is_not_forgotten_by_the_next_life_on_the_same_page_cache_L31) {
  Stage stage;
  fail_a_flush(stage);
  stage.kill();
  stage.boot();
  ASSERT_TRUE(stage.open(Offset(1)));
  ASSERT_TRUE(stage.run(stage.log()->flush()));
  const Offset flushed = stage.log()->flushed();
  stage.crash();
  stage.boot();
  ASSERT_TRUE(stage.open(Offset(1)));
  EXPECT_GE(stage.log()->log_end(), flushed);
}

}  // namespace
}  // namespace cairn::storage::testing::failed_flush
