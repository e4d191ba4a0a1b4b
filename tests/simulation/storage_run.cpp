// SPDX-License-Identifier: Apache-2.0
#include "storage_run.hpp"

#include <fmt/format.h>

#include <cairn/base/assert.hpp>
#include <cairn/base/log.hpp>

#include "storage_host.hpp"
#include "storage_operations.hpp"

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;
using storage::LogKey;

constexpr std::uint64_t reserve = 24'000;

/// What the seed draws before anything runs.
struct StoragePlan {
  int logs = 1;
  int directories = 1;
  bool kills = false, crashes = false, stops = false, errors = false, full = false, low = false;
  bool damage = false, truncations = false, deletions = false, unreserved = false;
};

StoragePlan draw(Random& random) {
  StoragePlan plan;
  plan.logs = static_cast<int>(random.between(1, 3));
  plan.directories = random.chance(0.3) ? 2 : 1;
  for (bool* kind : {&plan.kills, &plan.crashes, &plan.stops, &plan.errors, &plan.full, &plan.low,
                     &plan.damage, &plan.truncations, &plan.deletions, &plan.unreserved}) {
    *kind = random.chance(0.6);
  }
  if (!plan.kills && !plan.stops) plan.crashes = true;
  return plan;
}

std::string words_of(const StoragePlan& plan) {
  std::string text = fmt::format("{} logs in {} directories;", plan.logs, plan.directories);
  for (const auto& [on, name] : {std::pair(plan.kills, " kills"),
                                 {plan.crashes, " power"},
                                 {plan.stops, " stops"},
                                 {plan.errors, " I/O errors"},
                                 {plan.full, " full disk"},
                                 {plan.unreserved, " (found at writes)"},
                                 {plan.low, " little space"},
                                 {plan.damage, " damage"},
                                 {plan.truncations, " truncations"},
                                 {plan.deletions, " deletions"}}) {
    if (on) text += name;
  }
  return text;
}

class StorageRun {
 public:
  explicit StorageRun(const StorageRunOptions& options)
      : options_(options),
        world_(options.seed),
        random_(world_.random().fork()),
        plan_(draw(random_)),
        host_(world_, {.directories = plan_.directories,
                       .reserved_space = plan_.low ? reserve : 0,
                       .scanned_whole = random_.chance(0.5) ? 2'000u : 1u << 20}) {
    attempts_.reserve(std::size_t{1} << 16);
    for (int i = 0; i < plan_.logs; ++i) add_log(i);
  }

  RunResult go() {
    const Instant began = world_.now();
    revive();
    for (int i = 0; i < options_.rounds && wrong_.empty(); ++i) round();
    if (wrong_.empty()) {
      restart(Ending::stopped);
    }
    RunResult result{.trace_hash = world_.trace_hash(),
                     .virtual_time = world_.now() - began,
                     .faults = faults_,
                     .plan = words_of(plan_)};
    for (const Attempt& attempt : attempts_) result.acknowledged += attempt.fate == Fate::done;
    if (!wrong_.empty()) result.violations.push_back({"storage", wrong_ + recent_operations()});
    return result;
  }

 private:
  struct Hosted {
    LogModel model;
    int number = 0;
    std::int32_t epoch = 1;
  };

  // ---- one round ----

  void round() {
    if (random_.chance(0.1)) world_.run_for(std::chrono::milliseconds(random_.below(6'000)));
    if (plan_.deletions && random_.chance(0.01)) return recreate();
    const LogKey key = pick();
    LogPointer log = host_.log(key);
    if (!log) return fail_with("a log is missing");
    auto asked = std::make_shared<Round>(attempts_);
    draw_faults(*asked);
    const int count = static_cast<int>(random_.between(1, 6));
    for (int i = 0; i < count; ++i) {
      ask(asked, logs_.at(key), log);
      if (random_.chance(0.4)) world_.run_for(std::chrono::microseconds(random_.below(1'500)));
    }
    const Ending ending = draw_ending();
    if (ending == Ending::settled || ending == Ending::stopped) {
      if (!world_.run_until([&] { return asked->running == 0; }, 1min)) {
        return fail_with("I29: an operation never ended");
      }
    } else {
      world_.run_for(std::chrono::microseconds(random_.below(5'000)));
    }
    finish(key, asked, std::move(log), ending);
  }

  void finish(LogKey key, const RoundPointer& asked, LogPointer log, Ending ending) {
    host_.machine().faults().fails = nullptr;
    if (!low_space_) host_.machine().faults().space.reset();
    if (!asked->wrong.empty()) return fail_with(asked->wrong);
    pending_[key] = asked->asked;
    const bool lives = ending == Ending::settled || ending == Ending::stopped;
    if (lives && (asked->io_failed || host_.broken())) {
      // Whatever is asked of a broken log is refused; then the node ends, and recovers.
      probe_broken(key, log);
      const bool power = plan_.crashes && random_.chance(0.5);
      ending = power ? Ending::crashed : Ending::killed;
    }
    log.reset();  // it does not outlive its process
    if (!wrong_.empty()) return;
    if (ending != Ending::settled) return restart(ending);
    judge(key, Ending::settled);
    pending_.clear();
    const LogPointer now = host_.log(key);
    if (now && wrong_.empty()) move_high_watermark(logs_.at(key), now);
  }

  void probe_broken(const LogKey& key, const LogPointer& log) {
    if (log->healthy()) return;
    auto asked = std::make_shared<Round>(attempts_);
    ask_append(asked, logs_.at(key), log, record::Origin::client);
    launch(asked, flush_log(asked, log));
    world_.run_until([&] { return asked->running == 0; }, 1min);
    if (!asked->wrong.empty()) fail_with(asked->wrong);
    for (const std::uint64_t id : asked->asked.appends) pending_[key].appends.push_back(id);
  }

  Ending draw_ending() {
    if (!random_.chance(0.06)) return Ending::settled;
    switch (random_.below(3)) {
      case 0:
        return plan_.kills ? Ending::killed : Ending::settled;
      case 1:
        return plan_.crashes ? Ending::crashed : Ending::settled;
      default:
        return plan_.stops ? Ending::stopped : Ending::settled;
    }
  }

  /// Faults that last for a round; little space lasts for many.
  void draw_faults(Round& asked) {
    world::DiskFaults& faults = host_.machine().faults();
    if (low_space_ && --low_space_rounds_ == 0) {
      low_space_ = false;
      faults.space.reset();
    } else if (plan_.low && !low_space_ && random_.chance(0.02)) {
      low_space_ = true;
      low_space_rounds_ = 30;
      internal_appends_ = 0;
      faults.space = host_.machine().used() + reserve + 4'000;
      note("little space");
    }
    faults.reserves = low_space_ || !plan_.unreserved;
    if (plan_.full && !low_space_ && random_.chance(0.05)) {
      faults.space = host_.machine().used() + random_.below(3'000);
      ++faults_;
      note("full");
    }
    if (plan_.errors && random_.chance(0.02)) draw_error();
    asked.spacious = !faults.space.has_value();
  }

  void draw_error() {
    static constexpr std::string_view kinds[] = {"write",  "sync", "allocate", "truncate",
                                                 "rename", "read", "open",     "any"};
    const std::string_view kind = kinds[random_.below(std::size(kinds))];
    const double likely = random_.chance(0.5) ? 1.0 : 0.2;
    host_.machine().faults().fails = [this, kind, likely](std::string_view operation,
                                                          const std::string&) {
      return (kind == "any" || kind == operation) && random_.chance(likely);
    };
    ++faults_;
    note(fmt::format("errors of {}", kind));
  }

  // ---- operations ----

  void ask(const RoundPointer& asked, Hosted& hosted, const LogPointer& log) {
    const Offset start = log->log_start();
    switch (random_.below(16)) {
      case 0:
        note("roll");
        return launch(asked, roll_log(asked, log));
      case 1:
        if (!plan_.truncations || !random_.chance(0.3)) break;
        return ask_truncation(asked, hosted, log);
      case 2: {
        const Offset to = between(start, log->high_watermark());
        note(fmt::format("start {}", to));
        return launch(asked, advance_start(asked, log, to, &host_.directories()));
      }
      case 3:
        note("retention");
        return launch(asked, retain(asked, log));
      case 4:
        note("spill");
        return launch(asked, spill(asked, log));
      case 5:
        return launch(asked, read_some(asked, log, between(start, log->high_watermark())));
      case 6:
      case 7:
      case 8:
        note("flush");
        return launch(asked, flush_log(asked, log));
      case 9:
        return ask_append(asked, hosted, log, record::Origin::coordinator);
      default:
        break;
    }
    ask_append(asked, hosted, log, record::Origin::client);
  }

  void ask_truncation(const RoundPointer& asked, Hosted& hosted, const LogPointer& log) {
    const Offset to = between(log->high_watermark(), log->log_end());
    note(fmt::format("truncate {}", to));
    ++hosted.epoch;
    launch(asked, truncate_log(asked, log, to));
  }

  void ask_append(const RoundPointer& asked, Hosted& hosted, const LogPointer& log,
                  record::Origin origin) {
    if (random_.chance(0.02)) ++hosted.epoch;
    Attempt attempt{.records = static_cast<int>(random_.between(1, 4)),
                    .timestamp = host_.now_ms() + random_.between(-4'000, 4'000),
                    .padding = static_cast<std::size_t>(random_.below(500)),
                    .epoch = Epoch(hosted.epoch)};
    const bool internal = origin == record::Origin::coordinator;
    if (!internal && random_.chance(0.5)) {
      attempt.producer = ProducerId(static_cast<std::int64_t>(random_.below(3)));
      const auto entry = log->producers().entry(attempt.producer);
      attempt.sequence = entry ? entry->last_sequence() + 1 : 0;
      if (entry && entry->batch_count > 0 && random_.chance(0.2)) {  // the same once more
        const log::ProducerBatch& last = entry->kept().back();
        attempt.records = last.offset_delta + 1;
        attempt.sequence = last.first_sequence();
      }
    }
    attempts_.push_back(attempt);
    const std::uint64_t id = attempts_.size();
    asked->asked.appends.push_back(id);
    note(fmt::format("append {}{}", id, internal ? " (internal)" : ""));
    launch(asked, append_batch(asked, log, id, origin));
    if (internal && low_space_) watch_internal(asked, id);
  }

  /// L35: what clients may not take is left for internal topics.
  void watch_internal(const RoundPointer& asked, std::uint64_t id) {
    if (++internal_appends_ > 4) return;
    world_.run_until([&] { return attempts_[id - 1].fate != Fate::pending; }, 1min);
    if (attempts_[id - 1].fate == Fate::refused && !asked->io_failed &&
        host_.machine().faults().fails == nullptr) {
      asked->wrong = fmt::format("L35: internal batch {} found no room; clients took it", id);
    }
  }

  void move_high_watermark(Hosted& hosted, const LogPointer& log) {
    if (random_.chance(0.3)) return;
    log->set_high_watermark(log->flushed());
    hosted.model.set_high_watermark(log->high_watermark());
  }

  /// Delete and create anew under the same name; perhaps the node dies at it.
  void recreate() {
    const LogKey old = pick();
    const int number = logs_.at(old).number;
    host_.logs().erase(old);
    logs_.erase(old);
    const LogKey fresh = add_log(number);
    const HostedLog& log = host_.logs().at(fresh);
    note(fmt::format("recreate {}", log.partition));
    auto done = std::make_shared<bool>(false);
    auto work = [](storage::LogDirectories& directories, LogKey old, LogKey fresh, HostedLog log,
                   std::shared_ptr<bool> done) -> runtime::Task<> {
      const auto removed = co_await directories.remove(old);
      co_await directories.forget_removed();
      const auto made = directories.create(fresh, log.partition, log.options);
      *done = removed && made;
    };
    spawn(work(host_.directories(), old, fresh, log, done));
    if (plan_.crashes && random_.chance(0.4)) {
      world_.run_for(std::chrono::microseconds(random_.below(8'000)));
      return restart(Ending::crashed);
    }
    low_space_ = false;
    host_.machine().faults().space.reset();
    world_.run_until([&] { return *done || host_.broken(); }, 1min);
    if (!*done) fail_with("a deletion or a creation failed");
  }

  // ---- lives ----

  void restart(Ending ending) {
    ++faults_;
    note(ending == Ending::stopped ? "stop" : ending == Ending::killed ? "kill" : "crash");
    host_.machine().faults() = {};
    low_space_ = false;
    list_files();
    const bool dropped = host_.machine().has_dropped();
    if (ending == Ending::stopped) {
      host_.stop();
    } else if (ending == Ending::killed) {
      host_.kill();
      if (dropped) ending = Ending::crashed;  // what was not flushed may be gone all the same
    } else {
      host_.crash();
    }
    list_files();
    if (plan_.damage && random_.chance(0.5)) note(host_.damage(random_));
    ending = die_while_loading(ending);
    revive();
    if (!wrong_.empty()) return;
    for (const auto& [key, hosted] : logs_) {
      if (wrong_.empty()) judge(key, ending);
    }
    pending_.clear();
  }

  /// Hit again before it serves; with the marker of a clean stop, too (L29).
  Ending die_while_loading(Ending ending) {
    for (int i = 0; i < 3 && random_.chance(0.25); ++i) {
      host_.begin();
      if (plan_.errors && random_.chance(0.3)) draw_error();
      world_.run_for(std::chrono::microseconds(random_.below(40'000)));
      host_.machine().faults() = {};
      note("dies while it loads");
      ++faults_;
      const bool power = plan_.crashes && random_.chance(0.6);
      const bool dropped = host_.machine().has_dropped();
      power ? host_.crash() : host_.kill();
      if (power || dropped) {
        ending = ending == Ending::stopped ? Ending::stopped : Ending::crashed;
      }
    }
    return ending;
  }

  /// With --log: what lies on the disk.
  void list_files() {
    if (!logging::enabled(logging::Level::debug)) return;
    for (const std::string& path : host_.machine().files_below("/d")) {
      logging::debug("{} {}", path, host_.machine().content(path)->size());
    }
  }

  void revive() {
    host_.begin();
    if (!world_.run_until([this] { return host_.ready() || host_.broken(); }, 1min) ||
        host_.broken()) {
      fail_with(fmt::format("I29: the start failed: {}", host_.refused()));
    }
  }

  // ---- judgement ----

  void judge(const LogKey& key, Ending ending) {
    const LogPointer log = host_.log(key);
    if (!log) return fail_with("a log is missing after a start");
    Hosted& hosted = logs_.at(key);
    const auto content = run(read_all_of(log, 1 + random_.below(4'000)));
    if (!content) return fail_with(fmt::format("I24: unreadable: {}", content.error().why));
    const storage::LogOptions& options = host_.logs().at(key).options;
    const RetentionBounds bounds{.bytes = options.retention.retention_bytes,
                                 .age_ms = options.retention.retention_ms,
                                 .now_ms = host_.now_ms()};
    std::string wrong = hosted.model.judge(pending_[key], *content, ending, bounds);
    if (wrong.empty() && log->log_end() > log->log_start()) {
      const std::vector<Found>& batches = hosted.model.batches();
      wrong = run(probe(log, batches, between(log->log_start(), log->log_end() - 1),
                        batches[random_.below(batches.size())].timestamp,
                        hosted.model.highest_start_wanted()));
    }
    if (!wrong.empty()) fail_with(fmt::format("{}: {}", log->partition(), wrong));
    if (ending != Ending::settled) hosted.model.set_high_watermark(log->high_watermark());
  }

  template <class T>
  T run(runtime::Task<T> task) {
    auto out = std::make_shared<std::optional<T>>();
    auto store = [](runtime::Task<T> task,
                    std::shared_ptr<std::optional<T>> out) -> runtime::Task<> {
      out->emplace(co_await std::move(task));
    };
    spawn(store(std::move(task), out));
    ASSERT(world_.run_until([&] { return out->has_value(); }), "a look at a log comes to its end");
    return std::move(**out);
  }
  void launch(const RoundPointer& round, runtime::Task<> operation) {
    ++round->running;
    spawn(std::move(operation));
  }
  void spawn(runtime::Task<> task) { host_.process().shard().tasks().spawn(std::move(task)); }

  // ---- small things ----

  LogKey add_log(int number) {
    const LogKey key{Uuid::random(random_), PartitionIndex(number)};
    storage::LogOptions options;
    options.roll.segment_bytes = static_cast<std::int32_t>(random_.between(1'200, 6'000));
    options.index_interval_bytes = static_cast<std::uint32_t>(random_.below(900));
    options.retention.retention_bytes = random_.chance(0.5) ? random_.between(2'000, 12'000) : -1;
    options.retention.retention_ms = random_.chance(0.5) ? random_.between(4'000, 30'000) : -1;
    if (options.retention.retention_bytes < 0 && options.retention.retention_ms < 0) {
      options.retention.retention_bytes = 20'000;
    }
    options.rules.segment_bytes = static_cast<std::size_t>(options.roll.segment_bytes);
    options.file_delete_delay = 300ms;
    host_.logs().emplace(key, HostedLog{{"topic", key.partition}, key.topic, options});
    logs_.emplace(key, Hosted{.model = LogModel(attempts_), .number = number});
    return key;
  }
  LogKey pick() {
    auto at = logs_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(logs_.size())));
    return at->first;
  }
  Offset between(Offset low, Offset high) {
    return Offset(random_.between(low.value(), std::max(low, high).value()));
  }
  void note(std::string what) {
    recent_.push_back(std::move(what));
    if (recent_.size() > 40) recent_.erase(recent_.begin());
  }
  std::string recent_operations() const {
    std::string text = "\n    after: ";
    for (const std::string& what : recent_) text += what + "; ";
    return text;
  }
  void fail_with(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }

  StorageRunOptions options_;
  world::World world_;
  Random random_;
  StoragePlan plan_;
  StorageHost host_;
  std::vector<Attempt> attempts_;
  std::map<LogKey, Hosted> logs_;
  std::map<LogKey, Asked> pending_;  // of the round that ended now
  std::vector<std::string> recent_;
  bool low_space_ = false;
  int low_space_rounds_ = 0;
  int internal_appends_ = 0;
  std::size_t faults_ = 0;
  std::string wrong_;
};

}  // namespace

RunResult simulate_storage(const StorageRunOptions& options) { return StorageRun(options).go(); }

}  // namespace cairn::simulation
