// SPDX-License-Identifier: Apache-2.0
// After an unclean stop: the logs of a directory recover beside the work of the node, a bounded
// number at a time, each ready as soon as it is done. Until then its entries of the checkpoints
// stay what they were, or a second crash would cost them.
#include "log_directories_recovery.hpp"

#include <algorithm>

#include <cairn/base/log.hpp>

#include "log_directory.hpp"

namespace cairn::storage {

namespace {

constexpr auto report_interval = std::chrono::seconds(10);

}  // namespace

void LogDirectories::start_recovery(LogDirectory& directory, std::vector<Found> found) {
  const auto width = std::min(
      static_cast<std::size_t>(std::max(options_.config.recovery_threads_per_dir, std::int32_t{1})),
      found.size());
  logging::info("recovering after an unclean stop: directory={} logs={} threads={}", directory.path,
                found.size(), width);
  directory.recovery->began = environment_.clock.now();
  directory.recovery->left = found.size();
  directory.recovery->threads.assign(width, nullptr);
  for (Found& one : found) {
    const LogKey key = one.key;
    if (const auto at = recovering_.find(key); at != recovering_.end()) {
      at->second->twins.push_back({&directory, std::move(one)});
      continue;
    }
    recovering_[key] = std::make_unique<Recovering>(std::move(one), &directory);
    directory.recovery->queue.push_back(key);
  }
  expose_recovery(directory);
  if (directory.recovery->left == 0) return end_recovery(directory);
  for (std::size_t i = 0; i < width; ++i) recoveries_.spawn(recover_logs(directory, i));
  tasks_.spawn(report_recovery(directory));
}

void LogDirectories::expose_recovery(LogDirectory& directory) {
  Metrics& metrics = shard_.metrics();
  const std::shared_ptr<const DirectoryRecovery> recovery = directory.recovery;
  metrics.observe("kafka_log_logmanager_remaininglogstorecover",
                  "Logs found after an unclean stop that are not ready yet.",
                  {{"dir", directory.path}},
                  [recovery] { return static_cast<double>(recovery->left); });
  for (std::size_t i = 0; i < directory.recovery->threads.size(); ++i) {
    metrics.observe("kafka_log_logmanager_remainingsegmentstorecover",
                    "Segments left of the log that this thread recovers.",
                    {{"dir", directory.path}, {"threadNum", fmt::format("{}", i)}}, [recovery, i] {
                      const auto& progress = recovery->threads[i];
                      return progress ? static_cast<double>(progress->segments_left) : 0;
                    });
  }
}

/// One of the directory's threads: takes logs until none is left.
runtime::Task<> LogDirectories::recover_logs(LogDirectory& directory, std::size_t thread) {
  while (!directory.recovery->queue.empty() && !stopping_) {
    const LogKey key = directory.recovery->queue.front();
    directory.recovery->queue.pop_front();
    const auto at = recovering_.find(key);
    if (at == recovering_.end()) continue;  // given up before its turn
    Recovering& recovering = *at->second;   // stays until this task erases it
    recovering.thread = thread;
    const auto progress = recovering.progress;
    directory.recovery->threads[thread] = progress;
    const bool left = co_await recover_log(recovering);
    directory.recovery->threads[thread].reset();
    if (!left) co_return;  // what the checkpoints said of it is still to be kept
    for (const FoundCopy& twin : recovering.twins) count_recovered(*twin.directory);
    recovering_.erase(key);
    count_recovered(directory);
    recovered_.set();
    if (!progress->abandoned && !found_copies_.empty()) co_await resume_moves();
    if (!progress->abandoned && tell_recovered_) tell_recovered_(key);
  }
}

/// False: the node stops, and the next start is to find it all as it was.
runtime::Task<bool> LogDirectories::recover_log(Recovering& recovering) {
  const auto progress = recovering.progress;
  Result<> loaded = co_await load_log(*recovering.directory, recovering.found, progress);
  if (!loaded && stopping_) co_return false;
  // By number: another directory may still add one while it is listed.
  for (std::size_t i = 0; i < recovering.twins.size() && !progress->abandoned; ++i) {
    FoundCopy twin = recovering.twins[i];
    loaded = co_await load_log(*twin.directory, twin.found, progress);
    if (!loaded && stopping_) co_return false;
  }
  co_return true;
}

void LogDirectories::count_recovered(LogDirectory& directory) {
  if (--directory.recovery->left == 0) end_recovery(directory);
}

/// What was read from the checkpoints is not needed any more.
void LogDirectories::end_recovery(LogDirectory& directory) {
  directory.loaded = directory.loaded && directory.health.online();
  directory.recovery_points.clear();
  directory.log_starts.clear();
  directory.high_watermarks.clear();
  directory.clean_points.clear();
  if (directory.recovery->threads.empty()) return;  // nothing had to recover
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      environment_.clock.now() - directory.recovery->began);
  logging::info("recovery ended: directory={} ms={}{}", directory.path, took.count(),
                directory.loaded ? "" : " not all of it could be loaded");
}

runtime::Task<> LogDirectories::report_recovery(LogDirectory& directory) {
  while (co_await environment_.clock.sleep_for(report_interval) && directory.recovery->left > 0) {
    std::size_t segments = 0;
    for (const auto& progress : directory.recovery->threads) {
      if (progress) segments += progress->segments_left;
    }
    logging::info("recovering: directory={} logs left={} segments left of those at work={}",
                  directory.path, directory.recovery->left, segments);
  }
}

runtime::Task<bool> LogDirectories::wait_recovered() {
  while (!recovering_.empty()) {
    if (!co_await recovered_.wait()) co_return false;
  }
  co_return true;
}

/// Logs that are not ready stay as they are for the next start.
runtime::Task<> LogDirectories::stop_recovery() {
  stopping_ = true;
  for (const auto& [key, recovering] : recovering_) recovering->progress->abandoned = true;
  co_await recoveries_.join();
  for (const auto& [key, recovering] : recovering_) {
    recovering->directory->loaded = false;
    for (const FoundCopy& twin : recovering->twins) twin.directory->loaded = false;
  }
}

/// Its topic was deleted, or it is to be elsewhere: what is at work on it ends, and the log is
/// opened no more. The directory is renamed as that of any log.
runtime::Task<> LogDirectories::give_up_recovery(LogKey key) {
  const auto at = recovering_.find(key);
  if (at == recovering_.end()) co_return;
  std::vector<FoundCopy> all = at->second->twins;
  all.push_back({at->second->directory, at->second->found});
  at->second->progress->abandoned = true;
  if (!at->second->thread) {
    recovering_.erase(at);
    for (const FoundCopy& one : all) count_recovered(*one.directory);
  }
  while (recovering(key)) {
    if (!co_await recovered_.wait()) co_return;
  }
  lost_.erase(key);
  removed_since_checkpoint_ = true;
  const std::shared_ptr<PartitionLog> ready = find(key);  // just done: removed like any other
  for (const FoundCopy& one : all) {
    if (ready && ready->directory() == one.found.path) continue;
    const auto there = co_await environment_.disk.stat(one.found.path);
    if (there && !there->exists) continue;  // a stray by now
    const auto removed =
        co_await set_aside_deleted(*one.directory, one.found.partition, one.found.path);
    if (!removed) logging::warn("a deleted partition stays on disk: {}", one.found.path);
  }
}

void LogDirectories::add_recovering(const LogDirectory& directory, Checkpoint kind,
                                    std::vector<log::PartitionOffset>& entries) const {
  const LogDirectory::Offsets& before =
      kind == Checkpoint::recovery_point ? directory.recovery_points
      : kind == Checkpoint::log_start    ? directory.log_starts
      : kind == Checkpoint::clean_point  ? directory.clean_points
                                         : directory.high_watermarks;
  const auto keep = [&](const LogDirectory* in, const TopicPartition& partition) {
    if (in != &directory) return;
    const auto at = before.find(partition);
    if (at != before.end()) entries.push_back({at->first, at->second});
  };
  for (const auto& [key, recovering] : recovering_) {
    // Twins that were opened already are in the checkpoint as what they are.
    const auto ready = logs_.find(key);
    const LogDirectory* done = ready == logs_.end() ? nullptr : directory_of(*ready->second);
    if (recovering->directory != done) keep(recovering->directory, recovering->found.partition);
    for (const FoundCopy& twin : recovering->twins) {
      if (twin.directory != done) keep(twin.directory, twin.found.partition);
    }
  }
}

}  // namespace cairn::storage
