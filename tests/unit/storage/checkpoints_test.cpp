// SPDX-License-Identifier: Apache-2.0
// Checkpoints are written by whoever has a reason: timers, DeleteRecords, the cleaner, a stop.
#include <cairn/storage/log_directories.hpp>

#include "stage.hpp"

namespace cairn::storage::testing::checkpoints {
namespace {

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

runtime::Task<bool> write_starts(LogDirectories& directories) {
  co_await directories.write_log_starts();
  co_return true;
}

/// Moves the log start of a log of its own, and checkpoints it.
runtime::Task<bool> advance_and_write(LogDirectories& directories,
                                      std::shared_ptr<PartitionLog> log) {
  log->set_high_watermark(log->log_end());
  const auto moved = co_await log->advance_log_start(log->log_start() + 1);
  if (!moved) co_return false;
  co_return co_await write_starts(directories);
}

TEST(Checkpoints, are_written_by_several_at_once) {
  Stage stage;
  auto directories = std::make_unique<LogDirectories>(stage.environment(), stage.process().shard(),
                                                      one_directory());
  ASSERT_TRUE(stage.run(directories->lock()));
  ASSERT_TRUE(stage.run(directories->format("cluster", BrokerId(1))));
  ASSERT_TRUE(stage.run(directories->load(
      [](const TopicPartition&, const TopicId&) { return std::optional<KnownLog>(); })));
  std::vector<std::shared_ptr<std::optional<bool>>> done;
  for (int i = 0; i < 4; ++i) {
    const PartitionIndex index(i);
    const LogKey key{{1, 2}, index};
    const auto log = directories->create(key, {"topic", index}, {});
    ASSERT_TRUE(log);
    ASSERT_TRUE(stage.run(
        Stage::append_owned(*log, make_batch({.records = 3}), Epoch(0), record::Origin::client)));
    done.push_back(stage.start(advance_and_write(*directories, *log)));
  }
  for (const auto& each : done) {
    stage.world().run_until([&] { return each->has_value(); });
    EXPECT_EQ(*each, true);
  }
  EXPECT_EQ(directories->online_count(), 1);
  const auto content = stage.machine().content("/a/log-start-offset-checkpoint");
  ASSERT_TRUE(content);
  EXPECT_EQ(std::ranges::count(as_text(*content), '\n'), 2 + 4);
  stage.run(directories->stop(BrokerEpoch(1)));
}

}  // namespace
}  // namespace cairn::storage::testing::checkpoints
