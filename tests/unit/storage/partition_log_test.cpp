// SPDX-License-Identifier: Apache-2.0
#include <cairn/log/index.hpp>
#include <cairn/log/names.hpp>

#include "stage.hpp"

namespace cairn::storage::testing {
namespace {

TEST(PartitionLog, assigns_offsets_and_reads_back_what_was_appended) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  const auto first = stage.append(make_batch({.records = 3}));
  const auto second = stage.append(make_batch({.records = 2}), Epoch(4));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->first_offset, Offset(0));
  EXPECT_EQ(first->last_offset, Offset(2));
  EXPECT_EQ(second->first_offset, Offset(3));
  EXPECT_EQ(stage.log()->log_end(), Offset(5));

  const auto slice = stage.read(Offset(1));
  ASSERT_TRUE(slice);
  EXPECT_EQ(slice->next_offset, Offset(5));
  record::BatchIterator batches(slice->records.view(), record::BatchIterator::Check::crc);
  const auto one = batches.next();
  const auto two = batches.next();
  ASSERT_TRUE(one && two && !batches.next());
  EXPECT_EQ(one->base_offset(), Offset(0));
  EXPECT_EQ(two->base_offset(), Offset(3));
  EXPECT_EQ(two->leader_epoch(), Epoch(4));
}

TEST(PartitionLog, refuses_an_append_whose_leader_epoch_has_passed) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.records = 3}), Epoch(1)));
  ASSERT_TRUE(stage.run(stage.log()->assign_epoch(Epoch(2))));
  const auto late = stage.append(make_batch({.records = 2}), Epoch(1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::not_leader_or_follower);
  EXPECT_EQ(stage.log()->epochs().epoch_of(Offset(3)), Epoch(2));
  EXPECT_TRUE(stage.append(make_batch({.records = 2}), Epoch(2)));
}

TEST(PartitionLog, reads_no_further_than_the_high_watermark) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.records = 2})));
  ASSERT_TRUE(stage.append(make_batch({.records = 2})));
  EXPECT_TRUE(stage.read(Offset(0), ReadBound::high_watermark)->records.empty());
  stage.log()->set_high_watermark(Offset(2));
  const auto slice = stage.read(Offset(0), ReadBound::high_watermark);
  EXPECT_EQ(slice->next_offset, Offset(2));
  EXPECT_TRUE(stage.read(Offset(3), ReadBound::high_watermark)->records.empty());
}

TEST(PartitionLog, refuses_reads_outside_the_log) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.records = 2})));
  EXPECT_TRUE(stage.read(Offset(2)));
  EXPECT_EQ(code_of(stage.read(Offset(3))), ErrorCode::offset_out_of_range);
}

TEST(PartitionLog, returns_the_first_batch_even_if_it_is_too_large) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.value_size = 5'000})));
  ASSERT_TRUE(stage.append(make_batch({.value_size = 5'000})));
  const auto always = stage.read(Offset(0), ReadBound::log_end, 100);
  EXPECT_EQ(always->next_offset, Offset(1));
  const auto fits = stage.read(Offset(0), ReadBound::log_end, 100, FirstBatch::if_it_fits);
  EXPECT_TRUE(fits->records.empty());
  EXPECT_TRUE(fits->first_batch_left_out);
}

TEST(PartitionLog, appends_that_wait_together_go_down_together) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  std::vector<std::shared_ptr<std::optional<Result<Appended>>>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(stage.start(
        Stage::append_owned(stage.log(), make_batch({}), Epoch(0), record::Origin::client)));
  }
  ASSERT_TRUE(stage.world().run_until([&] { return waiting.back()->has_value(); }));
  std::set<Offset> offsets;
  for (const auto& one : waiting) offsets.insert((**one)->first_offset);
  EXPECT_EQ(offsets.size(), 20u);
  EXPECT_EQ(stage.log()->log_end(), Offset(20));
  EXPECT_EQ(stage.read(Offset(0))->next_offset, Offset(20));
}

TEST(PartitionLog, answers_a_repeated_batch_with_its_first_offsets) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  const BatchShape shape{
      .records = 2, .producer = ProducerId(5), .epoch = ProducerEpoch(0), .sequence = 0};
  ASSERT_TRUE(stage.append(make_batch(shape)));
  const auto again = stage.append(make_batch(shape));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->first_offset, Offset(0));
  EXPECT_EQ(stage.log()->log_end(), Offset(2));
  BatchShape gap = shape;
  gap.sequence = 9;
  EXPECT_EQ(code_of(stage.append(make_batch(gap))), ErrorCode::out_of_order_sequence_number);
}

TEST(PartitionLog, keeps_producers_over_a_restart) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  BatchShape shape{.records = 2,
                   .timestamp = stage.environment().now_ms(),
                   .producer = ProducerId(5),
                   .epoch = ProducerEpoch(0),
                   .sequence = 0};
  ASSERT_TRUE(stage.append(make_batch(shape)));
  stage.reopen();
  EXPECT_TRUE(stage.exists("00000000000000000002.snapshot"));
  EXPECT_TRUE(stage.append(make_batch(shape))->duplicate);
  shape.sequence = 2;
  EXPECT_FALSE(stage.append(make_batch(shape))->duplicate);
}

TEST(PartitionLog, stamps_the_append_time_where_the_topic_wants_it) {
  Stage stage;
  stage.options.rules.timestamp_type = record::TimestampType::log_append_time;
  ASSERT_TRUE(stage.open());
  const auto appended = stage.append(make_batch({.timestamp = 7}));
  ASSERT_TRUE(appended);
  EXPECT_EQ(appended->log_append_time, stage.environment().now_ms());
  const auto slice = stage.read(Offset(0));
  record::BatchIterator batches(slice->records.view(), record::BatchIterator::Check::crc);
  const auto batch = batches.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->timestamp_type(), record::TimestampType::log_append_time);
  EXPECT_EQ(batch->max_timestamp(), appended->log_append_time);
}

TEST(PartitionLog, rolls_by_size_and_reads_across_segments) {
  Stage stage;
  stage.options.roll.segment_bytes = 1'000;
  ASSERT_TRUE(stage.open());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(stage.append(make_batch({.value_size = 300})));
  EXPECT_GT(stage.log()->segment_count(), 5u);
  Offset offset(0);
  while (offset < stage.log()->log_end()) {
    const auto slice = stage.read(offset);
    ASSERT_TRUE(slice);
    ASSERT_GT(slice->next_offset, offset);
    offset = slice->next_offset;
  }
}

TEST(PartitionLog, finds_offsets_by_time) {
  Stage stage;
  stage.options.roll.segment_bytes = 2'000;
  stage.options.index_interval_bytes = 100;
  stage.options.rules.timestamp_after_max_ms = INT64_MAX;
  ASSERT_TRUE(stage.open());
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(stage.append(make_batch({.records = 2, .value_size = 100, .timestamp = 10 * i})));
  }
  const auto find = [&](std::int64_t timestamp) {
    return *stage.run(stage.log()->offset_for_timestamp(timestamp, ReadBound::log_end));
  };
  EXPECT_EQ(find(0)->offset, Offset(0));
  EXPECT_EQ(find(55)->offset, Offset(12));
  EXPECT_EQ(find(51)->offset, Offset(11));
  EXPECT_FALSE(find(1'000));
  const auto latest = *stage.run(stage.log()->offset_of_max_timestamp());
  EXPECT_EQ(latest->offset, Offset(79));
  EXPECT_EQ(latest->timestamp, 391);
}

TEST(PartitionLog, truncates_at_a_batch_boundary_and_goes_on) {
  Stage stage;
  stage.options.roll.segment_bytes = 1'000;
  ASSERT_TRUE(stage.open());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(stage.append(make_batch({.records = 2, .value_size = 100}), Epoch(i / 5)));
  }
  const auto before = stage.log()->generation();
  ASSERT_TRUE(stage.run(stage.log()->truncate_to(Offset(13))));  // inside [12, 13]
  EXPECT_EQ(stage.log()->log_end(), Offset(12));
  EXPECT_NE(stage.log()->generation(), before);
  EXPECT_EQ(stage.log()->epochs().latest()->epoch, Epoch(1));
  EXPECT_EQ(stage.append(make_batch({}), Epoch(7))->first_offset, Offset(12));
  stage.reopen();
  EXPECT_EQ(stage.log()->log_end(), Offset(13));
}

TEST(PartitionLog, starts_anew_elsewhere) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.records = 5})));
  ASSERT_TRUE(stage.run(stage.log()->truncate_fully_and_start_at(Offset(100))));
  EXPECT_EQ(stage.log()->log_start(), Offset(100));
  EXPECT_EQ(stage.log()->log_end(), Offset(100));
  EXPECT_EQ(stage.append(make_batch({}))->first_offset, Offset(100));
  stage.reopen();
  EXPECT_EQ(stage.log()->log_start(), Offset(100));
  EXPECT_EQ(stage.log()->log_end(), Offset(101));
}

TEST(PartitionLog, deletes_no_segment_at_or_above_the_high_watermark_L34_I27) {
  Stage stage;
  stage.options.roll.segment_bytes = 1'000;
  stage.options.retention.retention_bytes = 1'500;
  ASSERT_TRUE(stage.open());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(stage.append(make_batch({.value_size = 300})));
  EXPECT_EQ(*stage.run(stage.log()->delete_old_segments()), 0u);
  stage.log()->set_high_watermark(Offset(7));
  EXPECT_GT(*stage.run(stage.log()->delete_old_segments()), 0u);
  EXPECT_LE(stage.log()->log_start(), Offset(7));
  EXPECT_GT(stage.log()->log_start(), Offset(0));
  EXPECT_EQ(code_of(stage.read(Offset(0))), ErrorCode::offset_out_of_range);
  EXPECT_TRUE(stage.read(stage.log()->log_start()));
  EXPECT_TRUE(stage.exists("00000000000000000000.log.deleted"));
  stage.process().clock().now();
  stage.process().shard().tasks().spawn(stage.environment().deletes.run());
  stage.world().run_for(std::chrono::minutes(2));
  EXPECT_FALSE(stage.exists("00000000000000000000.log.deleted"));
  stage.process().shard().tasks().cancel();
  stage.world().run_ready();
}

TEST(PartitionLog, deletes_by_time_even_the_active_segment) {
  Stage stage;
  stage.options.retention.retention_ms = 1'000;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.timestamp = stage.environment().now_ms()})));
  stage.log()->set_high_watermark(Offset(1));
  EXPECT_EQ(*stage.run(stage.log()->delete_old_segments()), 0u);
  stage.world().run_for(std::chrono::seconds(5));
  EXPECT_EQ(*stage.run(stage.log()->delete_old_segments()), 1u);
  EXPECT_EQ(stage.log()->log_start(), Offset(1));
  EXPECT_EQ(stage.append(make_batch({}))->first_offset, Offset(1));
}

TEST(PartitionLog, moves_its_start_up_to_the_high_watermark_only) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.records = 4})));
  stage.log()->set_high_watermark(Offset(3));
  EXPECT_EQ(code_of(stage.run(stage.log()->advance_log_start(Offset(4)))),
            ErrorCode::offset_out_of_range);
  ASSERT_TRUE(stage.run(stage.log()->advance_log_start(Offset(2))));
  EXPECT_EQ(code_of(stage.read(Offset(1))), ErrorCode::offset_out_of_range);
  EXPECT_EQ(stage.read(Offset(2))->next_offset, Offset(4));
}

TEST(PartitionLog, refuses_appends_on_a_full_disk_and_goes_on_L35) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({})));
  stage.machine().faults().space = 40'000;
  const auto refused = stage.append(make_batch({.value_size = 100'000}));
  EXPECT_EQ(code_of(refused), ErrorCode::kafka_storage_error);
  EXPECT_TRUE(stage.log()->healthy());
  EXPECT_EQ(stage.log()->log_end(), Offset(1));
  EXPECT_EQ(stage.read(Offset(0))->next_offset, Offset(1));
  stage.machine().faults().space.reset();
  EXPECT_EQ(stage.append(make_batch({}))->first_offset, Offset(1));
}

TEST(PartitionLog, takes_nothing_more_after_a_failed_write_L27) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({})));
  stage.machine().faults().fails = [](std::string_view operation, const std::string&) {
    return operation == "write";
  };
  EXPECT_EQ(code_of(stage.append(make_batch({}))), ErrorCode::kafka_storage_error);
  stage.machine().faults().fails = nullptr;
  EXPECT_EQ(code_of(stage.append(make_batch({}))), ErrorCode::kafka_storage_error);
  EXPECT_EQ(code_of(stage.read(Offset(0))), ErrorCode::kafka_storage_error);
  EXPECT_FALSE(stage.health().online());
}

TEST(PartitionLog, never_retries_a_failed_flush_L31) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({})));
  stage.machine().faults().fails = [](std::string_view operation, const std::string&) {
    return operation == "sync";
  };
  EXPECT_EQ(code_of(stage.run(stage.log()->flush())), ErrorCode::kafka_storage_error);
  stage.machine().faults().fails = nullptr;
  EXPECT_EQ(code_of(stage.run(stage.log()->flush())), ErrorCode::kafka_storage_error);
  EXPECT_EQ(stage.log()->flushed(), Offset(0));
}

TEST(PartitionLog, gives_no_offset_twice_when_appends_race_a_roll_and_a_prefix_cut_L32) {
  Stage stage;
  stage.options.roll.segment_bytes = 700;
  ASSERT_TRUE(stage.open());
  std::vector<std::shared_ptr<std::optional<Result<Appended>>>> appends;
  for (int round = 0; round < 30; ++round) {
    appends.push_back(stage.start(Stage::append_owned(stage.log(), make_batch({.value_size = 200}),
                                                      Epoch(0), record::Origin::client)));
    if (round % 5 == 0) stage.start(stage.log()->roll());
    if (round % 7 == 0) {
      stage.log()->set_high_watermark(stage.log()->log_end());
      stage.start(stage.log()->advance_log_start(stage.log()->log_end()));
      stage.start(stage.log()->delete_old_segments());
    }
  }
  ASSERT_TRUE(stage.world().run_until([&] { return appends.back()->has_value(); }));
  std::set<Offset> offsets;
  for (const auto& append : appends) {
    ASSERT_TRUE(**append);
    EXPECT_TRUE(offsets.insert((**append)->first_offset).second);
  }
  EXPECT_EQ(stage.log()->log_end(), Offset(30));
  stage.world().run_for(std::chrono::seconds(1));
}

TEST(PartitionLog, holds_little_space_until_it_has_traffic) {
  Stage stage;
  stage.limits.reserved_space = 0;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({})));
  stage.machine().faults().space = 64'000;  // 16 KiB were allocated, not 8 MiB
  EXPECT_TRUE(stage.append(make_batch({.value_size = 1'000})));
}

TEST(PartitionLog, takes_replicated_batches_as_they_are) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  Bytes batch = make_batch({.records = 2});
  record::stamp_base_offset(batch, Offset(0));
  record::stamp_leader_epoch(batch, Epoch(9));
  const auto taken = stage.run(stage.log()->append_as_follower(batch));
  ASSERT_TRUE(taken);
  EXPECT_EQ(stage.log()->epochs().latest()->epoch, Epoch(9));
  EXPECT_EQ(code_of(stage.run(stage.log()->append_as_follower(batch))),
            ErrorCode::corrupt_message);  // it lies below the end now
  record::stamp_base_offset(batch, Offset(2));
  batch.back() ^= std::byte{1};
  EXPECT_EQ(code_of(stage.run(stage.log()->append_as_follower(batch))), ErrorCode::corrupt_message);
  EXPECT_EQ(stage.log()->log_end(), Offset(2));
}

TEST(PartitionLog, lists_aborted_transactions_and_holds_back_what_is_undecided) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  record::BatchOptions options;
  options.producer_id = ProducerId(3);
  options.producer_epoch = ProducerEpoch(0);
  options.base_sequence = 0;
  options.transactional = true;
  record::BatchBuilder builder(options);
  builder.append(1, std::nullopt, as_bytes("x"));
  ASSERT_TRUE(stage.append(builder.build()));
  ASSERT_TRUE(stage.append(make_batch({})));
  stage.log()->set_high_watermark(Offset(2));
  EXPECT_EQ(stage.log()->last_stable(), Offset(0));
  ASSERT_TRUE(stage.append(record::build_marker_batch({}, ProducerId(3), ProducerEpoch(0), 5),
                           Epoch(0), record::Origin::coordinator));
  stage.log()->set_high_watermark(Offset(3));
  EXPECT_EQ(stage.log()->last_stable(), Offset(3));
  for (int life = 0; life < 2; ++life) {
    const auto aborted = stage.run(stage.log()->aborted_transactions(Offset(0), Offset(3)));
    ASSERT_TRUE(aborted);
    ASSERT_EQ(aborted->size(), 1u);
    EXPECT_EQ(aborted->front().producer_id, ProducerId(3));
    EXPECT_EQ(aborted->front().first_offset, Offset(0));
    EXPECT_EQ(aborted->front().last_offset, Offset(2));
    stage.reopen();
  }
}

}  // namespace
}  // namespace cairn::storage::testing
