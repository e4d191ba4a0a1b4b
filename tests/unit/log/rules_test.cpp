// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/log/rules.hpp>

namespace cairn::log {
namespace {

ActiveSegment active() {
  return {.base_offset = Offset(100), .size = 500, .created_ms = 1000, .first_timestamp = 2000};
}
Incoming incoming() { return {.bytes = 100, .max_timestamp = 2500, .max_offset = Offset(110)}; }
RollLimits limits() { return {.segment_bytes = 1000, .segment_ms = 10000}; }

TEST(Roll, by_size_once_the_append_would_not_fit) {
  Incoming more = incoming();
  more.bytes = 500;
  EXPECT_EQ(should_roll(active(), more, limits(), 3000), RollReason::none);
  more.bytes = 501;
  EXPECT_EQ(should_roll(active(), more, limits(), 3000), RollReason::size);
}

TEST(Roll, an_empty_segment_takes_what_comes) {
  ActiveSegment empty = active();
  empty.size = 0;
  empty.first_timestamp.reset();
  Incoming large = incoming();
  large.bytes = 5000;
  EXPECT_EQ(should_roll(empty, large, limits(), 1LL << 40), RollReason::none);
  large.max_offset = Offset(100 + (1LL << 31));
  EXPECT_EQ(should_roll(empty, large, limits(), 0), RollReason::offset_overflow);
}

TEST(Roll, by_record_time_if_there_are_timestamps_else_by_age) {
  Incoming late = incoming();
  late.max_timestamp = 12000;
  EXPECT_EQ(should_roll(active(), late, limits(), 1LL << 40), RollReason::none);
  late.max_timestamp = 12001;
  EXPECT_EQ(should_roll(active(), late, limits(), 0), RollReason::time);
  ActiveSegment jittered = active();
  jittered.jitter_ms = 4000;
  late.max_timestamp = 8001;
  EXPECT_EQ(should_roll(jittered, late, limits(), 0), RollReason::time);
  ActiveSegment untimed = active();
  untimed.first_timestamp = no_timestamp;
  EXPECT_EQ(should_roll(untimed, incoming(), limits(), 11000), RollReason::none);
  EXPECT_EQ(should_roll(untimed, incoming(), limits(), 11001), RollReason::time);
  untimed.first_timestamp = 5;
  late.max_timestamp = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(should_roll(untimed, late, limits(), 0), RollReason::none);
}

TEST(Roll, by_full_index_and_offset_range) {
  RollLimits small = limits();
  small.segment_index_bytes = 24;
  ActiveSegment segment = active();
  segment.offset_index_entries = 3;
  EXPECT_EQ(should_roll(segment, incoming(), small, 0), RollReason::index_full);
  segment.offset_index_entries = 0;
  segment.time_index_entries = 1;
  EXPECT_EQ(should_roll(segment, incoming(), small, 0), RollReason::index_full);
  Incoming far = incoming();
  far.max_offset = Offset(99 + (1LL << 31));
  EXPECT_EQ(should_roll(active(), far, limits(), 0), RollReason::none);
  ++far.max_offset;
  EXPECT_EQ(should_roll(active(), far, limits(), 0), RollReason::offset_overflow);
}

TEST(Roll, jitter_stays_below_its_bound) {
  RollLimits wide = limits();
  EXPECT_EQ(roll_jitter(wide, 12345), 0);
  wide.segment_jitter_ms = 20000;
  EXPECT_EQ(roll_jitter(wide, 10001), 1);
}

/// Segments of 10 offsets and 100 bytes from offset 0 on; their times are 1000, 2000, ...
std::vector<SegmentAge> segments(int count) {
  std::vector<SegmentAge> all;
  for (int i = 0; i < count; ++i) all.push_back({Offset(i * 10), 100, (i + 1) * 1000});
  return all;
}

TEST(Retention, by_time_up_to_the_first_segment_that_stays) {
  const auto all = segments(4);
  const auto result =
      segments_to_delete(all, Offset(0), Offset(40), Offset(40), {.retention_ms = 500}, 2501);
  EXPECT_EQ(result.segments, 2u);
  EXPECT_EQ(result.reason, RetentionReason::time);
  EXPECT_EQ(result.log_start, Offset(20));
  EXPECT_FALSE(result.roll_active);
}

TEST(Retention, never_at_or_above_the_high_watermark) {
  const auto all = segments(4);
  const RetentionLimits now{.retention_ms = 0};
  EXPECT_EQ(segments_to_delete(all, Offset(0), Offset(40), Offset(19), now, 1 << 20).segments, 1u);
  EXPECT_EQ(segments_to_delete(all, Offset(0), Offset(40), Offset(20), now, 1 << 20).segments, 2u);
  EXPECT_EQ(segments_to_delete(all, Offset(0), Offset(40), Offset(39), now, 1 << 20).segments, 3u);
}

TEST(Retention, the_active_segment_goes_too_once_all_of_it_is_old) {
  const auto all = segments(2);
  const auto result =
      segments_to_delete(all, Offset(0), Offset(20), Offset(20), {.retention_ms = 0}, 1 << 20);
  EXPECT_EQ(result.segments, 2u);
  EXPECT_TRUE(result.roll_active);
  EXPECT_EQ(result.log_start, Offset(20));
  auto empty_tail = all;
  empty_tail.back().size = 0;
  EXPECT_EQ(segments_to_delete(empty_tail, Offset(0), Offset(10), Offset(10), {.retention_ms = 0},
                               1 << 20)
                .segments,
            1u);
}

TEST(Retention, by_size_only_whole_segments_beyond_the_limit) {
  const auto all = segments(4);
  const auto deleted = [&](std::int64_t bytes) {
    return segments_to_delete(all, Offset(0), Offset(40), Offset(40),
                              {.retention_ms = -1, .retention_bytes = bytes}, 0)
        .segments;
  };
  EXPECT_EQ(deleted(-1), 0u);
  EXPECT_EQ(deleted(301), 0u);
  EXPECT_EQ(deleted(300), 1u);
  EXPECT_EQ(deleted(150), 2u);
}

TEST(Retention, what_lies_below_the_log_start_goes_whatever_the_policy) {
  const auto all = segments(4);
  const auto result = segments_to_delete(all, Offset(25), Offset(40), Offset(40),
                                         {.retention_ms = 0}, 1 << 20, false);
  EXPECT_EQ(result.segments, 2u);
  EXPECT_EQ(result.reason, RetentionReason::log_start);
  EXPECT_EQ(result.log_start, Offset(25));
}

TEST(Retention, future_and_hostile_timestamps_keep_a_segment) {
  auto all = segments(3);
  all[0].largest_timestamp = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(segments_to_delete(all, Offset(0), Offset(30), Offset(30), {.retention_ms = 0}, 1 << 20)
                .segments,
            0u);
}

TEST(Flush, is_due_by_count_and_by_time) {
  EXPECT_FALSE(should_flush({}, Offset(5), Offset(5), 1 << 30));
  EXPECT_TRUE(should_flush({}, Offset(6), Offset(5), 0));
  const FlushLimits lazy{.flush_messages = 100, .flush_ms = 1000};
  EXPECT_FALSE(should_flush(lazy, Offset(99), Offset(0), 999));
  EXPECT_TRUE(should_flush(lazy, Offset(100), Offset(0), 0));
  EXPECT_TRUE(should_flush(lazy, Offset(1), Offset(0), 1000));
  EXPECT_TRUE(acks_need_flush({}));
  EXPECT_FALSE(acks_need_flush(lazy));
}

}  // namespace
}  // namespace cairn::log
