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
    auto recovering = std::make_unique<Recovering>(std::move(one), &directory);
    const auto [at, fresh] = recovering_.try_emplace(key, std::move(recovering));
    if (fresh) {
      directory.recovery->queue.push_back(key);
      continue;
    }
    --directory.recovery->left;
    directory.loaded = false;
    logging::error("{} stands in two log directories; that in {} is left alone",
                   at->second->found.partition, directory.path);
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
    const Result<> loaded = co_await load_log(directory, recovering.found, progress);
    directory.recovery->threads[thread].reset();
    if (!loaded && stopping_) co_return;  // what the checkpoints said of it is still to be kept
    --directory.recovery->left;
    recovering_.erase(key);
    if (directory.recovery->left == 0) end_recovery(directory);
    recovered_.set();
    if (!progress->abandoned && tell_recovered_) tell_recovered_(key);
  }
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
  for (const auto& [key, recovering] : recovering_) recovering->directory->loaded = false;
}

/// Its topic was deleted, or it is to be elsewhere: what is at work on it ends, and the log is
/// opened no more. The directory is renamed as that of any log.
runtime::Task<> LogDirectories::give_up_recovery(LogKey key) {
  const auto at = recovering_.find(key);
  if (at == recovering_.end()) co_return;
  LogDirectory& directory = *at->second->directory;
  const std::string path = at->second->found.path;
  const TopicPartition partition = at->second->found.partition;
  at->second->progress->abandoned = true;
  if (!at->second->thread) {
    recovering_.erase(at);
    if (--directory.recovery->left == 0) end_recovery(directory);
  }
  while (recovering(key)) {
    if (!co_await recovered_.wait()) co_return;
  }
  lost_.erase(key);
  if (find(key)) co_return;  // it was just done: removed like any other
  const auto removed = co_await set_aside_deleted(directory, partition, path);
  if (!removed) logging::warn("a deleted partition stays on disk: {}", path);
}

void LogDirectories::add_recovering(const LogDirectory& directory, Checkpoint kind,
                                    std::vector<log::PartitionOffset>& entries) const {
  const LogDirectory::Offsets& before =
      kind == Checkpoint::recovery_point ? directory.recovery_points
      : kind == Checkpoint::log_start    ? directory.log_starts
      : kind == Checkpoint::clean_point  ? directory.clean_points
                                         : directory.high_watermarks;
  for (const auto& [key, recovering] : recovering_) {
    if (recovering->directory != &directory) continue;
    const auto at = before.find(recovering->found.partition);
    if (at != before.end()) entries.push_back({at->first, at->second});
  }
}

}  // namespace cairn::storage
