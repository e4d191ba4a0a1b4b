// SPDX-License-Identifier: Apache-2.0
#include "storage_host.hpp"

#include <cairn/base/assert.hpp>

namespace cairn::simulation {

using storage::LogDirectories;

/// One life of the directories.
struct StorageHost::Life {
  std::unique_ptr<storage::Environment> environment;
  std::unique_ptr<LogDirectories> directories;
  bool ready = false;
  bool stopped = false;
  std::string refused;
};

StorageHost::StorageHost(world::World& world, HostOptions options)
    : world_(world), options_(options) {}

void StorageHost::begin() {
  ASSERT(!life_, "one life at a time");
  world::Process& process = world_.start(host);
  auto life = std::make_shared<Life>();
  storage::EnvironmentLimits limits;
  limits.open_files = 8;
  limits.reserved_space = options_.reserved_space;
  limits.scanned_whole = options_.scanned_whole;
  life->environment = std::make_unique<storage::Environment>(
      process.disk(), process.clock(), process.shard().random().fork(), limits);
  storage::LogDirectoriesOptions options;
  for (int i = 0; i < options_.directories; ++i) options.paths.push_back(fmt::format("/d{}", i));
  options.metadata_path = options.paths.front();
  options.file_delete_delay = std::chrono::milliseconds(500);
  options.cleaner.enabled = false;
  options.config = {};
  options.config.recovery_threads_per_dir = 2;
  options.config.producer_id_expiration = std::chrono::hours(24);
  options.config.producer_id_expiration_check_interval = std::chrono::minutes(10);
  options.config.flush_scheduler_interval = std::chrono::hours(24);
  options.config.dir_failure_timeout = std::chrono::minutes(1);
  options.config.initial_task_delay = std::chrono::milliseconds(50);
  options.config.retention_check_interval = std::chrono::hours(24);  // the run asks for it
  options.config.flush_offset_checkpoint_interval = std::chrono::milliseconds(500);
  options.config.flush_start_offset_checkpoint_interval = std::chrono::milliseconds(700);
  options.config.high_watermark_checkpoint_interval = std::chrono::milliseconds(300);
  life->directories =
      std::make_unique<LogDirectories>(*life->environment, process.shard(), std::move(options));
  process.own(life);
  process.shard().tasks().spawn(load(life, this));
  life_ = std::move(life);
}

runtime::Task<> StorageHost::load(std::shared_ptr<Life> life, StorageHost* self) {
  LogDirectories& directories = *life->directories;
  auto done = co_await directories.lock();
  if (done) done = co_await directories.format("a-cluster-of-one-node", BrokerId(1));
  if (done) {
    done =
        co_await directories.load([self](const TopicPartition& partition,
                                         const TopicId& topic) -> std::optional<storage::KnownLog> {
          const auto found = self->known_.find({topic, partition.partition});
          if (found == self->known_.end()) return std::nullopt;
          return storage::KnownLog{.options = found->second.options,
                                   .directory = found->second.directory};
        });
  }
  if (done && !co_await directories.wait_recovered()) co_return;
  if (!done) {
    life->refused = done.error();
    co_return;
  }
  if (!co_await directories.wait_recovered()) co_return;
  for (auto& [key, log] : self->known_) {
    // L35: not in another directory while the one that may hold it is offline.
    const auto made = directories.create(key, log.partition, log.options, log.directory);
    if (made) log.directory = directories.directory_id_of(**made);  // else the run sees it
  }
  life->ready = true;
}

bool StorageHost::ready() const { return life_ && life_->ready; }

bool StorageHost::broken() const {
  if (!life_) return false;
  if (!life_->refused.empty()) return true;
  const auto count = static_cast<std::size_t>(options_.directories);
  return life_->directories->online_count() < count ||
         !life_->directories->metadata_directory_online();
}

std::string StorageHost::refused() const { return life_ ? life_->refused : ""; }

void StorageHost::stop() {
  auto live = [](std::shared_ptr<Life> life) -> runtime::Task<> {
    co_await life->directories->stop(BrokerEpoch(7));
    life->stopped = true;
  };
  process().shard().tasks().spawn(live(life_));
  ASSERT(world_.run_until([&] { return life_->stopped; }), "a stop comes to its end");
  kill();
}

void StorageHost::kill() {
  life_.reset();
  world_.kill(host);
}

void StorageHost::crash() {
  life_.reset();
  world_.crash(host);
}

std::string StorageHost::damage(Random& random) {
  static constexpr std::string_view rebuildable[] = {
      ".index",
      ".timeindex",
      ".snapshot",
      "leader-epoch-checkpoint",
      "recovery-point-offset-checkpoint",
      "replication-offset-checkpoint",
  };
  std::vector<std::string> files;
  for (std::string& path : machine().files_below("/d")) {
    for (const std::string_view end : rebuildable) {
      if (path.ends_with(end)) files.push_back(path);
    }
  }
  if (files.empty()) return "nothing to damage";
  const std::string path = files[random.below(files.size())];
  Bytes content = *machine().content(path);
  switch (random.below(3)) {
    case 0:
      machine().damage(path, std::nullopt);
      return path + " is lost";
    case 1:
      machine().damage(path, Bytes(content.size()));
      return path + " is zeros";
    default:
      if (path.ends_with(".index") && content.size() >= 8) {
        content[content.size() - 4] = std::byte(0x7f);  // far behind the segment
        machine().damage(path, std::move(content));
        return path + " points behind its segment";
      }
      content.resize(path.ends_with("index") ? 0 : content.size() / 2);
      machine().damage(path, std::move(content));
      return path + " is cut";
  }
}

LogDirectories& StorageHost::directories() { return *life_->directories; }

std::shared_ptr<storage::PartitionLog> StorageHost::log(const storage::LogKey& key) {
  return life_ ? life_->directories->find(key) : nullptr;
}

std::int64_t StorageHost::now_ms() { return life_->environment->now_ms(); }

}  // namespace cairn::simulation
