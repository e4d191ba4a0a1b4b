// SPDX-License-Identifier: Apache-2.0
// What is committed when, what runs side by side, and what a rebalance does to it.
#include <cairn/client/processor.hpp>

#include "consuming.hpp"

namespace cairn::client {
namespace processor_test {

using namespace testing;
using Strings = std::vector<std::string>;

/// Notes what it processes; held partitions wait until they are let go.
struct Work : Handler {
  explicit Work(Stage& on) : stage(on) {}

  Task<Result<>> process(const PolledRecords& records) override {
    const int partition = records.partition.partition.value();
    begun.push_back(partition);
    committed_at_begin.push_back(stage.group.committed(partition));
    ++running[partition];
    most_at_once = std::max(most_at_once, running[partition]);
    while (held.contains(partition)) {
      if (!co_await changed.wait()) break;
    }
    if (takes > Duration::zero()) co_await stage.pass(takes);
    --running[partition];
    if (fails_at && as_text(*records.records.front().value) == *fails_at) {
      co_return fail(ErrorCode::unknown_server_error, "the handler refused");
    }
    for (const auto& record : records.records) values.emplace_back(as_text(*record.value));
    co_return Result<>{};
  }
  void let_go(int partition) {
    held.erase(partition);
    changed.set();
  }
  Strings of(int partition) const {
    Strings out;
    const auto prefix = fmt::format("{}:", partition);
    std::ranges::copy_if(values, back_inserter(out),
                         [&](const auto& value) { return value.starts_with(prefix); });
    return out;
  }

  Stage& stage;
  std::set<int> held;
  runtime::Event changed;
  Duration takes{};
  std::optional<std::string> fails_at;
  std::map<int, int> running;
  int most_at_once = 0;
  std::vector<int> begun;
  std::vector<std::int64_t> committed_at_begin;
  Strings values;
};

/// A processor that runs beside the test.
struct Running {
  Running(Stage& stage, ProcessorOptions options, AssignorKind assignor = AssignorKind::range,
          std::size_t poll_records = 5)
      : work(stage),
        consumer(stage.shard, stage.cluster, quick_client(),
                 consumer_options(assignor, poll_records)),
        processor(stage.shard, consumer, work, options),
        tasks(stage.shard.context()) {
    EXPECT_TRUE(processor.subscribe({FakeCluster::topic}));
  }
  static ConsumerOptions consumer_options(AssignorKind assignor, std::size_t poll_records) {
    auto options = grouped(assignor);
    options.auto_commit = false;
    options.max_poll_records = poll_records;
    options.heartbeat_interval = 1s;
    return options;
  }
  void start() { tasks.spawn(run()); }
  Task<> run() {
    result = co_await processor.run();
    ended = true;
  }
  Task<> stop() {
    processor.stop();
    co_await tasks.join();
  }

  Work work;
  Consumer consumer;
  Processor processor;
  Result<> result;
  bool ended = false;
  runtime::TaskGroup tasks;
};

ProcessorOptions with(Guarantee guarantee, std::size_t queued_polls = 4) {
  return {.guarantee = guarantee, .queued_polls = queued_polls, .commit_interval = 1s};
}

Task<> after_processing(Stage& stage) {
  stage.group.put(0, 5);
  Running running(stage, with(Guarantee::at_least_once));
  running.work.held = {0};
  running.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return !running.work.begun.empty(); }));
  co_await stage.pass(10s);  // many commit intervals
  EXPECT_EQ(stage.group.committed(0), -1);
  running.work.let_go(0);
  EXPECT_TRUE(co_await stage.eventually([&] { return stage.group.committed(0) == 5; }, 3s));
  co_await running.stop();
  EXPECT_TRUE(running.result);
}
TEST(Processor, at_least_once_commits_after_processing) { on_stage(1, after_processing); }

Task<> before_processing(Stage& stage) {
  stage.group.put(0, 20);
  Running running(stage, with(Guarantee::at_most_once));
  running.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return running.work.values.size() == 20; }));
  EXPECT_GE(running.work.committed_at_begin.at(0), 5);
  EXPECT_EQ(running.work.values, numbered(0, 0, 20));
  co_await running.stop();
  EXPECT_TRUE(running.result);
  EXPECT_EQ(stage.group.committed(0), 20);
}
TEST(Processor, at_most_once_commits_before_processing) { on_stage(1, before_processing); }

/// Nothing behind the failure is committed at least once, all that was begun at most once.
template <Guarantee guarantee>
Task<> handler_fails(Stage& stage) {
  stage.group.put(0, 30);
  Running running(stage, with(guarantee));
  running.work.fails_at = "0:10";
  running.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return running.ended; }));
  EXPECT_EQ(running.result.error().code, ErrorCode::unknown_server_error);
  EXPECT_EQ(running.work.values, numbered(0, 0, 10));
  if (guarantee == Guarantee::at_least_once) {
    EXPECT_EQ(stage.group.committed(0), 10);
  } else {
    EXPECT_GE(stage.group.committed(0), 15);
  }
  EXPECT_EQ(stage.group.described().group_state, "Empty");
  co_await running.stop();
}
TEST(Processor, a_handler_that_fails_ends_it_with_what_was_done_committed) {
  on_stage(1, handler_fails<Guarantee::at_least_once>);
  on_stage(1, handler_fails<Guarantee::at_most_once>);
}

Task<> side_by_side(Stage& stage) {
  for (int p = 0; p < 3; ++p) stage.group.put(p, 40);
  Running running(stage, with(Guarantee::at_least_once));
  running.work.held = {1};
  running.work.takes = 10ms;
  running.start();
  EXPECT_TRUE(co_await stage.eventually(
      [&] { return running.work.of(0).size() == 40 && running.work.of(2).size() == 40; }));
  EXPECT_TRUE(running.work.of(1).empty());
  running.work.let_go(1);
  EXPECT_TRUE(co_await stage.eventually([&] { return running.work.of(1).size() == 40; }));
  for (int p = 0; p < 3; ++p) EXPECT_EQ(running.work.of(p), numbered(p, 0, 40));
  EXPECT_EQ(running.work.most_at_once, 1);  // of a partition
  co_await running.stop();
  for (int p = 0; p < 3; ++p) EXPECT_EQ(stage.group.committed(p), 40);
}
TEST(Processor, partitions_do_not_wait_for_each_other_and_keep_their_order) {
  on_stage(3, side_by_side);
}

Task<> full_queue(Stage& stage) {
  stage.group.put(0, 100);
  stage.group.put(1, 100);
  Running running(stage, with(Guarantee::at_least_once, 2));
  running.work.held = {0};
  running.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return running.work.of(1).size() == 100; }));
  EXPECT_EQ(running.consumer.paused(), std::set<TopicPartition>{part(0)});
  EXPECT_LE(running.consumer.position(part(0)), Offset(15));  // one in work and two that wait
  running.work.let_go(0);
  EXPECT_TRUE(co_await stage.eventually([&] { return running.work.of(0).size() == 100; }));
  EXPECT_EQ(running.work.of(0), numbered(0, 0, 100));
  EXPECT_TRUE(running.consumer.paused().empty());
  co_await running.stop();
}
TEST(Processor, a_full_queue_pauses_its_partition_alone) { on_stage(2, full_queue); }

/// A partition is given up when its records are processed and committed: nobody reads them twice.
template <AssignorKind assignor>
Task<> hands_over(Stage& stage) {
  for (int p = 0; p < 4; ++p) stage.group.put(p, 60);
  Running one(stage, with(Guarantee::at_least_once), assignor);
  one.work.takes = 300ms;
  one.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return one.work.values.size() >= 20; }));
  Running two(stage, with(Guarantee::at_least_once), assignor);
  two.work.takes = 20ms;
  two.start();
  const auto all = [&] { return one.work.values.size() + two.work.values.size() >= 240; };
  EXPECT_TRUE(co_await stage.eventually(all, 300s));
  co_await stage.pass(5s);
  EXPECT_FALSE(one.ended || two.ended);
  co_await one.stop();
  co_await two.stop();
  EXPECT_TRUE(one.result && two.result);
  EXPECT_FALSE(two.work.values.empty());
  for (int p = 0; p < 4; ++p) {
    Strings both = one.work.of(p);
    std::ranges::copy(two.work.of(p), back_inserter(both));
    EXPECT_EQ(both, numbered(p, 0, 60)) << "partition " << p;
  }
}
TEST(Processor, hands_a_partition_over_processed_and_committed) {
  on_stage(4, hands_over<AssignorKind::range>);
  on_stage(4, hands_over<AssignorKind::cooperative_sticky>);
}

/// Whatever comes and goes, no record is processed twice at most once, none is left out at least
/// once.
template <Guarantee guarantee, AssignorKind assignor>
Task<> rebalances(Stage& stage) {
  constexpr int partitions = 4;
  constexpr int count = 400;
  std::vector<std::unique_ptr<Running>> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back(std::make_unique<Running>(stage, with(guarantee), assignor));
    all.back()->work.takes = 30ms;
    all.back()->start();
    for (int round = 0; round < 5; ++round) {
      for (int p = 0; p < partitions; ++p) stage.group.put(p, count / 20);
      co_await stage.pass(700ms);
    }
    if (i == 1) co_await all.front()->stop();
  }
  co_await stage.pass(60s);
  std::map<std::string, int> times;
  for (auto& running : all) {
    co_await running->stop();
    EXPECT_TRUE(running->result) << running->result.error().why;
    for (const auto& value : running->work.values) ++times[value];
  }
  EXPECT_EQ(times.size(), static_cast<std::size_t>(partitions * count));
  for (const auto& [value, n] : times) EXPECT_EQ(n, 1) << value;
}
TEST(Processor, an_orderly_rebalance_processes_each_record_once) {
  on_stage(4, rebalances<Guarantee::at_least_once, AssignorKind::range>);
  on_stage(4, rebalances<Guarantee::at_least_once, AssignorKind::cooperative_sticky>);
  on_stage(4, rebalances<Guarantee::at_most_once, AssignorKind::range>);
  on_stage(4, rebalances<Guarantee::at_most_once, AssignorKind::cooperative_sticky>);
}

/// The membership is gone: what waits is not processed by this one any more.
Task<> loses(Stage& stage) {
  stage.group.put(0, 20);
  Running running(stage, with(Guarantee::at_least_once));
  running.work.held = {0};
  running.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return running.work.begun.size() == 1; }));
  stage.group.remove(running.consumer.member_id());
  co_await stage.pass(5s);
  running.work.let_go(0);
  EXPECT_TRUE(co_await stage.eventually([&] { return running.work.values.size() >= 25; }));
  EXPECT_TRUE(co_await stage.eventually([&] { return stage.group.committed(0) == 20; }));
  EXPECT_FALSE(running.ended);
  // What was in work when the partition was lost, then everything from what was committed.
  Strings expected = numbered(0, 0, 5);
  std::ranges::copy(numbered(0, 0, 20), back_inserter(expected));
  EXPECT_EQ(running.work.values, expected);
  co_await running.stop();
}
TEST(Processor, what_is_lost_is_abandoned_and_read_again_from_the_commit) { on_stage(1, loses); }

/// A commit that comes at the wrong moment of a rebalance, or meets a broker in trouble, is made up
/// for.
template <Guarantee guarantee, ErrorCode code>
Task<> commit_refused(Stage& stage) {
  stage.group.put(0, 30);
  Running running(stage, with(guarantee));
  int refused = 0;
  stage.cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != protocol::ApiKey::offset_commit || ++refused > 2) return std::nullopt;
    const auto request = protocol::decode<protocol::OffsetCommitRequest>(asked.body, asked.version);
    protocol::OffsetCommitResponse response;
    auto& topic = response.topics.emplace_back();
    topic.name = request->topics.front().name;
    for (const auto& partition : request->topics.front().partitions) {
      topic.partitions.push_back({partition.partition_index, code, {}});
    }
    return answer(response, asked.version);
  };
  running.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return stage.group.committed(0) == 30; }, 120s));
  EXPECT_GE(refused, 3);
  EXPECT_FALSE(running.ended);
  co_await running.stop();
  EXPECT_TRUE(running.result) << to_string(running.result.error().code);
  std::map<std::string, int> times;
  for (const auto& value : running.work.values) ++times[value];
  EXPECT_EQ(times.size(), 30u);
  for (const auto& [value, n] : times) {
    if (guarantee == Guarantee::at_most_once) EXPECT_EQ(n, 1) << value;
  }
}
template <ErrorCode code>
void commits_are_refused() {
  on_stage(1, commit_refused<Guarantee::at_least_once, code>);
  on_stage(1, commit_refused<Guarantee::at_most_once, code>);
}
TEST(Processor, a_refused_commit_does_not_end_it) {
  commits_are_refused<ErrorCode::rebalance_in_progress>();
  commits_are_refused<ErrorCode::illegal_generation>();
  commits_are_refused<ErrorCode::unknown_member_id>();
  commits_are_refused<ErrorCode::not_coordinator>();
  commits_are_refused<ErrorCode::coordinator_load_in_progress>();
}

Task<> commit_forbidden(Stage& stage) {
  stage.group.put(0, 30);
  Running running(stage, with(Guarantee::at_least_once));
  stage.cluster.script = [](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != protocol::ApiKey::offset_commit) return std::nullopt;
    protocol::OffsetCommitResponse response;
    auto& topic = response.topics.emplace_back();
    topic.name = FakeCluster::topic;
    topic.partitions.push_back({0, ErrorCode::group_authorization_failed, {}});
    return answer(response, asked.version);
  };
  running.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return running.ended; }));
  EXPECT_EQ(running.result.error().code, ErrorCode::group_authorization_failed);
  co_await running.stop();
}
TEST(Processor, a_commit_that_is_not_allowed_ends_it) { on_stage(1, commit_forbidden); }

Task<> stops(Stage& stage) {
  stage.group.put(0, 100);
  Running running(stage, with(Guarantee::at_least_once));
  running.work.takes = 100ms;
  running.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return running.work.values.size() >= 10; }));
  co_await running.stop();
  EXPECT_TRUE(running.result);
  EXPECT_EQ(stage.group.committed(0), std::ssize(running.work.values));
  EXPECT_EQ(running.work.values, numbered(0, 0, static_cast<int>(running.work.values.size())));
  EXPECT_EQ(stage.group.described().group_state, "Empty");
}
TEST(Processor, stopping_commits_what_was_processed) { on_stage(1, stops); }

}  // namespace processor_test
}  // namespace cairn::client
