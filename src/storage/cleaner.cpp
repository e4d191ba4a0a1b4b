// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/storage/cleaner.hpp>
#include <cairn/storage/partition_log.hpp>

namespace cairn::storage {

namespace {

/// How much may go through before the rate is looked at again.
constexpr Duration burst = std::chrono::milliseconds(50);
constexpr Duration longest_sleep = std::chrono::milliseconds(500);

Duration time_for(double seconds) {
  constexpr double longest = 86'400;
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::min(seconds, longest)));
}
/// A log for which there is no space is tried again after this time.
constexpr Duration space_retry = std::chrono::minutes(5);
/// Logs looked at before others have their turn.
constexpr std::size_t looked_at_a_turn = 500;

constexpr std::string_view percent_help = "Of the last cleaning of a log.";

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

CleanerOptions cleaner_options(const config::CleanerConfig& config) {
  CleanerOptions options;
  options.enabled = config.enable;
  options.threads = config.threads;
  options.dedupe_buffer_size = static_cast<std::size_t>(config.dedupe_buffer_size);
  options.load_factor = config.io_buffer_load_factor;
  options.io_buffer_size = static_cast<std::size_t>(config.io_buffer_size);
  options.max_bytes_per_second = config.io_max_bytes_per_second;
  options.backoff = config.backoff;
  return options;
}

void IoThrottle::set_rate(double bytes_per_second) {
  const Instant now = clock_.now();
  if (paid_until_ > now) {
    const double stretch = std::max(bytes_per_second_, 1.0) / std::max(bytes_per_second, 1.0);
    paid_until_ =
        now + time_for(std::chrono::duration<double>(paid_until_ - now).count() * stretch);
  }
  bytes_per_second_ = bytes_per_second;
}

runtime::Task<bool> IoThrottle::take(std::size_t bytes) {
  const Instant now = clock_.now();
  const double cost = static_cast<double>(bytes) / std::max(bytes_per_second_, 1.0);
  paid_until_ = std::max(paid_until_, now) + time_for(cost);
  if (paid_until_ - now > burst) {
    while (paid_until_ > clock_.now()) {  // a new rate may shorten the wait
      if (!co_await clock_.sleep_until(std::min(paid_until_, clock_.now() + longest_sleep))) {
        co_return false;
      }
    }
    co_return true;
  }
  runtime::Waiter turn;
  turn.wake(runtime::Wake::woken);
  co_await turn.suspend();
  co_return !co_await runtime::cancelled();
}

Cleaner::Cleaner(Environment& environment, Metrics& metrics, CleanerOptions options, Logs& logs)
    : environment_(environment),
      metrics_(metrics),
      options_(options),
      logs_(logs),
      throttle_(environment.clock, options.max_bytes_per_second),
      last_run_(std::make_shared<Instant>(environment.clock.now())) {
  metrics_.observe("kafka_log_logcleanermanager_time_since_last_run_ms",
                   "Since the cleaner last looked for work.", {},
                   [clock = &environment.clock, last = last_run_] {
                     return seconds(clock->now() - *last) * 1'000;
                   });
}

void Cleaner::configure(const CleanerOptions& options) {
  options_ = options;
  throttle_.set_rate(options.max_bytes_per_second);
  configured_.set();  // who sleeps may sleep too long, or be one too many
  hire();
}

void Cleaner::start(runtime::TaskGroup& tasks) {
  if (!options_.enabled) return;
  show_uncleanable();
  tasks_ = &tasks;
  hire();
}

void Cleaner::hire() {
  if (tasks_ == nullptr || tasks_->stopping()) return;
  for (; workers_ < options_.threads; ++workers_) tasks_->spawn(work());
}

runtime::Task<> Cleaner::work() {
  while (workers_ <= options_.threads) {
    const bool cleaned = co_await clean_one();
    if (co_await runtime::cancelled()) co_return;
    if (cleaned) continue;
    const Instant until = environment_.clock.now() + options_.backoff;
    co_await configured_.wait_until(environment_.clock, until);
    if (co_await runtime::cancelled()) co_return;
  }
  --workers_;
}

// ---- one log ----

runtime::Task<bool> Cleaner::clean_one() {
  Candidate dirtiest = co_await pick();
  if (!dirtiest.log) co_return false;
  // Between pick's last look and this line nothing waited.
  in_progress_.push_back(dirtiest.log);
  const auto report = co_await clean_log(environment_, dirtiest.log, options_, throttle_);
  std::erase(in_progress_, dirtiest.log);
  if (report) {
    note(dirtiest.log, *report);
    co_await logs_.save_clean_points();
  } else {
    judge(dirtiest.log, report.error());
  }
  co_return true;
}

/// The dirtiest log that is due.
runtime::Task<Cleaner::Candidate> Cleaner::pick() {
  *last_run_ = environment_.clock.now();
  const std::size_t gone = std::erase_if(set_aside_, [&](const SetAside& each) {
    return each.log.expired() || (!each.uncleanable && each.until <= environment_.clock.now());
  });
  if (gone > 0) show_uncleanable();
  Candidate dirtiest;
  double largest_ratio = 0;
  std::int64_t longest_overdue = 0;
  std::size_t looked_at = 0;
  for (const auto& log : logs_.logs_to_clean()) {
    if (++looked_at % looked_at_a_turn == 0 && !co_await throttle_.take(0)) co_return Candidate();
    const log::CleaningPolicy policy = log->options().cleaning;  // may change while we wait
    if (!policy.compact || log->segment_count() < 2 || is_left_out(log)) continue;
    const auto range = co_await cleaning_range_of(log);
    if (!range) {
      judge(log, range.error());
      continue;
    }
    largest_ratio = std::max(largest_ratio, range->dirty_ratio());
    longest_overdue = std::max(longest_overdue, range->overdue_ms);
    const bool dirtier = !dirtiest.log || range->dirty_ratio() > dirtiest.range.dirty_ratio();
    if (range->is_due(policy) && dirtier && !is_left_out(log)) dirtiest = {log, *range};
  }
  metrics_.gauge("kafka_log_logcleanermanager_max_dirty_percent", "Of all logs, at the last look.")
      .set(100 * largest_ratio);
  metrics_
      .gauge("kafka_log_logcleaner_max_compaction_delay_secs",
             "Beyond max.compaction.lag.ms, of all logs, at the last look.")
      .set(static_cast<double>(longest_overdue) / 1'000);
  if (dirtiest.log && is_left_out(dirtiest.log)) co_return Candidate();  // another task was quicker
  co_return dirtiest;
}

bool Cleaner::is_left_out(const std::shared_ptr<PartitionLog>& log) const {
  if (!log->healthy() || std::ranges::find(in_progress_, log) != in_progress_.end()) return true;
  return std::ranges::any_of(set_aside_,
                             [&](const SetAside& each) { return each.log.lock() == log; });
}

/// What a failed cleaning means for the log.
void Cleaner::judge(const std::shared_ptr<PartitionLog>& log, const Error& error) {
  if (is_cleaning_interrupted(error) || !log->healthy()) return;
  if (runtime::is_no_space(error)) {
    logging::warn("cleaning put off, there is no space for it: partition={}", log->partition());
    set_aside_.push_back({log, environment_.clock.now() + space_retry, false});
    return;
  }
  logging::error("cannot be cleaned, left alone until the next start: partition={} cause={}",
                 log->partition(), error.why);
  set_aside_.push_back({log, Instant::max(), true});
  show_uncleanable();
}

// ---- what people see ----

void Cleaner::note(const std::shared_ptr<PartitionLog>& log, const CleaningReport& report) {
  const log::CleaningCounts& counts = report.counts;
  const double recopied = static_cast<double>(counts.bytes_kept) /
                          static_cast<double>(std::max<std::uint64_t>(counts.bytes_read, 1));
  logging::info(
      "cleaned: partition={} from={} to={} segments={}->{} bytes={}->{} records={}->{} ms={}",
      log->partition(), report.from, report.to, report.segments_before, report.segments_after,
      counts.bytes_read, counts.bytes_kept, counts.records_read, counts.records_kept,
      std::chrono::duration_cast<std::chrono::milliseconds>(report.took).count());
  if (counts.records_without_key > 0) {
    logging::warn("dropped records without a key from a compacted log: partition={} records={}",
                  log->partition(), counts.records_without_key);
  }
  metrics_.gauge("kafka_log_logcleaner_max_buffer_utilization_percent", percent_help)
      .set(100 * report.map_utilization);
  metrics_.gauge("kafka_log_logcleaner_cleaner_recopy_percent", percent_help).set(100 * recopied);
  metrics_.gauge("kafka_log_logcleaner_max_clean_time_secs", percent_help)
      .set(seconds(report.took));
}

std::size_t Cleaner::uncleanable_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      set_aside_, [](const SetAside& each) { return each.uncleanable && !each.log.expired(); }));
}

void Cleaner::show_uncleanable() {
  struct Sum {
    double partitions = 0, bytes = 0;
  };
  std::map<std::string, Sum> sums;
  for (const auto& log : logs_.logs_to_clean()) sums[log->health().path()];
  for (const SetAside& each : set_aside_) {
    const auto log = each.log.lock();
    if (!log || !each.uncleanable) continue;
    Sum& sum = sums[log->health().path()];
    sum.partitions += 1;
    sum.bytes += static_cast<double>(log->size());
  }
  for (const auto& [path, sum] : sums) {
    const Labels labels{{"logDirectory", path}};
    metrics_
        .gauge("kafka_log_logcleanermanager_uncleanable_partitions_count",
               "Partitions whose cleaning failed.", labels)
        .set(sum.partitions);
    metrics_
        .gauge("kafka_log_logcleanermanager_uncleanable_bytes",
               "Bytes of the partitions whose cleaning failed.", labels)
        .set(sum.bytes);
  }
}

}  // namespace cairn::storage
