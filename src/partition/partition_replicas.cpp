// SPDX-License-Identifier: Apache-2.0
// A partition's replicas: as their leader it counts them and changes the ISR, as a follower it
// takes what its leader has. After each wait it looks whether the leader epoch is still the one it
// was asked in.
#include <algorithm>

#include <cairn/base/mutant.hpp>
#include <cairn/partition/partition.hpp>
#include <cairn/partition/replication.hpp>
#include <cairn/record/batch.hpp>

namespace cairn::partition {

using replication::IsrAnswer;
using replication::IsrOutcome;
using replication::IsrProposal;
using replication::IsrRules;
using runtime::Task;

// ---- as the leader ----

IsrRules Partition::isr_rules() const {
  return {.now = shard_.clock().now(),
          .max_lag = replication_->isr_changes().lag_time_max(),
          .leader_end = log_->log_end(),
          .eligible = replication_->eligible()};
}

Result<> Partition::on_follower_fetch(BrokerId follower, const replication::FollowerFetch& fetch) {
  TRY(check_leader());
  if (replication_ != nullptr && fetch.broker_epoch >= BrokerEpoch(0) &&
      fetch.broker_epoch < replication_->epoch_of(follower) && !MUTANT("L6")) {
    return fail(ErrorCode::not_leader_or_follower, "the follower has been started anew since");
  }
  TRY(leader_->on_fetch(follower, fetch));
  low_watermark_moved_.set();
  if (replication_ != nullptr) {
    auto proposal = leader_->propose_joining(follower, log_->high_watermark(), isr_rules());
    if (proposal) replication_->isr_changes().submit(shared_from_this(), *std::move(proposal));
  }
  advance_high_watermark();
  return {};
}

void Partition::shrink_isr() {
  if (!leader_ || replication_ == nullptr || !log_->healthy()) return;
  auto proposal = leader_->propose_leaving(isr_rules());
  if (proposal) replication_->isr_changes().submit(shared_from_this(), *std::move(proposal));
}

bool Partition::holds_back(BrokerId follower) const {
  if (!throttled_.leader || !leader_ || replication_ == nullptr) return false;
  const std::vector<BrokerId>& isr = leader_->leadership().isr;
  return std::ranges::find(isr, follower) == isr.end() &&
         replication_->leader_throttle().exceeded(shard_.clock().now());
}

void Partition::count_sent(std::size_t bytes) {
  if (!throttled_.leader || replication_ == nullptr) return;
  replication_->leader_throttle().record(bytes, shard_.clock().now());
}

bool Partition::proposes(const IsrProposal& proposal) const {
  return leader_ && leader_->proposal() == std::optional(proposal);
}

IsrOutcome Partition::on_isr_answer(const IsrProposal& proposal, const IsrAnswer& answer) {
  if (!leader_) return IsrOutcome::unknown;
  const IsrOutcome outcome = leader_->on_answer(proposal, answer, shard_.clock().now());
  if (outcome == IsrOutcome::committed) replication_->isr_changes().count(proposal);
  advance_high_watermark();
  return outcome;
}

// ---- as a follower ----

/// Counts what a fetcher does to the log, so that a new leader's epoch begins behind it.
struct Partition::FollowerWork {
  explicit FollowerWork(Partition& partition) : of(partition) { ++of.follower_works_; }
  FollowerWork(const FollowerWork&) = delete;
  FollowerWork& operator=(const FollowerWork&) = delete;
  ~FollowerWork() {
    if (--of.follower_works_ == 0) of.follower_work_ended_.set();
  }

  Partition& of;
};

Task<> Partition::end_following() {
  if (replication_ != nullptr) replication_->fetchers().forget(key());
  while (follower_works_ > 0) {
    if (!co_await follower_work_ended_.wait()) break;
  }
}

replication::FollowerLog Partition::follower_log() const {
  return {.log_start = log_->log_start(),
          .log_end = log_->log_end(),
          .flushed = log_->flushed(),
          .high_watermark = log_->high_watermark(),
          .epochs = log_->epochs()};
}

Result<> Partition::check_follower(Epoch epoch) const {
  if (retired_ || leader_ || leader_epoch_ != epoch) {
    return fail(ErrorCode::not_leader_or_follower, "another leader epoch has begun");
  }
  if (!log_->healthy()) {
    return fail(ErrorCode::kafka_storage_error, "the partition's log directory is offline");
  }
  return {};
}

namespace {

/// Whole batches, and none of a later epoch than the leader had when it was asked.
BytesView whole_batches(BytesView records, Epoch epoch) {
  record::BatchIterator batches(records);
  std::size_t length = 0;
  while (const auto batch = batches.next()) {
    if (batch->leader_epoch() > epoch) break;
    length = batches.position();
  }
  return records.first(length);
}

}  // namespace

Task<Result<>> Partition::take_fetched(FetchedRecords fetched) {
  CO_TRY(check_follower(fetched.epoch));
  if (appends_ > 0 || log_->log_end() != fetched.at) {
    co_return fail(ErrorCode::offset_not_available, "the log has moved meanwhile");
  }
  const auto self = shared_from_this();
  const FollowerWork work(*this);
  const BytesView records = whole_batches(fetched.records, fetched.epoch);
  if (!records.empty()) {
    CO_TRY(co_await append_fetched(records));
    CO_TRY(check_follower(fetched.epoch));
    if (!flush_counts()) schedule_flush();
  }
  const Offset high_watermark = std::min(fetched.leader_high_watermark, log_->log_end());
  if (high_watermark > log_->high_watermark()) log_->set_high_watermark(high_watermark);
  if (fetched.leader_log_start > log_->log_start()) {
    const Offset start = std::min(fetched.leader_log_start, log_->high_watermark());
    CO_TRY(co_await log_->advance_log_start(start));
  }
  co_return Result<>{};
}

/// A log that begins inside a batch of the leader's takes that batch whole.
Task<Result<>> Partition::append_fetched(BytesView records) {
  const auto first = record::BatchView::parse(records);
  const bool empty = log_->log_start() == log_->log_end();
  if (first && empty && first->base_offset() < log_->log_end() &&
      first->next_offset() > log_->log_end()) {
    CO_TRY(co_await log_->truncate_fully_and_start_at(first->base_offset()));
  }
  CO_TRY(co_await log_->append_as_follower(records));
  co_return Result<>{};
}

Task<Result<>> Partition::cut_as_follower(Epoch epoch, Offset to, Offset leader_high_watermark) {
  CO_TRY(check_follower(epoch));
  if (appends_ > 0) co_return fail(ErrorCode::offset_not_available, "an append is under way");
  const auto self = shared_from_this();
  const FollowerWork work(*this);
  if (MUTANT("L4") && leader_high_watermark > log_->high_watermark()) {
    log_->set_high_watermark(std::min(leader_high_watermark, log_->log_end()));
  }
  co_return co_await log_->truncate_to(to);
}

Task<Result<>> Partition::restart_as_follower(Epoch epoch, Offset at) {
  CO_TRY(check_follower(epoch));
  if (appends_ > 0) co_return fail(ErrorCode::offset_not_available, "an append is under way");
  const auto self = shared_from_this();
  const FollowerWork work(*this);
  co_return co_await log_->truncate_fully_and_start_at(at);
}

Task<Result<>> Partition::flush_as_follower(Epoch epoch) {
  CO_TRY(check_follower(epoch));
  const auto self = shared_from_this();
  const FollowerWork work(*this);
  co_return co_await log_->flush();
}

}  // namespace cairn::partition
