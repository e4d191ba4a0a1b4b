// SPDX-License-Identifier: Apache-2.0
// A stage for consumer tests: a fake cluster with a group coordinator, in simulated time, and
// members that poll. Owner: the test.
#pragma once

#include <gtest/gtest.h>

#include <cairn/client/consumer.hpp>

#include "fake_group.hpp"
#include "unit/runtime/backends.hpp"

namespace cairn::client::testing {

using namespace std::chrono_literals;
using runtime::Task;

struct Stage {
  Stage(runtime::Shard& on, std::int32_t partitions)
      : shard(on), cluster(on, partitions), group(on, cluster) {}

  /// Waits for it in steps of simulated time; whether it came.
  Task<bool> eventually(std::function<bool()> holds, Duration limit = 60s) {
    const Instant end = shard.clock().now() + limit;
    while (!holds()) {
      if (shard.clock().now() >= end) co_return false;
      co_await shard.clock().sleep_for(5ms);
    }
    co_return true;
  }
  Task<> pass(Duration time) { co_await shard.clock().sleep_for(time); }
  Task<> stop() {
    co_await group.stop();
    co_await cluster.stop();
  }

  runtime::Shard& shard;
  FakeCluster cluster;
  FakeGroup group;
};

/// Runs a test's body on a stage.
inline void on_stage(std::int32_t partitions, const std::function<Task<>(Stage&)>& body) {
  struct Run {
    static Task<> all(runtime::Shard& shard, std::int32_t count,
                      std::function<Task<>(Stage&)> test) {
      Stage stage(shard, count);
      co_await test(stage);
      co_await stage.stop();
    }
  };
  runtime::testing::SimulatedBackend::run(
      [&](runtime::testing::Seams& seams) { return Run::all(seams.shard, partitions, body); });
}

inline TopicPartition part(std::int32_t index) {
  return {FakeCluster::topic, PartitionIndex(index)};
}

inline ConsumerOptions grouped(AssignorKind assignor = AssignorKind::range) {
  ConsumerOptions options;
  options.group_id = FakeGroup::id;
  options.offset_reset = OffsetReset::earliest;
  options.assignors = {assignor};
  options.session_timeout = 10s;
  return options;
}

/// Notes what it is told: "assigned 0 1", "revoked 1", "lost".
struct Listener : RebalanceListener {
  std::vector<std::string> events;

  Task<> assigned(std::vector<TopicPartition> partitions) override {
    return note("assigned", std::move(partitions));
  }
  Task<> revoked(std::vector<TopicPartition> partitions) override {
    return note("revoked", std::move(partitions));
  }
  Task<> lost(std::vector<TopicPartition> partitions) override {
    return note("lost", std::move(partitions));
  }
  Task<> note(std::string what, std::vector<TopicPartition> partitions) {
    for (const auto& partition : partitions) what += fmt::format(" {}", partition.partition);
    events.push_back(what);
    co_return;
  }
};

/// A consumer that is polled beside the test until it is stopped.
struct Member {
  Member(Stage& on, ConsumerOptions options, bool subscribes = true)
      : stage(on),
        consumer(on.shard, on.cluster, quick_client(), std::move(options)),
        tasks(on.shard.context()) {
    if (subscribes) EXPECT_TRUE(consumer.subscribe({FakeCluster::topic}, &listener));
  }

  void start() {
    polling = true;
    tasks.spawn(poll());
  }
  Task<> halt() {
    polling = false;
    consumer.wakeup();
    co_await tasks.join();
  }
  Task<Result<>> close() {
    co_await halt();
    co_return co_await consumer.close();
  }
  /// The indexes of its partitions.
  std::vector<int> has() const {
    std::vector<int> out;
    for (const auto& partition : consumer.assignment()) out.push_back(partition.partition.value());
    return out;
  }

  Task<> poll() {
    while (polling) {
      const auto polled = co_await consumer.poll(100ms);
      if (!polled) {
        failures.push_back(polled.error().code);
        co_await stage.pass(50ms);
        continue;
      }
      for (const auto& records : *polled) {
        for (const auto& record : records.records) values.emplace_back(as_text(*record.value));
      }
    }
  }

  Stage& stage;
  Listener listener;
  Consumer consumer;
  bool polling = false;
  std::vector<std::string> values;
  std::vector<ErrorCode> failures;
  runtime::TaskGroup tasks;
};

/// "0:0", "0:1", ... for a partition.
inline std::vector<std::string> numbered(std::int32_t partition, int from, int to) {
  std::vector<std::string> out;
  for (int i = from; i < to; ++i) out.push_back(fmt::format("{}:{}", partition, i));
  return out;
}

}  // namespace cairn::client::testing
