// SPDX-License-Identifier: Apache-2.0
// A partition that was deleted and created again under its name, and one that cannot be read.
#include <cairn/storage/log_directories.hpp>

#include "stage.hpp"

namespace cairn::storage::testing::namesake {
namespace {

const TopicPartition partition{"topic", PartitionIndex(0)};
const LogKey first{{1, 1}, PartitionIndex(0)};
const LogKey second{{2, 2}, PartitionIndex(0)};

LogDirectoriesOptions one_directory() {
  using namespace std::chrono_literals;
  LogDirectoriesOptions options{.paths = {"/a"}, .metadata_path = "/a", .config = {}};
  config::LogConfig& config = options.config;
  config.recovery_threads_per_dir = 1;
  config.retention_check_interval = config.flush_scheduler_interval = 10min;
  config.dir_failure_timeout = config.initial_task_delay = 10min;
  config.flush_offset_checkpoint_interval = config.flush_start_offset_checkpoint_interval = 10min;
  config.high_watermark_checkpoint_interval = 10min;
  config.producer_id_expiration = config.producer_id_expiration_check_interval = 24h;
  return options;
}

std::optional<KnownLog> knows_all(const TopicPartition&, const TopicId&) { return KnownLog{}; }

/// A node's directory, over several lives.
class Node {
 public:
  ~Node() {
    if (directories) stage.run(directories->stop(BrokerEpoch(1)));
  }
  void start() {
    directories = std::make_unique<LogDirectories>(stage.environment(), stage.process().shard(),
                                                   one_directory());
    ASSERT_TRUE(stage.run(directories->lock()));
    ASSERT_TRUE(stage.run(directories->format("cluster", BrokerId(1))));
    ASSERT_TRUE(stage.run(directories->load(knows_all)));
    ASSERT_TRUE(stage.run(directories->wait_recovered()));
  }
  void crash() {
    stage.before_forgetting = [this] { directories.reset(); };
    stage.crash();
    stage.before_forgetting = nullptr;
    stage.boot();
  }
  std::shared_ptr<PartitionLog> create(LogKey key) {
    return directories->create(key, partition, {}).value_or(nullptr);
  }
  void fill(const std::shared_ptr<PartitionLog>& log, int batches) {
    for (int i = 0; i < batches; ++i) {
      ASSERT_TRUE(stage.run(Stage::append_owned(log, make_batch({.value_size = 700}), Epoch(0),
                                                record::Origin::client)));
    }
    ASSERT_TRUE(stage.run(log->flush()));
    log->set_high_watermark(log->log_end());
  }

  Stage stage;
  std::unique_ptr<LogDirectories> directories;
};

TEST(Namesake, does_not_begin_where_the_deleted_one_did) {
  Node node;
  node.start();
  auto log = node.create(first);
  node.fill(log, 9);
  ASSERT_TRUE(node.stage.run(log->advance_log_start(Offset(7))));
  node.stage.run(node.directories->write_checkpoints());
  log.reset();
  ASSERT_TRUE(node.stage.run(node.directories->remove(first)));
  node.stage.run(node.directories->forget_removed());
  log = node.create(second);
  node.fill(log, 3);
  log.reset();
  node.crash();
  node.start();
  log = node.directories->find(second);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->log_start(), Offset(0));
  EXPECT_EQ(log->log_end(), Offset(3));
}

TEST(UnreadablePartition, takes_its_directory_offline_and_is_not_set_aside) {
  Node node;
  node.start();
  auto log = node.create(first);
  node.fill(log, 3);
  log.reset();
  node.crash();
  node.stage.machine().faults().fails = [](std::string_view operation, const std::string& path) {
    return operation == "read" && path.ends_with("partition.metadata");
  };
  node.directories = std::make_unique<LogDirectories>(
      node.stage.environment(), node.stage.process().shard(), one_directory());
  ASSERT_TRUE(node.stage.run(node.directories->lock()));
  ASSERT_TRUE(node.stage.run(node.directories->format("cluster", BrokerId(1))));
  static_cast<void>(node.stage.run(node.directories->load(knows_all)));
  node.stage.machine().faults().fails = nullptr;
  EXPECT_EQ(node.directories->online_count(), 0);
  EXPECT_TRUE(node.stage.machine().content("/a/topic-0/partition.metadata"));
}

}  // namespace
}  // namespace cairn::storage::testing::namesake
