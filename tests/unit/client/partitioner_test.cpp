// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include <gtest/gtest.h>

#include <cairn/client/partitioner.hpp>

namespace cairn::client {
namespace {

struct GoldenHash {
  const char* key;
  std::int32_t hash;
  std::int32_t partition_of_7;
};

// From org.apache.kafka.common.utils.Utils.murmur2 of kafka-clients 4.3.1.
constexpr GoldenHash golden_hashes[] = {
    {"", 275646681, 2},
    {"a", -1563381124, 5},
    {"ab", 316155434, 0},
    {"abc", 479470107, 4},
    {"abcd", -1323649548, 5},
    {"abcde", 461995741, 4},
    {"21", -973932308, 3},
    {"foobar", -790332482, 0},
    {"kafka", -798503068, 3},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971, 3},
    {"the quick brown fox", 2136040129, 6},
    {"\xc3\xa9t\xc3\xa9", -2101193575, 4},
    {"key-0", 29210041, 0},
    {"key-1", 193331640, 5},
    {"key-123456789", 1669656999, 3},
};

TEST(Murmur2, hashes_as_the_java_client_does) {
  for (const auto& golden : golden_hashes) {
    EXPECT_EQ(murmur2(as_bytes(golden.key)), golden.hash) << golden.key;
    EXPECT_EQ(partition_of_key(as_bytes(golden.key), 7).value(), golden.partition_of_7);
  }
}

TEST(Murmur2, agrees_with_java_on_every_length_of_tail_and_every_byte) {
  std::uint64_t sum = 0;
  for (std::size_t size = 0; size < 256; size++) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; i++) {
      bytes[i] = static_cast<std::byte>(size * 31 + i * 7 + 128);
    }
    sum = sum * 1000003 + static_cast<std::uint64_t>(std::int64_t{murmur2(bytes)});
  }
  EXPECT_EQ(static_cast<std::int64_t>(sum), 565611637402222091);
}

TEST(Partitioner, sends_a_key_to_one_partition_whatever_else_is_sent) {
  Random random(1);
  Partitioner partitioner(PartitionerKind::hash, 100);
  for (int i = 0; i < 50; i++) {
    EXPECT_EQ(partitioner.pick(as_bytes("abc"), 60, 7, {}, random).value(), 4);
    partitioner.pick(std::nullopt, 60, 7, {}, random);
  }
}

TEST(Partitioner, sticks_until_a_batch_is_full_and_then_draws_uniformly) {
  Random random(2);
  Partitioner partitioner(PartitionerKind::sticky, 1000);
  std::map<std::int32_t, int> turns;
  for (int turn = 0; turn < 4000; turn++) {
    const auto first = partitioner.pick(std::nullopt, 100, 4, {}, random);
    for (int i = 1; i < 10; i++) {
      ASSERT_EQ(partitioner.pick(std::nullopt, 100, 4, {}, random), first);
    }
    turns[first.value()]++;
  }
  ASSERT_EQ(turns.size(), 4u);
  for (const auto& [partition, count] : turns) EXPECT_NEAR(count, 1000, 150) << partition;
}

TEST(Partitioner, sends_records_without_key_only_where_there_is_a_leader) {
  Random random(3);
  const PartitionIndex available[] = {PartitionIndex(1), PartitionIndex(3)};
  for (const auto kind :
       {PartitionerKind::hash, PartitionerKind::sticky, PartitionerKind::round_robin}) {
    Partitioner partitioner(kind, 1);
    std::set<std::int32_t> seen;
    for (int i = 0; i < 64; i++) {
      seen.insert(partitioner.pick(std::nullopt, 10, 4, available, random).value());
    }
    EXPECT_EQ(seen, (std::set<std::int32_t>{1, 3}));
  }
}

TEST(Partitioner, goes_round_in_order) {
  Random random(4);
  Partitioner partitioner(PartitionerKind::round_robin, 1000);
  const auto first = partitioner.pick(as_bytes("k"), 10, 3, {}, random).value();
  for (int i = 1; i < 9; i++) {
    EXPECT_EQ(partitioner.pick(as_bytes("k"), 10, 3, {}, random).value(), (first + i) % 3);
  }
}

}  // namespace
}  // namespace cairn::client
