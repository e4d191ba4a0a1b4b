// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cairn/log/producer_recall.hpp>

namespace cairn::log {
namespace {

using ::testing::ElementsAre;

constexpr ProducerId pid{7};

/// One record a batch, so that sequence and offset count together.
ProducerRecall::Header batch(std::int64_t offset, std::int32_t sequence, ProducerId producer = pid,
                             std::int16_t epoch = 0) {
  return {.base_offset = Offset(offset),
          .producer = producer,
          .epoch = ProducerEpoch(epoch),
          .batch = {.last_sequence = sequence, .last_offset = Offset(offset), .timestamp = 1'000}};
}

ProducerEntry last(std::int64_t offset, std::int32_t sequence, ProducerId producer = pid,
                   std::int64_t timestamp = 1'000) {
  ProducerEntry entry;
  entry.id = producer;
  entry.epoch = ProducerEpoch(0);
  entry.last_timestamp = timestamp;
  entry.add(batch(offset, sequence).batch);
  return entry;
}

std::vector<std::int64_t> offsets(const ProducerEntry& entry) {
  std::vector<std::int64_t> offsets;
  for (const ProducerBatch& each : entry.kept()) offsets.push_back(each.last_offset.value());
  return offsets;
}

TEST(ProducerRecall, finds_the_five_batches_that_a_client_may_repeat_I6) {
  ProducerRecall recall({last(90, 9)});
  for (std::int32_t sequence = 9; sequence >= 0 && !recall.complete(); --sequence) {
    recall.take(batch(sequence * 10, sequence));
  }
  EXPECT_TRUE(recall.complete());
  EXPECT_THAT(offsets(recall.take_entries()[0]), ElementsAre(50, 60, 70, 80, 90));
}

TEST(ProducerRecall, is_content_with_a_producers_first_batch) {
  ProducerRecall recall({last(3, 2)});
  recall.take(batch(2, 1));
  EXPECT_FALSE(recall.complete());
  recall.take(batch(1, 0));
  EXPECT_TRUE(recall.complete());
  EXPECT_THAT(offsets(recall.take_entries()[0]), ElementsAre(1, 2, 3));
}

TEST(ProducerRecall, stops_where_a_batch_is_missing) {
  ProducerRecall recall({last(50, 5)});
  recall.take(batch(40, 4));
  recall.take(batch(20, 2));  // that between was cleaned away
  EXPECT_TRUE(recall.complete());
  recall.take(batch(10, 3));
  EXPECT_THAT(offsets(recall.take_entries()[0]), ElementsAre(40, 50));
}

TEST(ProducerRecall, stops_at_an_older_epoch) {
  ProducerEntry entry = last(50, 5);
  entry.epoch = ProducerEpoch(1);
  ProducerRecall recall({entry});
  recall.take(batch(40, 4));
  EXPECT_TRUE(recall.complete());
  EXPECT_THAT(offsets(recall.take_entries()[0]), ElementsAre(50));
}

TEST(ProducerRecall, follows_sequences_over_their_wrap) {
  constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
  ProducerRecall recall({last(50, 1)});
  recall.take(batch(49, 0));
  recall.take(batch(48, most));
  EXPECT_THAT(offsets(recall.take_entries()[0]), ElementsAre(49, 50));
}

TEST(ProducerRecall, does_not_wait_for_who_wrote_long_ago) {
  ProducerRecall recall({last(90, 9), last(10, 5, ProducerId(8), 1'000 - 3'600'000)});
  for (std::int32_t sequence = 8; sequence >= 5; --sequence) {
    EXPECT_FALSE(recall.complete());
    recall.take(batch(sequence * 10, sequence));
  }
  EXPECT_TRUE(recall.complete());
}

TEST(ProducerRecall, takes_what_passes_of_others_too) {
  ProducerRecall recall({last(90, 9), last(80, 5, ProducerId(8), 1'000 - 3'600'000)});
  recall.take(batch(79, 4, ProducerId(8)));
  EXPECT_THAT(offsets(recall.take_entries()[1]), ElementsAre(79, 80));
}

TEST(ProducerRecall, wants_nothing_of_coordinators_and_markers) {
  ProducerRecall recall({last(90, no_sequence)});
  EXPECT_TRUE(recall.complete());
  const Bytes marker = record::build_marker_batch({record::ControlType::commit, 0}, pid,
                                                  ProducerEpoch(0), 1'000, Offset(4));
  EXPECT_FALSE(ProducerRecall::Header::read(marker).counts());
}

}  // namespace
}  // namespace cairn::log
