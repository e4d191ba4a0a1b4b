// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/base/random.hpp>
#include <cairn/log/aborted_transactions.hpp>
#include <cairn/log/index.hpp>

namespace cairn::log {
namespace {

OffsetIndex offset_index() {
  OffsetIndex index(Offset(100));
  index.append(Offset(104), 0);
  index.append(Offset(110), 4200);
  index.append(Offset(150), 9000);
  return index;
}

TEST(OffsetIndex, finds_the_entry_at_or_below) {
  const OffsetIndex index = offset_index();
  EXPECT_EQ(index.lookup(Offset(99)), (OffsetPosition{Offset(100), 0}));
  EXPECT_EQ(index.lookup(Offset(103)), (OffsetPosition{Offset(100), 0}));
  EXPECT_EQ(index.lookup(Offset(110)), (OffsetPosition{Offset(110), 4200}));
  EXPECT_EQ(index.lookup(Offset(149)), (OffsetPosition{Offset(110), 4200}));
  EXPECT_EQ(index.lookup(Offset(1LL << 50)), (OffsetPosition{Offset(150), 9000}));
  EXPECT_EQ(index.fetch_upper_bound({Offset(104), 0}, 4000), (OffsetPosition{Offset(110), 4200}));
  EXPECT_EQ(index.fetch_upper_bound({Offset(110), 4200}, 1000000), std::nullopt);
}

TEST(OffsetIndex, survives_its_file_and_a_zero_tail) {
  const OffsetIndex index = offset_index();
  Bytes file = index.encode();
  EXPECT_EQ(file.size(), 24u);
  file.resize(index_file_capacity(1000, 8));
  const OffsetIndex back = OffsetIndex::decode(Offset(100), file).value();
  EXPECT_EQ(back.entries(), 3u);
  EXPECT_EQ(back.encode(), index.encode());
  EXPECT_EQ(index.encode(2).size(), 8u);
}

TEST(OffsetIndex, damage_is_noticed) {
  Bytes file = offset_index().encode();
  store_big_endian(file.data() + 8, 1);
  EXPECT_EQ(code_of(OffsetIndex::decode(Offset(100), file)), ErrorCode::corrupt_message);
  file = offset_index().encode();
  file.push_back(std::byte{1});
  EXPECT_EQ(code_of(OffsetIndex::decode(Offset(100), file)), ErrorCode::corrupt_message);
  file = offset_index().encode();
  store_big_endian(file.data() + 16, -1);
  EXPECT_EQ(code_of(OffsetIndex::decode(Offset(100), file)), ErrorCode::corrupt_message);
}

TEST(OffsetIndex, truncates_by_offset_and_by_position) {
  OffsetIndex index = offset_index();
  index.truncate_to(Offset(150));
  EXPECT_EQ(index.last(), (OffsetPosition{Offset(110), 4200}));
  index.truncate_to_position(4200);
  EXPECT_EQ(index.last(), (OffsetPosition{Offset(104), 0}));
  EXPECT_TRUE(index.is_full(8));
  EXPECT_FALSE(index.is_full(16));
}

TEST(TimeIndex, rises_in_both_timestamp_and_offset) {
  TimeIndex index(Offset(100));
  EXPECT_EQ(index.last(), (TimestampOffset{no_timestamp, Offset(100)}));
  EXPECT_TRUE(index.maybe_append(1000, Offset(105)));
  EXPECT_FALSE(index.maybe_append(1000, Offset(106)));
  EXPECT_FALSE(index.maybe_append(999, Offset(107)));
  EXPECT_FALSE(index.maybe_append(1001, Offset(105)));
  EXPECT_TRUE(index.maybe_append(2000, Offset(120)));
  EXPECT_EQ(index.lookup(999), (TimestampOffset{no_timestamp, Offset(100)}));
  EXPECT_EQ(index.lookup(1999), (TimestampOffset{1000, Offset(105)}));
  EXPECT_EQ(index.lookup(2000), (TimestampOffset{2000, Offset(120)}));
  Bytes file = index.encode();
  EXPECT_EQ(file.size(), 24u);
  file.resize(120);
  EXPECT_EQ(TimeIndex::decode(Offset(100), file)->last(), (TimestampOffset{2000, Offset(120)}));
  index.truncate_to(Offset(120));
  EXPECT_EQ(index.entries(), 1u);
}

TEST(TimeIndex, keeps_one_place_for_the_entry_at_the_roll) {
  TimeIndex index(Offset(0));
  EXPECT_FALSE(index.is_full(24));
  index.maybe_append(1, Offset(1));
  EXPECT_TRUE(index.is_full(24));
}

TEST(Index, hostile_files_are_refused_or_read) {
  Random random(1);
  for (int round = 0; round < 5000; ++round) {
    Bytes file(random.below(200));
    for (std::byte& byte : file)
      byte = static_cast<std::byte>(random.below(random.chance(0.5) ? 3 : 256));
    if (const auto index = OffsetIndex::decode(Offset(5), file)) (void)index->lookup(Offset(100));
    if (const auto index = TimeIndex::decode(Offset(5), file)) (void)index->lookup(100);
    (void)decode_transaction_index(file, Offset(0));
  }
}

AbortedTransaction aborted(std::int64_t producer, std::int64_t first, std::int64_t last,
                           std::int64_t stable) {
  return {ProducerId(producer), Offset(first), Offset(last), Offset(stable)};
}

TEST(TransactionIndex, entries_come_back_and_must_rise) {
  const std::vector entries = {aborted(1, 0, 10, 2), aborted(2, 5, 20, 20)};
  const Bytes file = encode_transaction_index(entries);
  EXPECT_EQ(file.size(), 68u);
  EXPECT_EQ(decode_transaction_index(file, Offset(0)).value(), entries);
  EXPECT_EQ(code_of(decode_transaction_index(file, Offset(11))), ErrorCode::corrupt_message);
  EXPECT_EQ(code_of(decode_transaction_index(BytesView(file).first(67), Offset(0))),
            ErrorCode::corrupt_message);
  const std::vector falling = {entries[1], entries[0]};
  EXPECT_EQ(code_of(decode_transaction_index(encode_transaction_index(falling), Offset(0))),
            ErrorCode::corrupt_message);
}

TEST(TransactionIndex, collects_what_overlaps_and_knows_when_to_stop) {
  std::vector entries = {aborted(1, 0, 10, 5), aborted(2, 5, 20, 15), aborted(3, 30, 40, 41)};
  const auto found = collect_aborted(entries, Offset(11), Offset(25));
  EXPECT_EQ(found.transactions, (std::vector{entries[1]}));
  EXPECT_TRUE(found.complete);
  EXPECT_FALSE(collect_aborted(entries, Offset(11), Offset(100)).complete);
  truncate_transaction_index(entries, Offset(20));
  EXPECT_EQ(entries.size(), 1u);
}

}  // namespace
}  // namespace cairn::log
