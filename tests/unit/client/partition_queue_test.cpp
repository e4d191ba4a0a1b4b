// SPDX-License-Identifier: Apache-2.0
#include "src/client/partition_queue.hpp"

#include <gtest/gtest.h>

namespace cairn::client {
namespace {

using Hurry = PartitionQueue::Hurry;

class PartitionQueueTest : public ::testing::Test {
 protected:
  PartitionQueueTest() {
    options.batch_size = 400;
    options.linger = milliseconds(5);
    options.delivery_timeout = seconds(10);
  }

  Delivery add(const std::string& value = std::string(100, 'x')) {
    RecordToSend record;
    record.value = as_bytes(value);
    record.timestamp = 1000;
    auto appended = queue().append(record, now);
    held += appended.bytes;
    return appended.delivery;
  }
  void add_batches(int count) {
    for (int i = 0; i < count * 3; i++) add();  // three records of 100 bytes fill a batch
  }
  /// The leader has one batch of the producer, so it will notice a gap.
  void become_known() {
    add_batches(1);
    acknowledge(queue().take(identity), 0);
  }
  PartitionQueue& queue() {
    if (!queue_) queue_.emplace(TopicPartition{"t", PartitionIndex(0)}, options);
    return *queue_;
  }
  bool ready(Hurry hurry = Hurry::no) {
    const auto at = queue().ready_at(hurry);
    return at && *at <= now;
  }
  void acknowledge(PendingBatch& batch, std::int64_t offset) {
    held -= queue().acknowledged(batch, Offset(offset), no_timestamp, now);
  }
  void retry(PendingBatch& batch) {
    held -= queue().retry(batch, {ErrorCode::not_leader_or_follower, ""}, Outcome::refused,
                          Duration::zero(), now);
  }

  ProducerOptions options;
  Instant now{std::chrono::hours(1)};
  Identity identity{ProducerId(9), ProducerEpoch(0)};
  std::size_t held = 0;

 private:
  std::optional<PartitionQueue> queue_;
};

TEST_F(PartitionQueueTest, lingers_with_a_batch_that_is_not_full) {
  add();
  EXPECT_FALSE(ready());
  EXPECT_TRUE(ready(Hurry::yes));
  now += milliseconds(5);
  EXPECT_TRUE(ready());
}

TEST_F(PartitionQueueTest, goes_no_further_than_a_leader_remembers_beyond_one_that_is_unanswered) {
  become_known();
  add_batches(8);
  std::vector<PendingBatch*> sent;
  while (ready()) sent.push_back(&queue().take(identity));
  ASSERT_EQ(sent.size(), 5U);
  for (std::size_t i = 1; i < sent.size(); i++) acknowledge(*sent[i], std::int64_t(i) * 3);
  EXPECT_FALSE(ready()) << "a sixth would make the leader forget the first";
  retry(*sent[0]);
  ASSERT_TRUE(ready());
  PendingBatch& again = queue().take(identity);
  EXPECT_EQ(again.base_sequence, 3);
  EXPECT_FALSE(ready());
  acknowledge(again, 3);
  EXPECT_TRUE(ready());
}

TEST_F(PartitionQueueTest, sends_the_first_batch_of_an_identity_alone) {
  add_batches(3);
  ASSERT_TRUE(ready());
  PendingBatch& first = queue().take(identity);
  EXPECT_FALSE(ready())
      << "a leader that does not know the producer would take the second for the first";
  acknowledge(first, 0);
  EXPECT_TRUE(ready());
}

TEST_F(PartitionQueueTest, sends_a_full_batch_at_once_and_draws_sequences_without_gaps) {
  add_batches(3);
  ASSERT_TRUE(ready());
  std::int32_t next = 0;
  for (int i = 0; i < 3; i++) {
    const PendingBatch& batch = queue().take(identity);
    EXPECT_EQ(batch.base_sequence, next);
    next += batch.builder.record_count();
    now += milliseconds(10);
  }
  EXPECT_EQ(next, 9);
}

TEST_F(PartitionQueueTest, has_at_most_five_batches_under_way_with_idempotence) {
  become_known();
  add_batches(7);
  for (int i = 0; i < 5; i++) {
    ASSERT_TRUE(ready());
    queue().take(identity);
  }
  EXPECT_FALSE(queue().ready_at(Hurry::yes));
}

TEST_F(PartitionQueueTest, has_one_batch_under_way_without_idempotence) {
  options.idempotent = false;
  add_batches(3);
  PendingBatch& first = queue().take({});
  EXPECT_FALSE(queue().ready_at(Hurry::yes));
  acknowledge(first, 0);
  EXPECT_TRUE(ready(Hurry::yes));
}

TEST_F(PartitionQueueTest, sends_again_in_order_and_alone) {
  add_batches(4);
  PendingBatch& first = queue().take(identity);
  PendingBatch& second = queue().take(identity);
  PendingBatch& third = queue().take(identity);
  retry(second);
  EXPECT_FALSE(queue().ready_at(Hurry::yes)) << "the first and third are still unanswered";
  retry(first);
  retry(third);
  for (const std::int32_t sequence : {0, 3, 6}) {
    ASSERT_TRUE(ready());
    PendingBatch& again = queue().take(identity);
    EXPECT_EQ(again.base_sequence, sequence);
    if (sequence < 6) {
      EXPECT_FALSE(queue().ready_at(Hurry::yes)) << "one after another";
    }
    acknowledge(again, sequence);
  }
  EXPECT_EQ(queue().take(identity).base_sequence, 9);
}

TEST_F(PartitionQueueTest, tells_each_record_its_offset) {
  const auto first = add();
  const auto second = add();
  now += milliseconds(5);
  PendingBatch& batch = queue().take(identity);
  EXPECT_FALSE(first.settled());
  acknowledge(batch, 40);
  ASSERT_TRUE(second.settled());
  EXPECT_EQ(first.result()->offset.value(), 40);
  EXPECT_EQ(second.result()->offset.value(), 41);
  EXPECT_EQ(second.result()->timestamp, 1000);
  EXPECT_EQ(held, 0u);
}

TEST_F(PartitionQueueTest, splits_a_batch_and_still_tells_each_record_its_offset) {
  std::vector<Delivery> deliveries;
  for (int i = 0; i < 3; i++) deliveries.push_back(add(fmt::format("value {}", i)));
  now += milliseconds(5);
  PendingBatch& whole = queue().take(identity);
  ASSERT_TRUE(queue().split(whole));
  PendingBatch& left = queue().take(identity);
  EXPECT_EQ(left.base_sequence, 0);
  EXPECT_EQ(left.builder.record_count(), 1);
  acknowledge(left, 10);
  PendingBatch& right = queue().take(identity);
  EXPECT_EQ(right.base_sequence, 1);
  EXPECT_FALSE(deliveries[0].settled()) << "a fate is settled as a whole";
  acknowledge(right, 20);
  EXPECT_EQ(deliveries[0].result()->offset.value(), 10);
  EXPECT_EQ(deliveries[1].result()->offset.value(), 20);
  EXPECT_EQ(deliveries[2].result()->offset.value(), 21);
  EXPECT_EQ(held, 0u);
}

TEST_F(PartitionQueueTest, does_not_split_a_single_record) {
  add();
  PendingBatch& batch = queue().take(identity);
  EXPECT_FALSE(queue().split(batch));
}

TEST_F(PartitionQueueTest, gives_up_what_is_older_than_the_delivery_timeout) {
  const auto waiting = add();
  now += seconds(10);
  held -= queue().expire(now);
  ASSERT_TRUE(waiting.settled());
  EXPECT_EQ(waiting.result().error().code, ErrorCode::request_timed_out);
  EXPECT_FALSE(queue().needs_identity()) << "it was never sent: its sequence was never drawn";
  EXPECT_EQ(held, 0u);
}

TEST_F(PartitionQueueTest, needs_a_new_identity_after_giving_up_what_may_be_in_the_log) {
  add_batches(2);
  PendingBatch& first = queue().take(identity);
  held -= queue().failed(first, {ErrorCode::request_timed_out, ""}, Outcome::unknown, now);
  EXPECT_TRUE(queue().needs_identity());
  EXPECT_FALSE(queue().ready_at(Hurry::yes));
  const Identity fresh{ProducerId(9), ProducerEpoch(1)};
  queue().renew(fresh);
  const PendingBatch& next = queue().take(fresh);
  EXPECT_EQ(next.base_sequence, 0);
  EXPECT_EQ(next.identity, fresh);
}

TEST_F(PartitionQueueTest, draws_the_sequence_of_a_refused_last_batch_again) {
  add_batches(2);
  PendingBatch& first = queue().take(identity);
  queue().failed(first, {ErrorCode::invalid_record, ""}, Outcome::refused, now);
  EXPECT_FALSE(queue().needs_identity());
  EXPECT_EQ(queue().take(identity).base_sequence, 0);
}

TEST_F(PartitionQueueTest, blames_the_eldest_unanswered_batch_for_a_broken_sequence) {
  add_batches(3);
  PendingBatch& first = queue().take(identity);
  PendingBatch& second = queue().take(identity);
  EXPECT_FALSE(queue().sequence_broken(second)) << "the first may simply not have arrived";
  retry(second);
  EXPECT_TRUE(queue().sequence_broken(first));
  retry(first);
  EXPECT_TRUE(queue().needs_identity());
  const Identity fresh{ProducerId(9), ProducerEpoch(1)};
  queue().renew(fresh);
  PendingBatch& again = queue().take(fresh);
  EXPECT_EQ(again.order, 0u);
  EXPECT_EQ(again.base_sequence, 0);
  acknowledge(again, 0);
  EXPECT_EQ(queue().take(fresh).base_sequence, 3);
}

TEST_F(PartitionQueueTest, keeps_its_identity_while_batches_of_it_are_unanswered) {
  add_batches(3);
  PendingBatch& first = queue().take(identity);
  const Identity newer{ProducerId(9), ProducerEpoch(4)};
  PendingBatch& second = queue().take(newer);
  EXPECT_EQ(second.identity, identity);
  acknowledge(first, 0);
  acknowledge(second, 3);
  const PendingBatch& third = queue().take(newer);
  EXPECT_EQ(third.identity, newer);
  EXPECT_EQ(third.base_sequence, 0);
}

TEST_F(PartitionQueueTest, never_uses_the_sequence_of_a_batch_that_may_be_written_again) {
  options.idempotent = true;
  add_batches(1);
  PendingBatch& first = queue().take(identity);
  const auto sequence = first.base_sequence;
  queue().retry(first, {ErrorCode::network_exception, ""}, Outcome::unknown, Duration::zero(), now);
  PendingBatch& again = queue().take(identity);
  now += options.delivery_timeout;
  retry(again);  // refused this time, and given up
  add_batches(1);
  EXPECT_TRUE(queue().needs_identity());
  EXPECT_FALSE(ready());
  const Identity newer{identity.id, ProducerEpoch(1)};
  queue().renew(newer);
  PendingBatch& next = queue().take(newer);
  EXPECT_EQ(next.base_sequence, 0);
  EXPECT_EQ(next.identity, newer);
  EXPECT_EQ(sequence, 0);
}

TEST_F(PartitionQueueTest, settles_what_may_be_written_before_it_takes_a_new_identity) {
  options.idempotent = true;
  add_batches(2);
  PendingBatch& first = queue().take(identity);
  PendingBatch& second = queue().take(identity);
  const auto sequence = second.base_sequence;
  const Error broke_off{ErrorCode::network_exception, ""};
  queue().failed(first, broke_off, Outcome::unknown, now);
  queue().retry(second, broke_off, Outcome::unknown, Duration::zero(), now);
  EXPECT_FALSE(queue().needs_identity()) << "under a newer one it could be stored twice";
  ASSERT_TRUE(ready());
  PendingBatch& again = queue().take(identity);
  EXPECT_EQ(again.base_sequence, sequence);
  EXPECT_TRUE(queue().sequence_broken(again)) << "the log does not have it";
  retry(again);
  EXPECT_TRUE(queue().needs_identity());
}

TEST_F(PartitionQueueTest, gives_the_sequence_of_a_batch_that_was_refused_to_the_next_one) {
  options.idempotent = true;
  add_batches(1);
  PendingBatch& first = queue().take(identity);
  now += options.delivery_timeout;
  retry(first);
  add_batches(1);
  EXPECT_FALSE(queue().needs_identity());
  EXPECT_EQ(queue().take(identity).base_sequence, 0);
}

}  // namespace
}  // namespace cairn::client
