// SPDX-License-Identifier: Apache-2.0
// A partition as a follower and as a leader of followers, without the network between.
#include <cairn/partition/partition.hpp>
#include <cairn/partition/replication.hpp>

#include "../storage/stage.hpp"

namespace cairn::partition {
namespace replicas_test {

using namespace std::chrono_literals;
using runtime::Task;
using storage::testing::make_batch;
using storage::testing::Stage;

const BrokerId self(1), other(2), third(3);

Bytes batch_at(std::int64_t offset, std::int32_t epoch, int records = 2) {
  Bytes batch = make_batch({.records = records});
  record::stamp_base_offset(batch, Offset(offset));
  record::stamp_leader_epoch(batch, Epoch(epoch));
  return batch;
}
Bytes joined(const Bytes& a, const Bytes& b) {
  Bytes both = a;
  both.insert(both.end(), b.begin(), b.end());
  return both;
}

/// Answers as the test says, after a while.
class ScriptedController : public ControllerChannel {
 public:
  explicit ScriptedController(runtime::Clock& clock) : clock_(clock) {}

  Task<Result<protocol::AlterPartitionResponse>> alter_partition(
      protocol::AlterPartitionRequest request) override {
    requests.push_back(request);
    most_at_once = std::max(most_at_once, ++at_once_);
    co_await clock_.sleep_for(5ms);
    --at_once_;
    if (lost > 0) {
      --lost;
      co_return fail(ErrorCode::network_exception, "lost");
    }
    protocol::AlterPartitionResponse response;
    for (const auto& topic : request.topics) {
      auto& answered = response.topics.emplace_back();
      answered.topic_id = topic.topic_id;
      for (const auto& asked : topic.partitions) {
        auto& answer = answered.partitions.emplace_back();
        answer.partition_index = asked.partition_index;
        answer.error_code = error;
        answer.leader_epoch = asked.leader_epoch;
        answer.partition_epoch = asked.partition_epoch + 1;
        for (const auto& member : asked.new_isr_with_epochs) answer.isr.push_back(member.broker_id);
      }
    }
    co_return response;
  }

  std::vector<protocol::AlterPartitionRequest> requests;
  ErrorCode error = ErrorCode::none;
  int lost = 0;
  int most_at_once = 0;

 private:
  runtime::Clock& clock_;
  int at_once_ = 0;
};

class ReplicasTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(stage.open());
    auto image = std::make_shared<metadata::Image>();
    for (const BrokerId id : {self, other, third}) {
      metadata::Broker broker;
      broker.id = id;
      broker.epoch = BrokerEpoch(1);
      broker.fenced = false;
      image->brokers.set(id, broker);
    }
    config.node_id = self;
    config.replica.lag_time_max = 1s;
    config.replica.fetchers = 1;
    config.replica.fetch_backoff = 1s;
    controller = std::make_unique<ScriptedController>(stage.process().clock());
    replication = std::make_unique<Replication>(stage.process().shard(), stage.process().network(),
                                                *controller, config);
    replication->adopt(image);
    partition = std::make_shared<Partition>(stage.process().shard(), Uuid{77, 78}, stage.log());
    partition->connect(*replication);
    partition->configure(stage.options, 1);
  }
  void TearDown() override {
    stage.run(replication->stop());
    stage.run(partition->stop());
  }

  replication::Leadership leadership(std::int32_t epoch, std::vector<BrokerId> isr,
                                     std::int32_t partition_epoch = 1) {
    return {.self = self,
            .leader_epoch = Epoch(epoch),
            .partition_epoch = partition_epoch,
            .replicas = {self, other, third},
            .isr = std::move(isr)};
  }
  void lead(std::int32_t epoch, std::vector<BrokerId> isr, std::int32_t partition_epoch = 1) {
    ASSERT_TRUE(stage.run(partition->lead(leadership(epoch, std::move(isr), partition_epoch))));
  }
  Result<> take(const Bytes& records, std::int64_t at, std::int64_t high_watermark,
                std::int32_t epoch = 5, std::int64_t log_start = 0) {
    return stage.run(partition->take_fetched({.epoch = Epoch(epoch),
                                              .at = Offset(at),
                                              .records = records,
                                              .leader_high_watermark = Offset(high_watermark),
                                              .leader_log_start = Offset(log_start)}));
  }
  Result<> fetched_by(BrokerId follower, std::int64_t offset, std::int64_t broker_epoch = 1,
                      std::int64_t log_start = 0) {
    return partition->on_follower_fetch(follower, {.fetch_offset = Offset(offset),
                                                   .follower_log_start = Offset(log_start),
                                                   .leader_end_before = stage.log()->log_end(),
                                                   .at = stage.world().now(),
                                                   .broker_epoch = BrokerEpoch(broker_epoch)});
  }
  static Task<Result<PartitionAppended>> append_owned(std::shared_ptr<Partition> to, Bytes batch) {
    PartitionAppend append{.batches = batch};
    co_return co_await to->append(append);
  }
  Result<PartitionAppended> append() {
    return stage.run(append_owned(partition, make_batch({.records = 2})));
  }

  double counted(std::string_view changes) {
    const std::string name = fmt::format("kafka_server_replicamanager_isr{}_total", changes);
    for (const Sample& sample : stage.process().shard().metrics().samples()) {
      if (sample.name == name) return sample.value;
    }
    return -1;
  }

  Stage stage;
  config::ServerConfig config{};
  std::unique_ptr<ScriptedController> controller;
  std::unique_ptr<Replication> replication;
  std::shared_ptr<Partition> partition;
};

TEST_F(ReplicasTest, takes_what_its_leader_has_and_its_high_watermark) {
  partition->follow(other, Epoch(5));
  ASSERT_TRUE(take(joined(batch_at(0, 3), batch_at(2, 5)), 0, 3));
  EXPECT_EQ(stage.log()->log_end(), Offset(4));
  EXPECT_EQ(partition->high_watermark(), Offset(3));
  EXPECT_EQ(stage.log()->epochs().latest()->epoch, Epoch(5));
  ASSERT_TRUE(take({}, 4, 4));
  EXPECT_EQ(partition->high_watermark(), Offset(4));
  ASSERT_TRUE(take({}, 4, 2));  // a new leader may know less
  EXPECT_EQ(partition->high_watermark(), Offset(4));
}

TEST_F(ReplicasTest, takes_whole_batches_only) {
  partition->follow(other, Epoch(5));
  Bytes cut = joined(batch_at(0, 5), batch_at(2, 5));
  cut.resize(cut.size() - 3);
  ASSERT_TRUE(take(cut, 0, 4));
  EXPECT_EQ(stage.log()->log_end(), Offset(2));
  EXPECT_EQ(partition->high_watermark(), Offset(2));
}

TEST_F(ReplicasTest, takes_nothing_of_a_later_epoch_than_it_asked_in) {
  partition->follow(other, Epoch(5));
  ASSERT_TRUE(take(joined(batch_at(0, 5), batch_at(2, 6)), 0, 4));
  EXPECT_EQ(stage.log()->log_end(), Offset(2));
}

TEST_F(ReplicasTest, takes_nothing_that_was_asked_at_another_end_or_epoch) {
  partition->follow(other, Epoch(5));
  EXPECT_FALSE(take(batch_at(2, 5), 2, 4));
  EXPECT_EQ(code_of(take(batch_at(0, 4), 0, 2, 4)), ErrorCode::not_leader_or_follower);
  lead(6, {self});
  EXPECT_EQ(code_of(take(batch_at(0, 6), 0, 2, 6)), ErrorCode::not_leader_or_follower);
  EXPECT_EQ(stage.log()->log_end(), Offset(0));
}

TEST_F(ReplicasTest, begins_its_epoch_behind_what_it_still_receives_L32) {
  partition->follow(other, Epoch(5));
  stage.machine().slowest_operation() = 50ms;
  const Bytes batch = batch_at(0, 5);
  const auto taking = stage.start(partition->take_fetched({.epoch = Epoch(5),
                                                           .at = Offset(0),
                                                           .records = batch,
                                                           .leader_high_watermark = Offset(0),
                                                           .leader_log_start = Offset(0)}));
  stage.world().run_ready();
  lead(6, {self, other});
  EXPECT_TRUE(taking->has_value());
  EXPECT_EQ(partition->leader_state()->epoch_start(), Offset(2));
  EXPECT_EQ(stage.log()->epochs().latest()->start_offset, Offset(2));
}

TEST_F(ReplicasTest, starts_inside_a_batch_of_its_leaders) {
  partition->follow(other, Epoch(5));
  ASSERT_TRUE(stage.run(partition->restart_as_follower(Epoch(5), Offset(11))));
  ASSERT_TRUE(take(batch_at(10, 5), 11, 12, 5, 11));
  EXPECT_EQ(stage.log()->log_end(), Offset(12));
  EXPECT_EQ(stage.log()->log_start(), Offset(11));
}

TEST_F(ReplicasTest, follows_the_leaders_log_start) {
  partition->follow(other, Epoch(5));
  ASSERT_TRUE(take(joined(batch_at(0, 5), batch_at(2, 5)), 0, 3, 5, 2));
  EXPECT_EQ(stage.log()->log_start(), Offset(2));
}

TEST_F(ReplicasTest, gives_up_an_epoch_without_records) {
  lead(3, {self});
  ASSERT_TRUE(append());
  lead(4, {self});
  partition->follow(other, Epoch(5));
  ASSERT_TRUE(stage.run(partition->cut_as_follower(Epoch(5), Offset(2), no_offset)));
  EXPECT_EQ(stage.log()->epochs().latest()->epoch, Epoch(3));
  EXPECT_EQ(stage.log()->log_end(), Offset(2));
}

TEST_F(ReplicasTest, flushes_again_once_a_full_disk_has_room) {
  lead(3, {self});
  ASSERT_TRUE(append());
  stage.world().run_for(1s);
  ASSERT_EQ(partition->high_watermark(), Offset(2));
  stage.machine().faults().space = stage.machine().used();  // none for the epochs' checkpoint
  lead(4, {self});
  ASSERT_TRUE(append());
  stage.world().run_for(2s);
  EXPECT_EQ(partition->high_watermark(), Offset(2));
  stage.machine().faults().space.reset();
  stage.world().run_for(1s);
  EXPECT_EQ(partition->high_watermark(), Offset(4));
}

TEST_F(ReplicasTest, moves_no_high_watermark_with_a_cut_L4) {
  lead(3, {self, other});
  ASSERT_TRUE(append());
  ASSERT_TRUE(append());
  partition->follow(other, Epoch(5));
  const Offset leader_high_watermark(4);
  ASSERT_TRUE(stage.run(partition->cut_as_follower(Epoch(5), Offset(2), leader_high_watermark)));
  EXPECT_EQ(stage.log()->log_end(), Offset(2));
  EXPECT_EQ(partition->high_watermark(), Offset(0))
      << "what it has from its leader tells it, later";
}

TEST_F(ReplicasTest, commits_what_all_in_sync_have_flushed) {
  lead(3, {self, other});
  const auto appended = append();
  stage.world().run_for(1s);
  EXPECT_EQ(partition->high_watermark(), Offset(0));
  EXPECT_FALSE(partition->is_acknowledged(appended->last_offset, Epoch(3)));
  ASSERT_TRUE(fetched_by(other, 2));
  EXPECT_EQ(partition->high_watermark(), Offset(2));
  EXPECT_TRUE(partition->is_acknowledged(appended->last_offset, Epoch(3)));
  EXPECT_FALSE(partition->is_acknowledged(appended->last_offset, Epoch(2)));
  EXPECT_EQ(code_of(fetched_by(BrokerId(9), 2)), ErrorCode::unknown_leader_epoch);
  EXPECT_EQ(code_of(fetched_by(other, 2, 0)), ErrorCode::not_leader_or_follower);
}

TEST_F(ReplicasTest, lets_a_follower_in_once_it_has_everything) {
  lead(3, {self, other});
  ASSERT_TRUE(append());
  ASSERT_TRUE(fetched_by(other, 2));
  stage.world().run_for(1s);
  ASSERT_TRUE(fetched_by(third, 1));
  stage.world().run_for(100ms);
  EXPECT_TRUE(controller->requests.empty());
  ASSERT_TRUE(fetched_by(third, 2));
  stage.world().run_for(100ms);
  ASSERT_EQ(controller->requests.size(), 1u);
  const auto& asked = controller->requests[0].topics.at(0).partitions.at(0);
  EXPECT_EQ(asked.leader_epoch, 3);
  EXPECT_EQ(asked.partition_epoch, 1);
  EXPECT_EQ(asked.new_isr_with_epochs.size(), 3u);
  EXPECT_EQ(asked.new_isr_with_epochs.back().broker_epoch, 1);
  EXPECT_EQ(partition->leader_state()->isr_size(), 3u);
}

Task<> wait_deleted(std::shared_ptr<Partition> partition, Instant deadline,
                    std::optional<Result<Offset>>& low) {
  low = co_await partition->wait_deleted(Offset(2), deadline);
}

TEST_F(ReplicasTest, has_deleted_once_every_replica_that_lives_has) {
  lead(3, {self, other});
  ASSERT_TRUE(append());
  stage.world().run_for(100ms);
  ASSERT_TRUE(fetched_by(other, 2));
  ASSERT_TRUE(fetched_by(third, 1));
  ASSERT_EQ(stage.run(partition->delete_records(Offset(2))).value(), Offset(2));
  std::optional<Result<Offset>> low, late;
  runtime::TaskGroup waiting(stage.process().shard().context());
  waiting.spawn(wait_deleted(partition, stage.world().now() + 10s, low));
  waiting.spawn(wait_deleted(partition, stage.world().now() + 1s, late));
  ASSERT_TRUE(fetched_by(other, 2, 1, 2));
  stage.world().run_for(2s);
  EXPECT_FALSE(low);
  ASSERT_TRUE(late);
  EXPECT_EQ(code_of(*late), ErrorCode::request_timed_out);
  ASSERT_TRUE(fetched_by(third, 2, 1, 2));
  stage.world().run_for(100ms);
  ASSERT_TRUE(low && *low);
  EXPECT_EQ(**low, Offset(2));
}

TEST_F(ReplicasTest, asks_again_while_answers_are_lost_one_request_at_a_time) {
  controller->lost = 3;
  lead(3, {self, other});
  ASSERT_TRUE(fetched_by(third, 0));
  stage.world().run_for(400ms);
  EXPECT_EQ(controller->requests.size(), 4u);
  EXPECT_EQ(controller->most_at_once, 1);
  EXPECT_EQ(partition->leader_state()->isr_size(), 3u);
}

TEST_F(ReplicasTest, stops_asking_when_the_metadata_has_moved_on_L12) {
  controller->lost = 1000;
  lead(3, {self, other});
  ASSERT_TRUE(fetched_by(third, 0));
  stage.world().run_for(100ms);
  lead(3, {self, other, third}, 2);
  stage.world().run_for(2s);
  const std::size_t asked = controller->requests.size();
  stage.world().run_for(10s);
  EXPECT_LE(controller->requests.size(), asked + 12);  // shrinking goes on, joining does not
  EXPECT_FALSE(partition->proposes({.leader_epoch = Epoch(3), .partition_epoch = 1}));
}

TEST_F(ReplicasTest, drops_who_has_not_kept_up) {
  lead(3, {self, other, third});
  ASSERT_TRUE(append());
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(fetched_by(other, 2));
    stage.world().run_for(100ms);
  }
  EXPECT_EQ(partition->leader_state()->leadership().isr, (std::vector{self, other}));
  EXPECT_EQ(partition->high_watermark(), Offset(2));
}

TEST_F(ReplicasTest, counts_a_change_of_the_isr_once_whoever_tells_of_it_first) {
  lead(3, {self, other});
  ASSERT_TRUE(fetched_by(third, 0));
  lead(3, {self, other, third}, 2);  // the answer is on its way
  EXPECT_EQ(counted("expands"), 1);
  ASSERT_TRUE(append());
  stage.world().run_for(100ms);
  ASSERT_EQ(controller->requests.size(), 1u);
  EXPECT_EQ(counted("expands"), 1);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(fetched_by(other, 2));
    stage.world().run_for(100ms);
  }
  EXPECT_EQ(counted("shrinks"), 1);
  lead(3, {self, other}, 3);  // the metadata is late
  EXPECT_EQ(counted("shrinks"), 1);
  lead(3, {self}, 4);  // nobody here asked for that
  EXPECT_EQ(counted("shrinks"), 1);
}

TEST_F(ReplicasTest, holds_back_who_catches_up_faster_than_throttled_replicas_may) {
  config::ReplicaConfig rates{};
  rates.leader_throttled_rate = 1'000;
  replication->configure(rates);
  lead(3, {self, other});
  partition->count_sent(500);
  EXPECT_FALSE(partition->holds_back(third)) << "the topic does not name it";
  partition->configure(stage.options, 1, {.leader = true});
  EXPECT_FALSE(partition->holds_back(third)) << "what was sent before does not count";
  partition->count_sent(500);
  EXPECT_TRUE(partition->holds_back(third));
  EXPECT_FALSE(partition->holds_back(other)) << "is in sync";
  stage.world().run_for(501ms);
  EXPECT_FALSE(partition->holds_back(third));
}

TEST_F(ReplicasTest, has_no_timer_where_it_has_no_followers) {
  ASSERT_TRUE(stage.run(partition->lead(
      {.self = self, .leader_epoch = Epoch(3), .replicas = {self}, .isr = {self}})));
  stage.world().run_for(10s);
  EXPECT_EQ(stage.process().clock().timer_count(), 0u);
}

}  // namespace replicas_test
}  // namespace cairn::partition
