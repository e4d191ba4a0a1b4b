// SPDX-License-Identifier: Apache-2.0
#include <cairn/partition/fetch_wait.hpp>

#include "../storage/stage.hpp"

namespace cairn::partition {
namespace {

using namespace std::chrono_literals;
using storage::ReadBound;
using storage::testing::make_batch;
using storage::testing::Stage;

const BrokerId self(1);

/// A partition that leads on a Stage.
class PartitionTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void TearDown() override {
    if (partition) stage.run(partition->stop());
  }

  void open() {
    ASSERT_TRUE(stage.open());
    partition = std::make_shared<Partition>(stage.process().shard(), Uuid{77, 78}, stage.log());
    partition->configure(stage.options, 1);
    lead(Epoch(1));
  }
  void lead(Epoch epoch) {
    ASSERT_TRUE(stage.run(
        partition->lead({.self = self, .leader_epoch = epoch, .replicas = {self}, .isr = {self}})));
  }
  static runtime::Task<Result<PartitionAppended>> append_owned(std::shared_ptr<Partition> to,
                                                               Bytes batch, RequiredAcks acks) {
    PartitionAppend append{.batches = batch, .acks = acks};
    co_return co_await to->append(append);
  }
  Result<PartitionAppended> append(RequiredAcks acks = RequiredAcks::all) {
    return stage.run(append_owned(partition, make_batch({.records = 2}), acks));
  }
  auto wait_for(const PartitionAppended& appended, Duration patience = 10s) {
    return stage.start(partition->wait_committed(appended.last_offset, appended.leader_epoch,
                                                 stage.world().now() + patience));
  }

  Stage stage;
  std::shared_ptr<Partition> partition;
};

TEST_F(PartitionTest, commits_what_is_flushed_and_nothing_else_L9) {
  const auto appended = append();
  ASSERT_TRUE(appended);
  EXPECT_LE(partition->high_watermark(), stage.log()->flushed());
  const auto done = wait_for(*appended);
  ASSERT_TRUE(stage.world().run_until([&] { return done->has_value(); }));
  EXPECT_TRUE(**done);
  EXPECT_GE(stage.log()->flushed(), Offset(2));
  EXPECT_EQ(partition->high_watermark(), Offset(2));
}

TEST_F(PartitionTest, commits_at_once_where_kafka_would) {
  stage.options.flush.flush_messages = INT64_MAX;
  partition->configure(stage.options, 1);
  ASSERT_TRUE(append());
  EXPECT_EQ(partition->high_watermark(), Offset(2));
  EXPECT_EQ(stage.log()->flushed(), Offset(0));
}

TEST_F(PartitionTest, flushes_in_time_when_flush_ms_says_so) {
  stage.options.flush.flush_messages = INT64_MAX;
  stage.options.flush.flush_ms = 2'000;
  partition->configure(stage.options, 1);
  ASSERT_TRUE(append());
  stage.world().run_for(1s);
  EXPECT_EQ(stage.log()->flushed(), Offset(0));
  stage.world().run_for(2s);
  EXPECT_EQ(stage.log()->flushed(), Offset(2));
}

TEST_F(PartitionTest, flushes_what_was_rolled_in_any_case) {
  stage.options.flush.flush_messages = INT64_MAX;
  partition->configure(stage.options, 1);
  ASSERT_TRUE(append());
  ASSERT_TRUE(stage.run(stage.log()->roll()));
  ASSERT_TRUE(append());
  stage.world().run_for(1s);
  EXPECT_EQ(stage.log()->flushed(), Offset(2));
}

TEST_F(PartitionTest, one_flush_commits_all_who_wait) {
  std::vector<std::shared_ptr<std::optional<Result<>>>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(wait_for(*append(), 1min));
  stage.world().run_for(1s);
  for (const auto& one : waiting) {
    ASSERT_TRUE(one->has_value());
    EXPECT_TRUE(**one);
  }
}

TEST_F(PartitionTest, times_out_when_the_flush_takes_too_long) {
  const auto appended = append();
  PartitionAppended future = *appended;
  future.last_offset = Offset(99);
  const auto done = wait_for(future, 2s);
  stage.world().run_for(1s);
  EXPECT_FALSE(done->has_value());
  stage.world().run_for(2s);
  ASSERT_TRUE(done->has_value());
  EXPECT_EQ(code_of(**done), ErrorCode::request_timed_out);
}

TEST_F(PartitionTest, tells_waiters_that_leadership_has_gone) {
  PartitionAppended future = *append();
  future.last_offset = Offset(99);
  const auto done = wait_for(future);
  stage.world().run_ready();
  partition->follow(BrokerId(2), Epoch(2));
  stage.world().run_ready();
  ASSERT_TRUE(done->has_value());
  EXPECT_EQ(code_of(**done), ErrorCode::not_leader_or_follower);
  EXPECT_EQ(code_of(append()), ErrorCode::not_leader_or_follower);
}

TEST_F(PartitionTest, tells_waiters_of_an_older_epoch_too) {
  PartitionAppended future = *append();
  future.last_offset = Offset(99);
  const auto done = wait_for(future);
  stage.world().run_ready();
  lead(Epoch(2));
  stage.world().run_ready();
  ASSERT_TRUE(done->has_value());
  EXPECT_EQ(code_of(**done), ErrorCode::not_leader_or_follower);
}

TEST_F(PartitionTest, begins_its_epoch_where_the_log_ends) {
  ASSERT_TRUE(append());
  lead(Epoch(5));
  EXPECT_EQ(stage.log()->epochs().latest()->epoch, Epoch(5));
  EXPECT_EQ(stage.log()->epochs().latest()->start_offset, Offset(2));
  lead(Epoch(5));  // the same again changes nothing (L12)
  EXPECT_EQ(partition->leader_state()->epoch_start(), Offset(2));
}

TEST_F(PartitionTest, fences_other_epochs) {
  lead(Epoch(5));
  EXPECT_TRUE(partition->check_leader(Epoch(5)));
  EXPECT_EQ(code_of(partition->check_leader(Epoch(4))), ErrorCode::fenced_leader_epoch);
  EXPECT_EQ(code_of(partition->check_leader(Epoch(6))), ErrorCode::unknown_leader_epoch);
}

TEST_F(PartitionTest, hides_its_latest_offset_until_its_epoch_is_committed_L11) {
  const auto held = append();
  ASSERT_TRUE(held);
  lead(Epoch(5));  // begins at 2
  if (partition->high_watermark() < Offset(2)) {
    EXPECT_EQ(code_of(partition->latest_offset(ReadBound::high_watermark)),
              ErrorCode::offset_not_available);
  }
  stage.world().run_for(1s);
  EXPECT_EQ(*partition->latest_offset(ReadBound::high_watermark), Offset(2));
}

TEST_F(PartitionTest, wakes_a_fetch_when_its_bound_moves) {
  FetchWait wait(1);
  wait.watch(*partition, 7, ReadBound::high_watermark);
  const auto woken =
      stage.start(wait.wait_until(stage.process().clock(), stage.world().now() + 10s));
  stage.world().run_ready();
  EXPECT_FALSE(woken->has_value());
  ASSERT_TRUE(append());
  ASSERT_TRUE(stage.world().run_until([&] { return woken->has_value(); }));
  EXPECT_TRUE(**woken);
  EXPECT_EQ(wait.take_moved(), std::vector<std::size_t>{7});
  EXPECT_TRUE(wait.take_moved().empty());
}

TEST_F(PartitionTest, lets_a_fetch_wait_no_longer_than_it_wants) {
  {
    FetchWait wait(1);
    wait.watch(*partition, 0, ReadBound::high_watermark);
    const auto woken =
        stage.start(wait.wait_until(stage.process().clock(), stage.world().now() + 2s));
    stage.world().run_for(3s);
    ASSERT_TRUE(woken->has_value());
    EXPECT_FALSE(**woken);
  }
  EXPECT_TRUE(partition->idle());
}

TEST_F(PartitionTest, is_idle_when_nothing_moves) {
  ASSERT_TRUE(append());
  stage.world().run_for(1s);
  EXPECT_TRUE(partition->idle());
  EXPECT_EQ(stage.process().clock().timer_count(), 0u);
}

TEST_F(PartitionTest, deletes_records_up_to_the_high_watermark) {
  ASSERT_TRUE(append());
  stage.world().run_for(1s);
  EXPECT_EQ(code_of(stage.run(partition->delete_records(Offset(3)))),
            ErrorCode::offset_out_of_range);
  EXPECT_EQ(*stage.run(partition->delete_records(Offset(1))), Offset(1));
  EXPECT_EQ(*stage.run(partition->delete_records(no_offset)), Offset(2));
}

TEST_F(PartitionTest, refuses_acks_all_below_the_minimum_isr_and_appends_nothing) {
  ASSERT_TRUE(stage.run(partition->lead(
      {.self = self, .leader_epoch = Epoch(2), .replicas = {self, BrokerId(2)}, .isr = {self}})));
  partition->configure(stage.options, 2);
  EXPECT_EQ(code_of(append()), ErrorCode::not_enough_replicas);
  EXPECT_EQ(stage.log()->log_end(), Offset(0));
  EXPECT_TRUE(append(RequiredAcks::leader));
}

TEST_F(PartitionTest, answers_that_its_directory_is_gone) {
  PartitionAppended future = *append();
  future.last_offset = Offset(99);
  const auto done = wait_for(future);
  stage.world().run_for(1s);
  stage.machine().faults().fails = [](std::string_view operation, const std::string&) {
    return operation == "sync";
  };
  ASSERT_TRUE(append(RequiredAcks::leader));
  stage.world().run_for(1s);
  ASSERT_TRUE(done->has_value());
  EXPECT_EQ(code_of(**done), ErrorCode::kafka_storage_error);
  EXPECT_EQ(code_of(append()), ErrorCode::kafka_storage_error);
}

TEST_F(PartitionTest, answers_that_the_topic_is_gone) {
  stage.run(partition->retire(Gone::deleted));
  EXPECT_EQ(code_of(append()), ErrorCode::unknown_topic_or_partition);
  partition.reset();
}

}  // namespace
}  // namespace cairn::partition
