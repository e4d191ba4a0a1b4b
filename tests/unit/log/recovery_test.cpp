// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/base/random.hpp>
#include <cairn/log/recovery.hpp>
#include <cairn/record/builder.hpp>

namespace cairn::log {
namespace {

Bytes batch(std::int64_t offset, int records, std::int32_t epoch) {
  record::BatchOptions options;
  options.base_offset = Offset(offset);
  options.leader_epoch = Epoch(epoch);
  record::BatchBuilder builder(options);
  for (int i = 0; i < records; ++i) builder.append(1, {}, as_bytes("value"));
  return builder.build();
}

/// Feeds a whole segment in pieces of `step` bytes.
SegmentScan scan_of(BytesView file, std::size_t step, Offset base = Offset(0),
                    Epoch epoch = no_epoch) {
  SegmentScan scan(base, base, epoch);
  std::size_t size = step;
  while (!scan.done()) {
    const BytesView rest = file.subspan(scan.position());
    const BytesView given = rest.first(std::min(rest.size(), size));
    if (!scan.next(given, given.size() == rest.size())) size = std::max(scan.needed(), step);
  }
  return scan;
}

TEST(SegmentScan, takes_whole_batches_whatever_pieces_they_come_in) {
  Bytes file = batch(0, 3, 1);
  append(file, batch(3, 2, 1));
  append(file, batch(5, 1, 4));
  for (std::size_t step : {1, 17, 61, 100, 1000}) {
    const SegmentScan scan = scan_of(file, step);
    EXPECT_EQ(scan.fault(), ScanFault::none);
    EXPECT_EQ(scan.position(), file.size());
    EXPECT_EQ(scan.next_offset(), Offset(6));
    EXPECT_EQ(scan.epoch(), Epoch(4));
  }
}

TEST(SegmentScan, cuts_at_the_first_invalid_byte_and_keeps_nothing_behind_it) {
  const Bytes good = batch(0, 2, 1);
  const auto fault_of = [&](const Bytes& second) {
    Bytes file = good;
    append(file, second);
    append(file, batch(3, 1, 1));
    const SegmentScan scan = scan_of(file, 1000);
    EXPECT_EQ(scan.position(), good.size());
    EXPECT_EQ(scan.next_offset(), Offset(2));
    return scan.fault();
  };
  Bytes damaged = batch(2, 1, 1);
  damaged.back() ^= std::byte{1};
  EXPECT_EQ(fault_of(damaged), ScanFault::torn);
  EXPECT_EQ(fault_of(Bytes(200)), ScanFault::zeros);
  EXPECT_EQ(fault_of(batch(1, 1, 1)), ScanFault::offset_gap);
  EXPECT_EQ(fault_of(batch(2, 1, 0)), ScanFault::epoch_regress);
  EXPECT_EQ(fault_of(batch(1LL << 31, 1, 1)), ScanFault::outside);
  EXPECT_EQ(fault_of(batch(std::numeric_limits<std::int64_t>::max(), 1, 1)), ScanFault::outside);
}

TEST(SegmentScan, a_batch_cut_at_the_end_of_the_file_is_left_out) {
  Bytes file = batch(0, 2, 1);
  const std::size_t good = file.size();
  append(file, batch(2, 2, 1));
  for (std::size_t size = good + 1; size < file.size(); ++size) {
    const SegmentScan scan = scan_of(BytesView(file).first(size), 40);
    ASSERT_NE(scan.fault(), ScanFault::none);
    ASSERT_EQ(scan.position(), good);
  }
}

TEST(SegmentScan, gaps_that_compaction_left_are_fine) {
  Bytes file = batch(5, 1, 1);
  append(file, batch(900, 1, 1));
  EXPECT_EQ(scan_of(file, 1000).fault(), ScanFault::none);
}

TEST(SegmentScan, any_torn_write_leaves_a_prefix) {
  Random random(1);
  for (int round = 0; round < 300; ++round) {
    Bytes file;
    std::vector<std::size_t> ends = {0};
    for (std::int64_t offset = 0; offset < 20; offset += 2) {
      append(file, batch(offset, 2, 1));
      ends.push_back(file.size());
    }
    const std::size_t at = random.below(file.size());
    for (std::size_t i = at; i < file.size(); ++i) {
      if (random.chance(0.5)) file[i] = std::byte{0};
    }
    const SegmentScan scan = scan_of(file, 64);
    ASSERT_TRUE(std::ranges::find(ends, scan.position()) != ends.end());
    ASSERT_EQ(scan.next_offset().value() / 2,
              std::int64_t(std::ranges::find(ends, scan.position()) - ends.begin()));
  }
}

EpochCache epochs(std::initializer_list<EpochEntry> entries) {
  return EpochCache(std::vector(entries));
}

TEST(Truncation, goes_to_the_end_of_the_epoch_both_have) {
  const EpochCache own = epochs({{Epoch(1), Offset(0)}, {Epoch(3), Offset(10)}});
  const auto cut = [&](EpochEnd leader) {
    return truncation_for(own, leader, Offset(20), Offset(8));
  };
  EXPECT_EQ(cut({Epoch(3), Offset(15)}).offset, Offset(15));
  EXPECT_EQ(cut({Epoch(1), Offset(12)}).offset, Offset(10));
  EXPECT_TRUE(cut({Epoch(1), Offset(12)}).final);
  EXPECT_EQ(cut({Epoch(2), Offset(12)}).offset, Offset(10));
  EXPECT_FALSE(cut({Epoch(2), Offset(12)}).final);
  EXPECT_EQ(cut({}).offset, Offset(8));
  EXPECT_EQ(cut({no_epoch, Offset(90)}).offset, Offset(20));
}

}  // namespace
}  // namespace cairn::log
