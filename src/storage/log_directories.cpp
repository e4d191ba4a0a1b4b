// SPDX-License-Identifier: Apache-2.0
// Partitions made and removed, background work, the end. Start: log_directories_start.cpp; after an
// unclean stop: log_directories_recovery.cpp.
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/log/names.hpp>
#include <cairn/storage/log_directories.hpp>

#include "log_directories_recovery.hpp"
#include "log_directory.hpp"
#include "parallel.hpp"

namespace cairn::storage {

namespace {

constexpr std::size_t parallel_closes = 8;

}  // namespace

LogDirectories::LogDirectories(Environment& environment, runtime::Shard& shard,
                               LogDirectoriesOptions options)
    : environment_(environment),
      shard_(shard),
      options_(std::move(options)),
      moves_throttle_(environment.clock, options_.move_bytes_per_second),
      cleaner_(environment, shard.metrics(), options_.cleaner, *this),
      recoveries_(shard.context()),
      tasks_(shard.context()) {
  for (const std::string& path : options_.paths) {
    directories_.push_back(std::make_unique<LogDirectory>(environment_, path));
  }
  if (std::ranges::find(options_.paths, options_.metadata_path) == options_.paths.end()) {
    metadata_only_ = std::make_unique<LogDirectory>(environment_, options_.metadata_path);
    metadata_only_->holds_logs = false;
  }
  for (const auto& directory : directories_) {
    directory->health.save_recovery_points = [this, at = directory.get()] {
      return write_checkpoint_of(*at, Checkpoint::recovery_point);
    };
  }
}

LogDirectories::~LogDirectories() = default;

void LogDirectories::configure(const config::ServerConfig& config) {
  options_.file_delete_delay = config.topic_defaults.file_delete_delay;
  options_.config.recovery_threads_per_dir = config.log.recovery_threads_per_dir;
  const bool cleans = options_.cleaner.enabled;
  options_.cleaner = cleaner_options(config.cleaner);
  options_.cleaner.enabled = cleans && options_.cleaner.enabled;
  cleaner_.configure(options_.cleaner);
  moves_throttle_.set_rate(static_cast<double>(config.log.move_bytes_per_second));
}

std::vector<LogDirectory*> LogDirectories::all() const {
  std::vector<LogDirectory*> directories;
  for (const auto& directory : directories_) directories.push_back(directory.get());
  if (metadata_only_) directories.push_back(metadata_only_.get());
  return directories;
}

// ---- partitions ----

std::shared_ptr<PartitionLog> LogDirectories::find(const LogKey& key) const {
  const auto found = logs_.find(key);
  return found == logs_.end() || recovering(key) ? nullptr : found->second;
}

std::vector<std::shared_ptr<PartitionLog>> LogDirectories::logs() const {
  std::vector<std::shared_ptr<PartitionLog>> logs;
  logs.reserve(logs_.size());
  for (const auto& [key, log] : logs_) logs.push_back(log);
  return logs;
}

std::vector<std::shared_ptr<PartitionLog>> LogDirectories::logs_on_disk() const {
  std::vector<std::shared_ptr<PartitionLog>> logs;
  for (const auto& [key, log] : logs_) {
    if (log->on_disk()) logs.push_back(log);
  }
  return logs;
}

LogDirectory* LogDirectories::directory_for_new(DirectoryId wanted) const {
  LogDirectory* fewest = nullptr;
  for (const auto& directory : directories_) {
    if (directory->meta && directory->meta->directory_id == wanted) {
      return directory->health.online() ? directory.get() : nullptr;
    }
  }
  // A directory we do not know may be one that could not be read. One that was replaced or taken
  // out of log.dirs is gone for good, and the replica begins anew.
  const bool all_online = online_count() == directories_.size();
  if (!wanted.is_reserved() && !all_online) return nullptr;
  for (const auto& directory : directories_) {
    if (!directory->health.online()) continue;
    if (!fewest || directory->log_count < fewest->log_count) fewest = directory.get();
  }
  return fewest;
}

LogDirectory* LogDirectories::directory_of(const PartitionLog& log) const {
  for (LogDirectory* directory : all()) {
    if (&directory->health == &log.health()) return directory;
  }
  return nullptr;
}

Result<std::shared_ptr<PartitionLog>> LogDirectories::create(LogKey key, TopicPartition partition,
                                                             SharedLogOptions options,
                                                             DirectoryId wanted) {
  if (auto log = find(key)) {
    log->configure(std::move(options));
    return log;
  }
  if (recovering(key)) return fail(ErrorCode::not_leader_or_follower, "the log recovers");
  if (lost_.contains(key)) {
    return fail(ErrorCode::kafka_storage_error, "the log could not be opened at the start");
  }
  LogDirectory* directory = directory_for_new(wanted);
  if (!directory) return fail(ErrorCode::kafka_storage_error, "its log directory is offline");
  OpenLog request{.directory = directory->file(log::directory_name(partition)),
                  .partition = partition,
                  .topic_id = key.topic,
                  .options = std::move(options)};
  auto log = PartitionLog::unwritten(environment_, directory->health, std::move(request));
  ++directory->log_count;
  logs_[key] = log;
  const bool known_place = directory->meta && directory->meta->directory_id == wanted;
  if (!known_place && !wanted.is_zero()) report_later(key);
  return log;
}

runtime::Task<Result<>> LogDirectories::remove(LogKey key) {
  co_await give_up_recovery(key);
  co_await drop_found_copies(key);
  co_await give_up_move(key);
  const std::shared_ptr<PartitionLog> log = find(key);
  if (!log) co_return Result<>();
  logs_.erase(key);
  co_await log->abandon();
  LogDirectory* directory = directory_of(*log);
  --directory->log_count;
  if (!log->on_disk()) co_return Result<>();
  removed_since_checkpoint_ = true;
  CO_TRY(std::string to,
         co_await set_aside_deleted(*directory, log->partition(), log->directory()));
  log->moved_to(std::move(to));
  co_return Result<>();
}

/// To be removed later, under the name that is returned.
runtime::Task<Result<std::string>> LogDirectories::set_aside_deleted(LogDirectory& directory,
                                                                     TopicPartition partition,
                                                                     std::string path) {
  std::string to = directory.file(log::directory_name(partition, log::DirectoryState::deleted,
                                                      Uuid::random(environment_.random)));
  Result<> renamed = co_await environment_.disk.rename(path, to);
  if (renamed) renamed = co_await environment_.disk.sync_directory(directory.path);
  if (!renamed) {
    directory.health.fail(renamed.error(), "removal of a partition");
    co_return std::unexpected(renamed.error());
  }
  environment_.deletes.add(to, options_.file_delete_delay);
  co_return to;
}

runtime::Task<> LogDirectories::forget_removed() {
  if (!std::exchange(removed_since_checkpoint_, false)) co_return;
  co_await write_checkpoint(Checkpoint::recovery_point);
  co_await write_checkpoint(Checkpoint::log_start);
  co_await write_checkpoint(Checkpoint::high_watermark);
  co_await write_checkpoint(Checkpoint::clean_point);
}

// ---- what others ask ----

std::vector<DirectoryId> LogDirectories::directory_ids() const {
  std::vector<DirectoryId> ids;
  for (const auto& directory : directories_) {
    if (directory->health.online() && directory->meta && directory->meta->directory_id) {
      ids.push_back(*directory->meta->directory_id);
    }
  }
  return ids;
}

DirectoryId LogDirectories::directory_id_of(const PartitionLog& log) const {
  const LogDirectory* directory = directory_of(log);
  const bool known = directory && directory->meta && directory->meta->directory_id;
  return known ? *directory->meta->directory_id : DirectoryId();
}

std::size_t LogDirectories::online_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      directories_, [](const auto& directory) { return directory->health.online(); }));
}

bool LogDirectories::metadata_directory_online() const {
  return std::ranges::all_of(all(), [&](const LogDirectory* directory) {
    return directory->path != options_.metadata_path || directory->health.online();
  });
}

DirectoryHealth& LogDirectories::metadata_health() {
  const auto directories = all();
  return (*std::ranges::find(directories, options_.metadata_path,
                             [](const LogDirectory* directory) { return directory->path; }))
      ->health;
}

runtime::Task<std::vector<DirectoryReport>> LogDirectories::describe() {
  std::vector<DirectoryReport> reports;
  for (const auto& directory : directories_) {
    DirectoryReport report;
    report.path = directory->path;
    report.online = directory->health.online();
    if (directory->meta) report.id = directory->meta->directory_id.value_or(DirectoryId());
    if (report.online) {
      const auto space = co_await environment_.disk.free_space(directory->path);
      if (space) {
        report.total_bytes = space->total;
        report.usable_bytes = space->free;
      }
    }
    for (const auto& [key, log] : logs_) {
      if (&log->health() == &directory->health) report.logs.push_back(log);
    }
    report.copies = copies_in(*directory);
    reports.push_back(std::move(report));
  }
  co_return reports;
}

// ---- background work ----

runtime::Task<> LogDirectories::save_clean_points() {
  co_await write_checkpoint(Checkpoint::clean_point);
}

void LogDirectories::start_background() {
  const config::LogConfig& config = options_.config;
  cleaner_.start(tasks_);
  const auto first = config.initial_task_delay;
  tasks_.spawn(environment_.deletes.run());
  for (LogDirectory* directory : all()) tasks_.spawn(watch(*directory));
  tasks_.spawn(repeat(first, config.retention_check_interval, &LogDirectories::apply_retention));
  tasks_.spawn(repeat(first, config.flush_offset_checkpoint_interval,
                      &LogDirectories::write_recovery_points));
  tasks_.spawn(repeat(first, config.flush_start_offset_checkpoint_interval,
                      &LogDirectories::write_log_starts));
  tasks_.spawn(repeat(config.high_watermark_checkpoint_interval,
                      config.high_watermark_checkpoint_interval,
                      &LogDirectories::write_high_watermarks));
  tasks_.spawn(repeat(config.producer_id_expiration_check_interval,
                      config.producer_id_expiration_check_interval,
                      &LogDirectories::expire_producers));
}

runtime::Task<> LogDirectories::watch(LogDirectory& directory) {
  if (co_await directory.health.failed().wait()) directory_failed_.set();
}

runtime::Task<> LogDirectories::repeat(std::chrono::milliseconds first,
                                       std::chrono::milliseconds every,
                                       runtime::Task<> (LogDirectories::*work)()) {
  // "Without end" does not fit the clock.
  constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365);
  bool going = co_await environment_.clock.sleep_for(std::min(first, longest));
  while (going) {
    co_await (this->*work)();
    going = co_await environment_.clock.sleep_for(std::min(every, longest));
  }
}

runtime::Task<> LogDirectories::apply_retention() {
  for (const auto& log : logs_on_disk()) {
    if (!log->healthy()) continue;
    const auto deleted = co_await log->delete_old_segments();
    if (!deleted) {
      logging::warn("retention failed: partition={} cause={}", log->partition(),
                    deleted.error().why);
    }
  }
}

runtime::Task<> LogDirectories::expire_producers() {
  for (const auto& log : logs_on_disk()) log->expire_producers();
  co_return;
}

runtime::Task<> LogDirectories::write_recovery_points() {
  for (const auto& log : logs_on_disk()) {
    if (!log->spill_due() || !log->healthy()) continue;
    const Result<> spilled = co_await log->spill_indexes();
    if (!spilled) logging::warn("indexes not written: partition={}", log->partition());
  }
  co_await write_checkpoint(Checkpoint::recovery_point);
}

runtime::Task<> LogDirectories::write_log_starts() {
  co_await write_checkpoint(Checkpoint::log_start);
}

runtime::Task<> LogDirectories::write_high_watermarks() {
  if (checkpointed_moves_ == environment_.high_watermark_moves) co_return;
  checkpointed_moves_ = environment_.high_watermark_moves;
  co_await write_checkpoint(Checkpoint::high_watermark);
}

std::vector<log::PartitionOffset> LogDirectories::checkpoint_entries(const LogDirectory& directory,
                                                                     Checkpoint kind) const {
  std::vector<log::PartitionOffset> entries;
  const auto add = [&](PartitionLog& log) {
    if (&log.health() != &directory.health) return;
    switch (kind) {
      case Checkpoint::recovery_point:
        log.note_checkpointed(log.recovery_point());
        entries.push_back({log.partition(), log.recovery_point()});
        break;
      case Checkpoint::log_start:  // as Kafka: what the segments tell is not written down
        if (log.log_start() > log.segment_bases().front()) {
          entries.push_back({log.partition(), log.log_start()});
        }
        break;
      case Checkpoint::high_watermark:
        entries.push_back({log.partition(), log.high_watermark()});
        break;
      case Checkpoint::clean_point:
        if (log.clean_point()) entries.push_back({log.partition(), *log.clean_point()});
        break;
    }
  };
  for (const auto& log : logs_on_disk()) add(*log);
  for (const DirectoryReport::Copy& copy : copies_in(directory)) add(*copy.copy);
  add_recovering(directory, kind, entries);
  return entries;
}

runtime::Task<> LogDirectories::write_checkpoint(Checkpoint kind) {
  for (const auto& directory : directories_) {
    if (directory->health.online()) (void)co_await write_checkpoint_of(*directory, kind);
  }
}

runtime::Task<Result<>> LogDirectories::write_checkpoint_of(LogDirectory& directory,
                                                            Checkpoint kind) {
  static constexpr std::string_view names[] = {
      log::file_names::recovery_point, log::file_names::log_start_offset,
      log::file_names::high_watermark, log::file_names::cleaner_offset};
  const std::function<LogDirectory::Entries()> entries = [&] {
    return checkpoint_entries(directory, kind);
  };
  const Result<> written =
      co_await directory.write_checkpoint(names[static_cast<std::size_t>(kind)], entries);
  if (!written && runtime::is_no_space(written.error())) {
    logging::warn("no space for a checkpoint: directory={}", directory.path);
  } else if (!written) {
    directory.health.fail(written.error(), "checkpoint");
  }
  co_return written;
}

runtime::Task<> LogDirectories::write_checkpoints() {
  co_await write_recovery_points();
  co_await write_log_starts();
  co_await write_checkpoint(Checkpoint::high_watermark);
}

// ---- the end ----

runtime::Task<> LogDirectories::close_log(std::shared_ptr<PartitionLog> log) {
  const Result<> closed = co_await log->close();
  if (closed) co_return;
  logging::warn("not closed cleanly: partition={} cause={}", log->partition(), closed.error().why);
  if (LogDirectory* directory = directory_of(*log)) directory->loaded = false;
}

runtime::Task<> LogDirectories::stop(BrokerEpoch broker_epoch) {
  tasks_.cancel();
  co_await tasks_.join();
  co_await stop_recovery();
  const auto logs = logs_on_disk();
  auto close = [&](std::size_t index) { return close_log(logs[index]); };
  co_await for_each_in_parallel(shard_.context(), logs.size(), parallel_closes, close);
  co_await close_copies();
  if (loaded_) {
    co_await write_checkpoint(Checkpoint::recovery_point);
    co_await write_checkpoint(Checkpoint::log_start);
    co_await write_checkpoint(Checkpoint::high_watermark);
  }
  for (const auto& directory : directories_) {
    if (!directory->health.online() || !directory->loaded) continue;
    const Result<> marked = co_await directory->write_clean_marker(broker_epoch);
    if (!marked) logging::warn("no clean marker in {}: {}", directory->path, marked.error().why);
  }
  logs_.clear();
  for (LogDirectory* directory : all()) directory->lock.reset();
}

}  // namespace cairn::storage
