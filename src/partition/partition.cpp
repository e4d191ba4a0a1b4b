// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/partition/fetch_wait.hpp>
#include <cairn/partition/partition.hpp>
#include <cairn/partition/replication.hpp>

namespace cairn::partition {

using runtime::Task;
using storage::ReadBound;

namespace {
constexpr Duration pause_of_full_disk = std::chrono::milliseconds(500);
}

/// One acks=all append that waits for the high watermark. Lives in wait_committed's frame.
struct Partition::CommitWait : runtime::Hook<InCommitWaits> {
  Offset last;
  runtime::Waiter waiter;
};

/// Counts a leader's append while it is under way: a follower's begins only when none is.
struct Partition::LeaderAppend {
  explicit LeaderAppend(Partition& partition) : of(partition) { ++of.appends_; }
  LeaderAppend(const LeaderAppend&) = delete;
  LeaderAppend& operator=(const LeaderAppend&) = delete;
  ~LeaderAppend() { --of.appends_; }

  Partition& of;
};

Partition::Partition(runtime::Shard& shard, TopicId topic_id,
                     std::shared_ptr<storage::PartitionLog> log,
                     std::shared_ptr<TopicTraffic> traffic)
    : shard_(shard),
      topic_id_(topic_id),
      log_(std::move(log)),
      traffic_(std::move(traffic)),
      tasks_(shard.context()) {}

Partition::~Partition() = default;

// ---- leadership ----

Task<Result<>> Partition::lead(replication::Leadership leadership) {
  leader_id_ = leadership.self;
  if (leader_ && leader_->epoch() == leadership.leader_epoch) {
    if (const auto committed = leader_->committed_by(leadership); committed && replication_) {
      replication_->isr_changes().count(*committed);
    }
    if (leader_->update(std::move(leadership), shard_.clock().now())) {
      watch_followers();
      advance_high_watermark();
    }
    co_return Result<>{};
  }
  // Whoever waits asked another leader epoch.
  leader_.reset();
  leader_epoch_ = leadership.leader_epoch;
  fail_waiters();
  co_await end_following();
  if (retired_) co_return std::unexpected(check_leader().error());
  CO_TRY(co_await log_->assign_epoch(leadership.leader_epoch));
  if (retired_) co_return std::unexpected(check_leader().error());
  leader_.emplace(std::move(leadership), log_->log_end(), shard_.clock().now());
  watch_followers();
  logging::debug("leading partition={} epoch={} end={}", id(), leader_epoch_, log_->log_end());
  advance_high_watermark();
  schedule_flush();
  co_return Result<>{};
}

void Partition::watch_followers() {
  if (replication_ == nullptr) return;
  if (leader_->has_followers()) {
    replication_->isr_changes().watch(shared_from_this());
  } else {
    replication_->isr_changes().unwatch(key());
  }
}

void Partition::follow(BrokerId leader, Epoch leader_epoch) {
  const bool same = !leader_ && leader_id_ == leader && leader_epoch_ == leader_epoch;
  leader_.reset();
  leader_id_ = leader;
  leader_epoch_ = leader_epoch;
  if (!same) {
    logging::debug("following partition={} leader={} epoch={} end={}", id(), leader, leader_epoch,
                   log_->log_end());
    fail_waiters();
  }
  if (replication_ == nullptr || retired_) return;
  replication_->isr_changes().unwatch(key());
  if (leader == no_broker) {
    replication_->fetchers().forget(key());
  } else {
    replication_->fetchers().follow(shared_from_this(), leader, leader_epoch);
  }
}

Task<> Partition::retire(Gone why) {
  retired_ = why;
  leader_.reset();
  co_await stop();
}

Task<> Partition::stop() {
  leader_.reset();
  fail_waiters();
  if (replication_ != nullptr) replication_->isr_changes().unwatch(key());
  co_await end_following();
  tasks_.cancel();
  co_await tasks_.join();
}

void Partition::configure(storage::SharedLogOptions options, std::int32_t min_isr,
                          ThrottledAs throttled) {
  log_->configure(std::move(options));
  min_isr_ = min_isr;
  if (std::exchange(throttled_, throttled) != throttled && replication_ != nullptr) {
    replication_->fetchers().look_again();
  }
  if (!leader_) return;
  advance_high_watermark();
  schedule_flush();
}

Result<> Partition::check_leader(Epoch current) const {
  TRY(check_replica(current));
  if (!leader_) return fail(ErrorCode::not_leader_or_follower, "another broker leads");
  return {};
}

Result<> Partition::check_replica(Epoch current) const {
  if (retired_ == Gone::deleted) {
    return fail(ErrorCode::unknown_topic_or_partition, "the topic was deleted");
  }
  if (retired_) return fail(ErrorCode::not_leader_or_follower, "the replica was moved");
  if (!log_->healthy()) {
    return fail(ErrorCode::kafka_storage_error, "the partition's log directory is offline");
  }
  if (current != no_epoch && current < leader_epoch_) {
    return fail(ErrorCode::fenced_leader_epoch, "the leader epoch is older than this leader's");
  }
  if (current != no_epoch && current > leader_epoch_) {
    return fail(ErrorCode::unknown_leader_epoch, "the leader epoch is newer than known here");
  }
  return {};
}

// ---- writing ----

Task<Result<PartitionAppended>> Partition::append(PartitionAppend append) {
  CO_TRY(check_leader());
  const Epoch epoch = leader_epoch_;
  if (append.expected_epoch && *append.expected_epoch != epoch) {
    co_return fail(ErrorCode::not_leader_or_follower, "the leader epoch has passed");
  }
  if (append.acks == RequiredAcks::all) {
    CO_TRY(leader_->accepts_acks_all(min_isr_));
  }
  const LeaderAppend under_way(*this);
  CO_TRY(const storage::Appended appended,
         co_await log_->append_as_leader({.batches = append.batches,
                                          .leader_epoch = epoch,
                                          .origin = append.origin,
                                          .produce_version = append.produce_version,
                                          .errors = append.errors}));
  // The append happened, whoever leads by now; what it is worth, wait_committed says.
  if (!appended.duplicate) {
    wake_watches(true, false);
    advance_high_watermark();
    schedule_flush();
  }
  PartitionAppended result;
  static_cast<storage::Appended&>(result) = appended;
  result.leader_epoch = epoch;
  co_return result;
}

Task<Result<>> Partition::wait_committed(Offset last, Epoch epoch, Instant deadline) {
  for (;;) {
    CO_TRY(check_leader());
    if (leader_epoch_ != epoch) {
      co_return fail(ErrorCode::not_leader_or_follower, "leadership changed before the commit");
    }
    if (is_committed(last)) {
      if (leader_->accepts_acks_all(min_isr_)) co_return Result<>{};
      co_return fail(ErrorCode::not_enough_replicas_after_append,
                     "appended, and then fewer in-sync replicas than min.insync.replicas");
    }
    CommitWait wait;
    wait.last = last;
    commit_waits_.push_back(wait);
    const runtime::Timer timer(shard_.clock(), wait.waiter, deadline);
    co_await wait.waiter.suspend();
    if (wait.waiter.why() == runtime::Wake::woken) continue;
    if (is_committed(last) && leader_ && leader_epoch_ == epoch) continue;
    co_return fail(ErrorCode::request_timed_out, "not committed in time");
  }
}

/// flush.messages and flush.ms; a segment that was rolled is flushed in any case, so that recovery
/// has little to scan.
void Partition::schedule_flush() {
  if (tasks_.stopping() || log_->flushed() >= log_->log_end()) return;
  const log::FlushLimits& limits = log_->options().flush;
  if (log::should_flush(limits, log_->log_end(), log_->flushed(), 0)) {
    return start_flush(storage::FlushExtent::all);
  }
  if (log_->flush_of_old_segments_due()) start_flush(storage::FlushExtent::rolled);
  constexpr std::int64_t longest = std::chrono::milliseconds(std::chrono::years(1)).count();
  if (limits.flush_ms < longest && !flush_timer_running_) {
    flush_timer_running_ = true;
    tasks_.spawn(flush_after(std::chrono::milliseconds(limits.flush_ms)));
  }
}

void Partition::start_flush(storage::FlushExtent extent) {
  if (flush_running_) return;
  flush_running_ = true;
  tasks_.spawn(flush_until_done(extent));
}

Task<> Partition::flush_after(Duration delay) {
  const auto self = shared_from_this();
  const bool due = co_await shard_.clock().sleep_for(delay);
  flush_timer_running_ = false;
  if (due && log_->flushed() < log_->log_end()) start_flush(storage::FlushExtent::all);
}

/// One task flushes for all that was appended meanwhile, and ends when nothing is left to flush.
Task<> Partition::flush_until_done(storage::FlushExtent extent) {
  const auto self = shared_from_this();
  while (log_->flushed() < log_->log_end()) {
    if (log_->options().flush_before_ack()) extent = storage::FlushExtent::all;
    const auto flushed = co_await log_->flush(extent);
    if (!flushed) {
      // On a full disk what goes with the batches finds no room: later it may, and nobody else
      // asks.
      if (log_->healthy() && co_await shard_.clock().sleep_for(pause_of_full_disk)) continue;
      flush_running_ = false;
      fail_waiters();  // they find the log broken
      co_return;
    }
    advance_high_watermark();
    if (!log_->options().flush_before_ack()) break;
  }
  flush_running_ = false;
}

void Partition::advance_high_watermark() {
  if (!leader_) return;
  const bool flushed_counts = log_->options().flush_before_ack() && !MUTANT("L9");
  const Offset own_end = flushed_counts ? log_->flushed() : log_->log_end();
  const Offset before = log_->high_watermark();
  Offset now;
  if (replication_ != nullptr && leader_->has_followers()) {
    const replication::IsrRules rules = isr_rules();
    now = leader_->high_watermark(before, own_end, min_isr_, &rules);
  } else {
    now = leader_->high_watermark(before, own_end, min_isr_);
  }
  if (now <= before) return;
  log_->set_high_watermark(now);
  for (CommitWait* wait = commit_waits_.first(); wait != nullptr;) {
    CommitWait* const next = commit_waits_.next(*wait);
    if (wait->last < now) {
      static_cast<runtime::Hook<InCommitWaits>&>(*wait).unlink();
      wait->waiter.wake(runtime::Wake::woken);
    }
    wait = next;
  }
  wake_watches(false, true);
}

void Partition::wake_watches(bool end_moved, bool high_watermark_moved) {
  for (FetchWatch* watch = watches_.first(); watch != nullptr; watch = watches_.next(*watch)) {
    const bool moved = watch->bound == ReadBound::log_end ? end_moved : high_watermark_moved;
    if (moved) watch->fetch->on_move(*watch);
  }
}

/// Everyone looks again and finds out what has changed.
void Partition::fail_waiters() {
  while (CommitWait* wait = commit_waits_.first()) {
    static_cast<runtime::Hook<InCommitWaits>&>(*wait).unlink();
    wait->waiter.wake(runtime::Wake::woken);
  }
  low_watermark_moved_.set();
  wake_watches(true, true);
}

// ---- reading ----

Result<Offset> Partition::latest_offset(ReadBound bound) const {
  TRY(check_leader());
  if (bound != ReadBound::log_end && log_->high_watermark() < leader_->epoch_start() &&
      !MUTANT("L11")) {
    return fail(ErrorCode::offset_not_available, "the high watermark has not reached this epoch");
  }
  return log_->bound_of(bound);
}

Task<Result<Offset>> Partition::delete_records(Offset before) {
  CO_TRY(check_leader());
  const Offset target = before == no_offset ? log_->high_watermark() : before;
  if (target < Offset(0) || target > log_->high_watermark()) {
    co_return fail(ErrorCode::offset_out_of_range, "the offset lies above the high watermark");
  }
  CO_TRY(co_await log_->advance_log_start(target));
  wake_watches(true, true);
  co_return log_->log_start();
}

Task<Result<Offset>> Partition::wait_deleted(Offset before, Instant deadline) {
  const auto self = shared_from_this();
  for (;;) {
    CO_TRY(check_leader());
    const Offset lowest = replication_ == nullptr
                              ? log_->log_start()
                              : leader_->low_watermark(log_->log_start(), replication_->eligible());
    if (lowest >= before) co_return lowest;
    if (!co_await low_watermark_moved_.wait_until(shard_.clock(), deadline)) {
      co_return fail(ErrorCode::request_timed_out, "not every replica has deleted yet");
    }
  }
}

}  // namespace cairn::partition
