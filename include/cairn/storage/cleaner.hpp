// SPDX-License-Identifier: Apache-2.0
// The log cleaner: compacts the logs whose cleanup.policy has "compact", the dirtiest that is due
// first. log.cleaner.threads are tasks of one shard that take turns with all else: a piece of a
// file at a time, throttled. Invariants: a log is cleaned by one run at a time; a log that cannot
// be cleaned is set aside, with one line that says why, and the others go on. Owner:
// LogDirectories.
#pragma once

#include <chrono>
#include <limits>
#include <memory>
#include <vector>

#include <cairn/base/metrics.hpp>
#include <cairn/config/server_config.hpp>
#include <cairn/log/cleaning.hpp>
#include <cairn/log/cleaning_filter.hpp>
#include <cairn/runtime/event.hpp>
#include <cairn/runtime/task_group.hpp>
#include <cairn/storage/environment.hpp>

namespace cairn::storage {

class PartitionLog;

struct CleanerOptions {
  bool enabled = true;
  int threads = 1;
  std::size_t dedupe_buffer_size = std::size_t{128} << 20;  // of all threads together
  double load_factor = 0.9;
  std::size_t io_buffer_size = std::size_t{512} << 10;  // of all threads together
  double max_bytes_per_second = std::numeric_limits<double>::max();
  std::chrono::milliseconds backoff{15'000};
};
CleanerOptions cleaner_options(const config::CleanerConfig& config);

/// What all that share it read and write, held to a rate: log.cleaner.io.max.bytes.per.second, or
/// replica.alter.log.dirs.io.max.bytes.per.second for moves between directories.
class IoThrottle {
 public:
  IoThrottle(runtime::Clock& clock, double bytes_per_second)
      : clock_(clock), bytes_per_second_(bytes_per_second) {}

  /// What is owed is paid at the new rate.
  void set_rate(double bytes_per_second);
  /// Lets others have their turn, and waits while the rate is exceeded. False: cancelled.
  runtime::Task<bool> take(std::size_t bytes);

 private:
  runtime::Clock& clock_;
  double bytes_per_second_;
  Instant paid_until_{};
};

struct CleaningReport {
  Offset from, to;  // of the dirty part that was cleaned
  log::CleaningCounts counts;
  std::uint64_t bytes_mapped = 0;  // read for the map of keys
  double map_utilization = 0;
  std::size_t segments_before = 0, segments_after = 0;
  Duration took{};
};

/// How far the log may be cleaned now, and whether it is due.
runtime::Task<Result<log::CleaningRange>> cleaning_range_of(std::shared_ptr<PartitionLog> log);

/// One cleaning of one log, due or not. Fails with is_cleaning_interrupted when the log changed
/// under it (truncation, retention, removal) or the task was cancelled, with is_no_space, with
/// kafka_storage_error (the log is broken), or with what is wrong with the log's content. What was
/// cleaned before stays cleaned; nothing half done is left in the directory.
runtime::Task<Result<CleaningReport>> clean_log(Environment& environment,
                                                std::shared_ptr<PartitionLog> log,
                                                const CleanerOptions& options,
                                                IoThrottle& throttle);
bool is_cleaning_interrupted(const Error& error);

class Cleaner {
 public:
  /// Which logs there are, and where their clean points are saved.
  class Logs {
   public:
    virtual ~Logs() = default;
    virtual std::vector<std::shared_ptr<PartitionLog>> logs_to_clean() const = 0;
    /// cleaner-offset-checkpoint of every directory.
    virtual runtime::Task<> save_clean_points() = 0;
  };

  Cleaner(Environment& environment, Metrics& metrics, CleanerOptions options, Logs& logs);

  /// Cleans for ever, until the group is cancelled.
  void start(runtime::TaskGroup& tasks);
  /// Cleans the dirtiest log that is due. False: there is none.
  runtime::Task<bool> clean_one();
  /// New limits, from the next log on.
  void configure(const CleanerOptions& options);

  std::size_t uncleanable_count() const;

 private:
  /// A log left out: for a while, or for ever.
  struct SetAside {
    std::weak_ptr<PartitionLog> log;
    Instant until;
    bool uncleanable;
  };
  struct Candidate {
    std::shared_ptr<PartitionLog> log;
    log::CleaningRange range;
  };

  void hire();
  runtime::Task<> work();
  runtime::Task<Candidate> pick();
  bool is_left_out(const std::shared_ptr<PartitionLog>& log) const;
  void judge(const std::shared_ptr<PartitionLog>& log, const Error& error);
  void note(const std::shared_ptr<PartitionLog>& log, const CleaningReport& report);
  void show_uncleanable();

  Environment& environment_;
  Metrics& metrics_;
  CleanerOptions options_;
  Logs& logs_;
  IoThrottle throttle_;
  std::vector<std::shared_ptr<PartitionLog>> in_progress_;
  std::vector<SetAside> set_aside_;
  std::shared_ptr<Instant> last_run_;
  runtime::TaskGroup* tasks_ = nullptr;  // once started
  int workers_ = 0;
  runtime::Event configured_;
};

}  // namespace cairn::storage
