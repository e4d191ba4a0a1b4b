// SPDX-License-Identifier: Apache-2.0
// The log directories of a node on a simulated machine: every life goes through lock, format and
// load. Owner: a test.
#pragma once

#include <functional>

#include <cairn/storage/log_directories.hpp>

#include "stage.hpp"

namespace cairn::storage::testing {

inline config::LogConfig log_config() {
  using namespace std::chrono_literals;
  config::LogConfig config{};
  config.recovery_threads_per_dir = 2;
  config.retention_check_interval = 5min;
  config.flush_scheduler_interval = config.dir_failure_timeout = 10min;
  config.flush_offset_checkpoint_interval = 1min;
  config.flush_start_offset_checkpoint_interval = 1min;
  config.high_watermark_checkpoint_interval = 5s;
  config.initial_task_delay = 30s;
  config.producer_id_expiration = 24h;
  config.producer_id_expiration_check_interval = 10min;
  return config;
}

inline const LogKey key{{77, 78}, PartitionIndex(0)};
inline const TopicPartition partition{"topic", PartitionIndex(0)};

/// A node's directories on a Stage: every life goes through lock, format and load.
class Directories {
 public:
  explicit Directories(std::vector<std::string> paths = {"/a"}, std::uint64_t seed = 1)
      : stage(seed), paths_(std::move(paths)) {}
  ~Directories() { end(); }

  void make() {
    LogDirectoriesOptions options{
        .paths = paths_, .metadata_path = metadata_path, .config = log_config()};
    directories_ = std::make_unique<LogDirectories>(stage.environment(), stage.process().shard(),
                                                    std::move(options));
  }
  StartResult<> start() {
    auto loaded = begin();
    if (loaded) EXPECT_TRUE(stage.run(directories_->wait_recovered()));
    return loaded;
  }
  /// Does not wait for the logs that recover.
  StartResult<> begin(std::function<void()> before_load = [] {}) {
    make();
    if (auto locked = stage.run(directories_->lock()); !locked) return locked;
    if (auto made = stage.run(directories_->format("cluster", BrokerId(1))); !made) return made;
    before_load();
    return stage.run(directories_->load(known));
  }
  void stop(BrokerEpoch epoch = BrokerEpoch(9)) {
    stage.run(directories_->stop(epoch));
    directories_.reset();
  }
  /// The process dies; what is left of it is forgotten.
  void kill() {
    end_with([this] { stage.kill(); });
  }
  /// Power loss.
  void crash() {
    end_with([this] { stage.crash(); });
  }
  void end() {
    if (directories_) stop();
  }
  LogDirectories* operator->() { return directories_.get(); }

  std::shared_ptr<PartitionLog> create() {
    auto log = directories_->create(key, partition, {});
    EXPECT_TRUE(log);
    return log.value_or(nullptr);
  }
  std::int64_t append(const std::shared_ptr<PartitionLog>& log) {
    const auto appended =
        stage.run(Stage::append_owned(log, make_batch({}), Epoch(0), record::Origin::client));
    return appended ? appended->first_offset.value() : -1;
  }
  std::string text(const std::string& path) {
    const auto content = stage.machine().content(path);
    return content ? std::string(as_text(*content)) : "(missing)";
  }
  bool has_entry(const std::string& directory, std::string_view part) {
    const auto entries = stage.run(stage.process().disk().list(directory));
    for (const auto& entry : entries.value_or(std::vector<runtime::DirectoryEntry>{})) {
      if (entry.name.find(part) != std::string::npos) return true;
    }
    return false;
  }

  Stage stage;
  std::string metadata_path = "/a";
  KnownLogs known = [](const TopicPartition&, const TopicId& id) -> std::optional<KnownLog> {
    if (id != key.topic) return std::nullopt;
    return KnownLog{};
  };

 private:
  template <class F>
  void end_with(F how) {
    auto dying = std::move(directories_);
    stage.before_forgetting = [&] { dying.reset(); };
    how();
    stage.before_forgetting = nullptr;
    stage.boot();
  }

  std::vector<std::string> paths_;
  std::unique_ptr<LogDirectories> directories_;
};

}  // namespace cairn::storage::testing
