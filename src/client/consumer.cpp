// SPDX-License-Identifier: Apache-2.0
// The Consumer's face and its poll loop.
#include <algorithm>

#include <cairn/client/consumer.hpp>

#include "consumer_state.hpp"
#include "errors.hpp"

namespace cairn::client {

Consumer::Consumer(runtime::Shard& shard, runtime::Network& network, ClientOptions client_options,
                   ConsumerOptions consumer_options)
    : state_(std::make_unique<State>(shard, network, std::move(client_options),
                                     std::move(consumer_options))) {}
Consumer::~Consumer() = default;

Result<> Consumer::subscribe(std::vector<std::string> topics, RebalanceListener* listener) {
  return state_->subscribe(std::move(topics), listener);
}
Result<> Consumer::subscribe_pattern(std::string pattern, RebalanceListener* listener) {
  return state_->subscribe_pattern(std::move(pattern), listener);
}
Result<> Consumer::assign(Partitions partitions) { return state_->assign(std::move(partitions)); }

runtime::Task<Result<std::vector<PolledRecords>>> Consumer::poll(Duration timeout) {
  return state_->poll(timeout);
}
void Consumer::wakeup() { state_->wakeup(); }

std::set<TopicPartition> Consumer::assignment() const { return state_->positions().assigned(); }
bool Consumer::settled() const { return !state_->membership() || state_->membership()->settled(); }

void Consumer::seek(const TopicPartition& partition, Offset offset) {
  state_->positions().seek(partition, offset);
}
void Consumer::seek_to(const TopicPartition& partition, OffsetReset where) {
  const auto lookup = where == OffsetReset::earliest ? Lookup::beginning
                      : where == OffsetReset::latest ? Lookup::end
                                                     : Lookup::committed;
  state_->positions().look_up(partition, lookup);
}
std::optional<Offset> Consumer::position(const TopicPartition& partition) const {
  const auto* progress = state_->positions().find(partition);
  return progress ? progress->position : std::nullopt;
}
void Consumer::pause(const TopicPartition& partition) {
  if (auto* progress = state_->positions().find(partition)) progress->paused = true;
}
void Consumer::resume(const TopicPartition& partition) {
  if (auto* progress = state_->positions().find(partition)) progress->paused = false;
}
std::set<TopicPartition> Consumer::paused() const {
  std::set<TopicPartition> out;
  for (const auto& [partition, progress] : state_->positions().all()) {
    if (progress.paused) out.insert(partition);
  }
  return out;
}
Offset Consumer::end_of(const TopicPartition& partition) const {
  const auto* progress = state_->positions().find(partition);
  return progress ? progress->end : no_offset;
}

runtime::Task<Result<>> Consumer::commit() {
  return state_->commit(state_->positions().committable());
}
runtime::Task<Result<>> Consumer::commit(CommittedOffsets offsets) {
  return state_->commit(std::move(offsets));
}
runtime::Task<Result<CommittedOffsets>> Consumer::committed(Partitions partitions) {
  return state_->committed(std::move(partitions));
}

using FoundMap = std::map<TopicPartition, TimestampedOffset>;

namespace {

std::map<TopicPartition, std::int64_t> all_at(const Partitions& partitions,
                                              std::int64_t timestamp) {
  std::map<TopicPartition, std::int64_t> out;
  for (const auto& partition : partitions) out[partition] = timestamp;
  return out;
}

}  // namespace

runtime::Task<Result<FoundMap>> Consumer::offsets_for_times(
    std::map<TopicPartition, std::int64_t> timestamps) {
  return state_->look_up(std::move(timestamps));
}
runtime::Task<Result<FoundMap>> Consumer::beginning_offsets(Partitions partitions) {
  return state_->look_up(all_at(partitions, special_timestamp::earliest));
}
runtime::Task<Result<FoundMap>> Consumer::end_offsets(Partitions partitions) {
  return state_->look_up(all_at(partitions, special_timestamp::latest));
}
runtime::Task<Result<Partitions>> Consumer::partitions_of(std::string topic) {
  return state_->partitions_of(std::move(topic));
}
runtime::Task<Result<>> Consumer::close() { return state_->close(); }

std::string Consumer::member_id() const {
  return state_->membership() ? state_->membership()->member_id() : "";
}
std::int32_t Consumer::generation() const {
  return state_->membership() ? state_->membership()->generation() : -1;
}
Cluster& Consumer::cluster() { return state_->cluster(); }

Consumer::State::State(runtime::Shard& shard, runtime::Network& network,
                       ClientOptions client_options, ConsumerOptions options)
    : cluster_(shard, network, std::move(client_options)),
      options_(std::move(options)),
      link_(cluster_, options_.group_id),
      tasks_(shard.context()),
      fetcher_(cluster_, options_, positions_, tasks_, activity_) {}

void Consumer::State::start() {
  if (std::exchange(started_, true)) return;
  tasks_.spawn(watch_metadata());
}

runtime::Task<> Consumer::State::watch_metadata() {
  while (co_await cluster_.refreshed().wait()) activity_.set();
}

Result<> Consumer::State::assign(Partitions partitions) {
  if (membership_) {
    return fail(ErrorCode::invalid_request, "a consumer either subscribes or is assigned");
  }
  const std::set<TopicPartition> wanted(partitions.begin(), partitions.end());
  for (const auto& partition : wanted) cluster_.follow(partition.topic);
  positions_.assign(wanted);
  return {};
}

void Consumer::State::wakeup() {
  woken_ = true;
  activity_.set();
}

runtime::Task<Result<std::vector<PolledRecords>>> Consumer::State::poll(Duration timeout) {
  start();
  if (closed_) co_return fail(ErrorCode::invalid_request, "the consumer is closed");
  const Instant deadline = cluster_.now() + timeout;
  while (true) {
    if (membership_) {
      membership_->polled(cluster_.now());
      CO_TRY(co_await tend_membership());
    }
    commit_if_due();
    find_positions();
    CO_TRY(auto records, fetcher_.take(options_.max_poll_records));
    const auto retry_at = fetcher_.send();  // reads ahead while these are processed
    if (!records.empty()) co_return records;
    if (!failures_.empty()) {
      const Error error = failures_.front();
      failures_.pop_front();
      co_return std::unexpected(error);
    }
    if (std::exchange(woken_, false) || cluster_.now() >= deadline) co_return records;
    Instant until = retry_at ? std::min(deadline, *retry_at) : deadline;
    if (next_commit_) until = std::min(until, *next_commit_);
    // Waiting here is polling: the membership is told so well within max.poll.interval.ms.
    if (membership_) until = std::min(until, cluster_.now() + options_.heartbeat_interval);
    const bool woken = co_await activity_.wait_until(cluster_.shard().clock(), until);
    if (!woken && co_await runtime::cancelled()) co_return records;
  }
}

runtime::Task<Result<>> Consumer::State::commit(CommittedOffsets offsets) {
  if (options_.group_id.empty()) {
    co_return fail(ErrorCode::invalid_group_id, "offsets are committed for a group: set group.id");
  }
  if (offsets.empty()) co_return Result<>{};
  const CommitIdentity identity = membership_ ? membership_->identity() : CommitIdentity{};
  auto outcome =
      co_await commit_offsets(link_, identity, std::move(offsets), cluster_.api_deadline());
  if (!outcome) co_return std::unexpected(outcome.error());
  for (const auto& [partition, code] : *outcome) {
    if (code == ErrorCode::none) continue;
    if (membership_) membership_->noticed(code);
    co_return std::unexpected(error_of(code));
  }
  co_return Result<>{};
}

runtime::Task<Result<CommittedOffsets>> Consumer::State::committed(Partitions partitions) {
  if (options_.group_id.empty()) {
    co_return fail(ErrorCode::invalid_group_id, "offsets are committed for a group: set group.id");
  }
  std::ranges::sort(partitions);
  co_return co_await fetch_offsets(link_, std::move(partitions), cluster_.api_deadline());
}

runtime::Task<Result<FoundMap>> Consumer::State::look_up(
    std::map<TopicPartition, std::int64_t> timestamps) {
  CO_TRY(auto found, co_await list_offsets(cluster_, std::move(timestamps), options_.isolation,
                                           cluster_.api_deadline()));
  FoundMap out;
  for (const auto& [partition, result] : found) {
    if (!result) co_return std::unexpected(result.error());
    out.emplace(partition, *result);
  }
  co_return out;
}

runtime::Task<Result<Partitions>> Consumer::State::partitions_of(std::string topic) {
  CO_TRY(co_await cluster_.await_topic(topic, cluster_.api_deadline()));
  Partitions out;
  for (const auto& partition : cluster_.metadata().topic(topic)->partitions) {
    out.push_back({topic, partition.index});
  }
  co_return out;
}

runtime::Task<Result<>> Consumer::State::close() {
  if (std::exchange(closed_, true)) co_return Result<>{};
  Result<> result;
  if (options_.auto_commit && !options_.group_id.empty()) {
    result = co_await commit(positions_.committable());
  }
  if (membership_) {
    const auto had = positions_.assigned();
    if (listener_ && !had.empty()) co_await listener_->revoked({had.begin(), had.end()});
    const Instant deadline =
        cluster_.now() + std::min<Duration>(cluster_.options().request_timeout, seconds(5));
    co_await membership_->leave("the consumer is being closed", deadline);
    co_await membership_->stop();
  }
  tasks_.cancel();
  co_await tasks_.join();
  co_await cluster_.stop();
  positions_.assign({});
  co_return result;
}

}  // namespace cairn::client
