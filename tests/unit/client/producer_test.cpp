// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/client/producer.hpp>
#include <cairn/runtime/asio.hpp>

#include "fake_cluster.hpp"

namespace cairn::client {
namespace {

using protocol::ApiKey;
using runtime::Shard;
using runtime::Task;
using testing::Asked;
using testing::FakeCluster;
using testing::Reply;

ProducerOptions small_batches() {
  ProducerOptions options;
  options.linger = Duration::zero();
  options.batch_size = 200;
  options.delivery_timeout = seconds(10);
  return options;
}

ProducerRecord to_partition(const std::string& value, std::int32_t partition = 0) {
  ProducerRecord record;
  record.topic = FakeCluster::topic;
  record.partition = PartitionIndex(partition);
  record.value = as_bytes(value);
  return record;
}

std::vector<std::string> numbered(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; i++) out.push_back(fmt::format("record {:06}", i));
  return out;
}

/// Answers every partition of a produce request with an error, without appending.
Reply refuse_all(const Asked& asked, ErrorCode code) {
  const auto request = protocol::decode<protocol::ProduceRequest>(asked.body, asked.version);
  protocol::ProduceResponse response;
  for (const auto& topic : request->topic_data) {
    auto& out = response.responses.emplace_back();
    out.name = topic.name;
    out.topic_id = topic.topic_id;
    for (const auto& partition : topic.partition_data) {
      auto& answer = out.partition_responses.emplace_back();
      answer.index = partition.index;
      answer.error_code = code;
      answer.base_offset = -1;
    }
  }
  return testing::answer(response, asked.version);
}

Task<> send_all(Producer& producer, std::vector<std::string> values,
                std::vector<Delivery>& deliveries) {
  for (const auto& value : values) {
    auto sent = co_await producer.send(to_partition(value));
    EXPECT_TRUE(sent);
    if (sent) deliveries.push_back(*sent);
    // Lets the sender in between, so that several requests are under way.
    co_await producer.cluster().shard().clock().sleep_until(producer.cluster().now());
  }
}

Task<> deliver_in_order(Shard& shard, FakeCluster::Script script, ProducerOptions options) {
  FakeCluster cluster(shard, 1);
  cluster.script = std::move(script);
  Producer producer(shard, cluster, testing::quick_client(), options);
  const auto values = numbered(300);
  std::vector<Delivery> deliveries;
  co_await send_all(producer, values, deliveries);
  const auto flushed = co_await producer.close(shard.clock().now() + seconds(20));
  EXPECT_TRUE(flushed);
  EXPECT_EQ(cluster.log(0).values, values);
  for (std::size_t i = 0; i < deliveries.size(); i++) {
    const auto result = deliveries[i].result();
    EXPECT_TRUE(result);
    if (result && result->offset != no_offset) {
      EXPECT_EQ(result->offset.value(), static_cast<std::int64_t>(i));
    }
  }
  co_await cluster.stop();
}

TEST(Producer, delivers_in_order_and_tells_offsets) {
  runtime::asio::run_until_done(
      [](Shard& shard) { return deliver_in_order(shard, nullptr, small_batches()); });
}

TEST(Producer, keeps_order_without_idempotence_when_the_leader_moves) {
  auto options = small_batches();
  options.idempotent = false;
  options.acks = Acks::leader;
  auto produced = std::make_shared<int>(0);
  const auto script = [produced](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::produce || ++*produced % 3 != 0) return std::nullopt;
    return refuse_all(asked, ErrorCode::not_leader_or_follower);
  };
  runtime::asio::run_until_done(
      [&](Shard& shard) { return deliver_in_order(shard, script, options); });
}

/// Connections cut before and after the append, refusals that pass, forgotten sequences: in any
/// mix, every record is in the log once, in order.
Task<> survive_faults(Shard& shard, std::uint64_t seed) {
  FakeCluster cluster(shard, 1);
  Random random(seed);
  cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::produce) return std::nullopt;
    const auto dice = random.below(10);
    if (dice == 0) return testing::cut();
    if (dice == 1) {
      cluster.produce(asked);
      return testing::cut();
    }
    if (dice == 2) return refuse_all(asked, ErrorCode::not_leader_or_follower);
    if (dice == 3) return refuse_all(asked, ErrorCode::not_enough_replicas);
    return std::nullopt;
  };
  Producer producer(shard, cluster, testing::quick_client(), small_batches());
  const auto values = numbered(400);
  std::vector<Delivery> deliveries;
  co_await send_all(producer, values, deliveries);
  const auto flushed = co_await producer.close(shard.clock().now() + seconds(20));
  EXPECT_TRUE(flushed) << "seed " << seed;
  EXPECT_EQ(cluster.log(0).values, values) << "seed " << seed;
  EXPECT_GT(producer.statistics().retries, 0u);
  co_await cluster.stop();
}

TEST(Producer, writes_each_record_once_and_in_order_whatever_fails) {
  for (std::uint64_t seed = 1; seed <= 12; seed++) {
    runtime::asio::run_until_done([&](Shard& shard) { return survive_faults(shard, seed); });
  }
}

Task<> bump_the_epoch(Shard& shard) {
  FakeCluster cluster(shard, 2);
  int produced = 0;
  cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::produce || ++produced != 4) return std::nullopt;
    cluster.log(0).producers.clear();  // retention took all of the producer's batches
    return refuse_all(asked, ErrorCode::unknown_producer_id);
  };
  Producer producer(shard, cluster, testing::quick_client(), small_batches());
  const auto values = numbered(100);
  std::vector<Delivery> deliveries;
  co_await send_all(producer, values, deliveries);
  const auto flushed = co_await producer.close(shard.clock().now() + seconds(20));
  EXPECT_TRUE(flushed);
  EXPECT_EQ(cluster.log(0).values, values);
  EXPECT_EQ(cluster.count(ApiKey::init_producer_id), 1) << "the epoch is raised by the client";
  EXPECT_EQ(cluster.log(0).producers.begin()->second.first, 1);
  co_await cluster.stop();
}

TEST(Producer, begins_its_sequences_again_under_a_newer_epoch_when_the_broker_lost_them) {
  runtime::asio::run_until_done([](Shard& shard) { return bump_the_epoch(shard); });
}

Task<> group_by_broker(Shard& shard) {
  FakeCluster cluster(shard, 4);
  auto options = small_batches();
  options.linger = milliseconds(20);
  options.batch_size = 10000;
  Producer producer(shard, cluster, testing::quick_client(), options);
  for (std::int32_t i = 0; i < 40; i++) {
    const std::string value = "v";
    const auto sent = co_await producer.send(to_partition(value, i % 4));
    EXPECT_TRUE(sent);
  }
  EXPECT_TRUE(co_await producer.flush());
  EXPECT_EQ(cluster.count(ApiKey::produce), 1) << "one request for all partitions of a broker";
  for (std::int32_t i = 0; i < 4; i++) {
    EXPECT_EQ(cluster.log(i).batch_sizes, std::vector<std::size_t>{10}) << i;
  }
  EXPECT_TRUE(co_await producer.close(shard.clock().now() + seconds(5)));
  co_await cluster.stop();
}

TEST(Producer, puts_the_batches_of_a_broker_into_one_request) {
  runtime::asio::run_until_done([](Shard& shard) { return group_by_broker(shard); });
}

/// Whoever learns that all was delivered sends again at once, before the sender looks again.
Task<> send_when_delivered(Shard& shard) {
  FakeCluster cluster(shard, 1);
  std::size_t most_of_a_partition = 0;
  cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::produce) return std::nullopt;
    const auto request = protocol::decode<protocol::ProduceRequest>(asked.body, asked.version);
    for (const auto& topic : request->topic_data) {
      most_of_a_partition = std::max(most_of_a_partition, topic.partition_data.size());
    }
    return std::nullopt;
  };
  Producer producer(shard, cluster, testing::quick_client(), small_batches());
  std::vector<Delivery> deliveries;
  for (const int count : {1, 40}) {
    for (const auto& value : numbered(count)) {
      auto sent = co_await producer.send(to_partition(value));
      EXPECT_TRUE(sent);
      if (sent) deliveries.push_back(*sent);
    }
    auto last = co_await deliveries.back().wait();
    EXPECT_TRUE(last);
  }
  EXPECT_EQ(most_of_a_partition, 1U);
  for (std::size_t i = 0; i < deliveries.size(); i++) {
    const auto result = deliveries[i].result();
    EXPECT_TRUE(result);
    if (result) EXPECT_EQ(result->offset.value(), static_cast<std::int64_t>(i));
  }
  EXPECT_TRUE(co_await producer.close(shard.clock().now() + seconds(5)));
  co_await cluster.stop();
}

TEST(Producer, sends_one_batch_of_a_partition_in_a_request) {
  runtime::asio::run_until_done([](Shard& shard) { return send_when_delivered(shard); });
}

Task<> push_back(Shard& shard) {
  FakeCluster cluster(shard, 1);
  bool open = false;
  cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::produce || open) return std::nullopt;
    return refuse_all(asked, ErrorCode::not_enough_replicas);
  };
  auto options = small_batches();
  options.batch_size = 1000;
  options.max_request_size = 4000;
  options.buffer_memory = 8000;
  options.max_block = milliseconds(30);
  Producer producer(shard, cluster, testing::quick_client(), options);
  const std::string value(900, 'x');
  int taken = 0;
  Result<Delivery> sent = fail(ErrorCode::none);
  do {
    sent = co_await producer.send(to_partition(value));
    taken += sent.has_value();
  } while (sent && taken < 100);
  EXPECT_LT(taken, 9) << "buffer.memory bounds what is taken";
  EXPECT_EQ(sent.error().code, ErrorCode::request_timed_out);
  open = true;
  EXPECT_TRUE(co_await producer.flush());
  EXPECT_EQ(std::ssize(cluster.log(0).values), taken);
  EXPECT_TRUE(co_await producer.send(to_partition(value))) << "there is room again";
  EXPECT_TRUE(co_await producer.close(shard.clock().now() + seconds(5)));
  co_await cluster.stop();
}

TEST(Producer, pushes_back_when_its_memory_is_full) {
  runtime::asio::run_until_done([](Shard& shard) { return push_back(shard); });
}

Task<> split_too_large(Shard& shard) {
  FakeCluster cluster(shard, 1);
  cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::produce || asked.body.size() < 600) return std::nullopt;
    return refuse_all(asked, ErrorCode::message_too_large);
  };
  auto options = small_batches();
  options.linger = milliseconds(10);
  options.batch_size = 5000;
  Producer producer(shard, cluster, testing::quick_client(), options);
  const auto values = numbered(100);
  std::vector<Delivery> deliveries;
  for (const auto& value : values) {
    const auto sent = co_await producer.send(to_partition(value));
    EXPECT_TRUE(sent);
    if (sent) deliveries.push_back(*sent);
  }
  const std::string huge(900, 'x');
  const auto hopeless = co_await producer.send(to_partition(huge));
  EXPECT_TRUE(hopeless);
  static_cast<void>(co_await producer.flush());
  EXPECT_EQ(cluster.log(0).values, values);
  EXPECT_EQ(hopeless->result().error().code, ErrorCode::message_too_large);
  for (std::size_t i = 0; i < deliveries.size(); i++) {
    EXPECT_EQ(deliveries[i].result()->offset.value(), static_cast<std::int64_t>(i));
  }
  static_cast<void>(co_await producer.close(shard.clock().now() + seconds(5)));
  co_await cluster.stop();
}

TEST(Producer, splits_batches_that_are_too_large_and_fails_only_the_record_that_is) {
  runtime::asio::run_until_done([](Shard& shard) { return split_too_large(shard); });
}

Task<> time_out(Shard& shard) {
  FakeCluster cluster(shard, 1);
  cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::produce) return std::nullopt;
    return refuse_all(asked, ErrorCode::not_enough_replicas);
  };
  auto options = small_batches();
  options.delivery_timeout = milliseconds(40);
  Producer producer(shard, cluster, testing::quick_client(), options);
  const std::string value = "v";
  const auto sent = co_await producer.send(to_partition(value));
  EXPECT_TRUE(sent);
  const auto result = co_await sent->wait();
  EXPECT_FALSE(result);
  static_cast<void>(co_await producer.close(shard.clock().now() + seconds(5)));
  co_await cluster.stop();
}

TEST(Producer, gives_up_after_the_delivery_timeout) {
  runtime::asio::run_until_done([](Shard& shard) { return time_out(shard); });
}

Task<> without_acks(Shard& shard) {
  FakeCluster cluster(shard, 1);
  auto options = small_batches();
  options.acks = Acks::none;
  options.idempotent = false;
  Producer producer(shard, cluster, testing::quick_client(), options);
  const auto values = numbered(50);
  std::vector<Delivery> deliveries;
  co_await send_all(producer, values, deliveries);
  EXPECT_TRUE(co_await producer.flush());
  EXPECT_EQ(deliveries.back().result()->offset, no_offset);
  co_await shard.clock().sleep_for(milliseconds(5));
  EXPECT_EQ(cluster.log(0).values, values);
  EXPECT_TRUE(co_await producer.close(shard.clock().now() + seconds(5)));
  co_await cluster.stop();
}

TEST(Producer, expects_no_answer_with_acks_0) {
  runtime::asio::run_until_done([](Shard& shard) { return without_acks(shard); });
}

}  // namespace
}  // namespace cairn::client
