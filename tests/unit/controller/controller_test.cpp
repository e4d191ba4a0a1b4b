// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include <gtest/gtest.h>

#include <cairn/controller/controller.hpp>
#include <cairn/log/names.hpp>
#include <cairn/metadata/features.hpp>

#include "simulation/world/world.hpp"
#include "tests/unit/config/testing.hpp"

namespace cairn::controller {
namespace {

using runtime::Task;

/// A machine with a controller on its second shard and a subscriber on its first.
class Stage {
 public:
  explicit Stage(std::uint64_t seed = 1, config::testing::Pairs pairs = {})
      : world_(seed), config_(config::testing::server(pairs)) {
    boot();
    EXPECT_TRUE(run(disk().create_directory("/data")));  // LogDirectories' work in a node
    EXPECT_TRUE(run(disk().sync_directory("/")));
  }
  ~Stage() {
    if (process_ != nullptr) world_.kill("node");
  }

  void boot() {
    process_ = &world_.start("node", 2);
    Identity identity;
    identity.cluster_id = "abcdefghijklmnopqrstuw";
    identity.directory = Uuid{1, 1234};
    identity.metadata_directory = "/data";
    identity.incarnation = Uuid::random(world_.random());
    identity.controller_endpoints = {{"CONTROLLER", "127.0.0.1", 9093, 0}};
    controller_ = std::make_shared<Controller>(process_->shard(1), process_->disk(1),
                                               process_->network(1), config_, identity);
    seen_ = std::make_shared<std::vector<std::shared_ptr<const metadata::Image>>>();
    controller_->subscribe(process_->shard(0),
                           [seen = seen_](auto image) { return note(seen, std::move(image)); });
    process_->own(controller_);
  }
  /// Both ends forget the controller: on to the next life.
  void crash() { end(&world::World::crash); }
  void kill() { end(&world::World::kill); }

  template <class T>
  T run(Task<T> task) {
    auto out = std::make_shared<std::optional<T>>();
    process_->shard(1).tasks().spawn(store(std::move(task), out));
    EXPECT_TRUE(world_.run_until([&] { return out->has_value(); })) << "the task never ended";
    return std::move(**out);
  }
  void run(Task<> task) { run(unit(std::move(task))); }
  template <class T>
  std::shared_ptr<std::optional<T>> start(Task<T> task) {
    auto out = std::make_shared<std::optional<T>>();
    process_->shard(1).tasks().spawn(store(std::move(task), out));
    return out;
  }

  void serve(std::vector<DirectoryId> directories = {Uuid{1, 1234}}) {
    const auto started = run(controller_->start());
    ASSERT_TRUE(started) << started.error().why;
    LocalBroker broker;
    broker.endpoints = {{"PLAINTEXT", "127.0.0.1", 9092, 0}};
    broker.log_dirs = std::move(directories);
    ASSERT_TRUE(run(controller_->register_local(broker)));
    ASSERT_TRUE(run(controller_->unfence_local()));
  }
  static protocol::CreateTopicsRequest creation(const std::string& name, std::int32_t partitions) {
    protocol::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    return request;
  }
  ErrorCode create(const std::string& name, std::int32_t partitions = 1) {
    return run(controller_->create_topics(creation(name, partitions))).topics.at(0).error_code;
  }

  world::World& world() { return world_; }
  runtime::Disk& disk() { return process_->disk(1); }
  Controller& controller() { return *controller_; }
  const metadata::Image& image() const { return *controller_->image(); }
  const auto& seen() const { return *seen_; }
  bool exists(const std::string& path) {
    return world_.machine("node").content("/data/__cluster_metadata-0/" + path).has_value();
  }

 private:
  static Task<> note(std::shared_ptr<std::vector<std::shared_ptr<const metadata::Image>>> seen,
                     std::shared_ptr<const metadata::Image> image) {
    seen->push_back(std::move(image));
    co_return;
  }
  template <class T>
  static Task<> store(Task<T> task, std::shared_ptr<std::optional<T>> out) {
    out->emplace(co_await std::move(task));
  }
  static Task<bool> unit(Task<> task) {
    co_await std::move(task);
    co_return true;
  }
  void end(void (world::World::*how)(const std::string&)) {
    controller_.reset();
    (world_.*how)("node");
    process_ = nullptr;
    boot();
  }

  world::World world_;
  config::ServerConfig config_;
  world::Process* process_ = nullptr;
  std::shared_ptr<Controller> controller_;
  std::shared_ptr<std::vector<std::shared_ptr<const metadata::Image>>> seen_;
};

TEST(Controller, formats_an_empty_directory_and_becomes_active) {
  Stage stage;
  stage.serve();
  EXPECT_TRUE(stage.exists("00000000000000000000-0000000000.checkpoint"));
  EXPECT_TRUE(stage.exists("quorum-state"));
  EXPECT_TRUE(stage.exists("00000000000000000000.log"));
  EXPECT_TRUE(stage.world().machine("node").content("/data/bootstrap.checkpoint"));
  EXPECT_EQ(stage.controller().kraft_version(), 1);
  EXPECT_EQ(stage.controller().active_controller(), BrokerId(1));
  EXPECT_EQ(stage.image().metadata_version(), metadata::latest_metadata_version);
  EXPECT_TRUE(stage.image().is_active(BrokerId(1)));
  EXPECT_TRUE(stage.image().controllers.contains(BrokerId(1)));
}

TEST(Controller, is_told_at_once_which_directories_of_its_broker_have_failed) {
  Stage stage;
  stage.serve({Uuid{1, 1234}, Uuid{1, 5678}});
  stage.controller().report_failed_directories({Uuid{1, 5678}});
  stage.world().run_for(std::chrono::milliseconds(200));  // heartbeats are two seconds apart
  EXPECT_EQ(stage.image().broker(BrokerId(1))->log_dirs, std::vector<DirectoryId>({Uuid{1, 1234}}));
  EXPECT_TRUE(stage.image().is_active(BrokerId(1)));
}

TEST(Controller, hands_out_committed_images_in_order_before_it_answers) {
  Stage stage;
  stage.serve();
  EXPECT_EQ(stage.create("t", 3), ErrorCode::none);
  ASSERT_FALSE(stage.seen().empty());
  EXPECT_NE(stage.seen().back()->topic("t"), nullptr);
  Offset last = no_offset;
  for (const auto& image : stage.seen()) {
    EXPECT_GT(image->offset, last);
    last = image->offset;
  }
}

TEST(Controller, answers_that_saw_a_change_wait_for_its_commit) {
  Stage stage;
  stage.serve();
  auto first = stage.start(stage.controller().create_topics(Stage::creation("t", 1)));
  auto second = stage.start(stage.controller().create_topics(Stage::creation("t", 1)));
  ASSERT_TRUE(stage.world().run_until([&] { return second->has_value(); }));
  EXPECT_TRUE(first->has_value()) << "the refusal rests on the creation: not before it";
  EXPECT_EQ((**first).topics[0].error_code, ErrorCode::none);
  EXPECT_EQ((**second).topics[0].error_code, ErrorCode::topic_already_exists);
}

TEST(Controller, has_everything_again_after_kill_and_after_power_loss) {
  Stage stage(5);
  stage.serve();
  for (int life = 0; life < 6; ++life) {
    const std::string name = "t" + std::to_string(life);
    EXPECT_EQ(stage.create(name, 2), ErrorCode::none);
    life % 2 == 0 ? stage.kill() : stage.crash();
    stage.serve();
    for (int i = 0; i <= life; ++i) {
      const metadata::Topic* topic = stage.image().topic("t" + std::to_string(i));
      ASSERT_NE(topic, nullptr) << name;
      EXPECT_EQ(topic->partition(PartitionIndex(1))->leader, BrokerId(1));
    }
  }
}

/// I21: an answered change survives a crash at any moment.
TEST(Controller, never_loses_what_it_answered) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    Stage stage(seed);
    Random random(seed);
    std::set<std::string> answered;
    int next = 0;
    for (int life = 0; life < 4; ++life) {
      stage.serve();
      for (const std::string& name : answered) {
        ASSERT_NE(stage.image().topic(name), nullptr) << "seed " << seed;
      }
      std::map<std::string, std::shared_ptr<std::optional<protocol::CreateTopicsResponse>>> asked;
      for (int i = 0; i < 8; ++i) {
        const std::string name = "t" + std::to_string(next++);
        asked[name] = stage.start(stage.controller().create_topics(Stage::creation(name, 2)));
        stage.world().run_for(std::chrono::microseconds(random.between(0, 500)));
      }
      for (const auto& [name, out] : asked) {
        if (out->has_value() && (**out).topics[0].error_code == ErrorCode::none) {
          answered.insert(name);
        }
      }
      stage.crash();
    }
    EXPECT_FALSE(answered.empty()) << "seed " << seed;
  }
}

TEST(Controller, takes_snapshots_and_starts_from_them) {
  Stage stage(3, {{"metadata.log.max.record.bytes.between.snapshots", "20000"},
                  {"metadata.max.retention.bytes", "60000"}});
  stage.serve();
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(stage.create("t" + std::to_string(i), 20), ErrorCode::none);
    stage.world().run_for(std::chrono::milliseconds(5));
  }
  bool has_snapshot = false;
  const auto entries = stage.run(stage.disk().list("/data/__cluster_metadata-0"));
  ASSERT_TRUE(entries);
  for (const runtime::DirectoryEntry& entry : *entries) {
    const auto id = log::parse_snapshot_file_name(entry.name);
    has_snapshot = has_snapshot || (id && id->end_offset > Offset(0));
  }
  EXPECT_TRUE(has_snapshot);
  const std::size_t topics = stage.image().topics.size();
  stage.crash();
  stage.serve();
  EXPECT_EQ(stage.image().topics.size(), topics);
  EXPECT_EQ(stage.create("after", 1), ErrorCode::none);
}

TEST(Controller, splits_a_large_change_and_shows_it_whole) {
  Stage stage;
  stage.serve();
  protocol::CreateTopicsRequest request;
  for (int i = 0; i < 20; ++i) {
    auto& topic = request.topics.emplace_back();
    topic.name = "t" + std::to_string(i);
    topic.num_partitions = 500;  // 10,020 records in all: more than a batch holds
    topic.replication_factor = 1;
  }
  const auto response = stage.run(stage.controller().create_topics(request));
  for (const auto& topic : response.topics) EXPECT_EQ(topic.error_code, ErrorCode::none);
  for (const auto& image : stage.seen()) {
    const bool some = image->topic("t0") != nullptr, all = image->topic("t19") != nullptr;
    EXPECT_EQ(some, all);
  }
  stage.crash();
  stage.serve();
  EXPECT_EQ(stage.image().topics.size(), 20u);
}

TEST(Controller, stops_cleanly_and_leaves_the_broker_fenced) {
  Stage stage;
  stage.serve();
  stage.create("t", 1);
  ASSERT_TRUE(stage.run(stage.controller().leave_local()));
  EXPECT_TRUE(stage.image().broker(BrokerId(1))->fenced);
  EXPECT_EQ(stage.image().topic("t")->partition(PartitionIndex(0))->leader, no_broker);
  stage.run(stage.controller().stop());
  EXPECT_EQ(stage.create("u"), ErrorCode::not_controller);
  stage.kill();
  stage.serve();
  EXPECT_EQ(stage.image().topic("t")->partition(PartitionIndex(0))->leader, BrokerId(1));
}

TEST(Controller, describes_its_quorum) {
  Stage stage;
  stage.serve();
  protocol::DescribeQuorumRequest request;
  auto& topic = request.topics.emplace_back();
  topic.topic_name = "__cluster_metadata";
  topic.partitions.emplace_back().partition_index = 0;
  const auto response = stage.run(stage.controller().describe_quorum(request, 2));
  const auto& partition = response.topics.at(0).partitions.at(0);
  EXPECT_EQ(partition.leader_id, 1);
  EXPECT_EQ(partition.current_voters.at(0).log_end_offset, partition.high_watermark);
  EXPECT_EQ(response.nodes.at(0).listeners.at(0).port, 9093);
}

TEST(Controller, waits_for_the_others_of_a_quorum_of_several) {
  Stage other(1, {{"node.id", "1"},
                  {"process.roles", "broker,controller"},
                  {"listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"},
                  {"controller.listener.names", "CONTROLLER"},
                  {"controller.quorum.voters", "1@127.0.0.1:9093,2@elsewhere:9193"}});
  const auto started = other.start(other.controller().start());
  other.world().run_for(std::chrono::seconds(30));
  EXPECT_FALSE(started->has_value());
  EXPECT_FALSE(other.controller().is_active());
  other.controller().give_up_starting();
  ASSERT_TRUE(other.world().run_until([&] { return started->has_value(); }));
  EXPECT_EQ(code_of(**started), ErrorCode::request_timed_out);
  other.run(other.controller().stop());
}

}  // namespace
}  // namespace cairn::controller
