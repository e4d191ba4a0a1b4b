// SPDX-License-Identifier: Apache-2.0
#include "replica_fetcher.hpp"

#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>

namespace cairn::partition {

using namespace replication;
using protocol::FetchResponse;
using runtime::Task;

namespace {

/// Those who join ask again soon, so that a newcomer waits for no one's patience, and in small
/// turns, so that clients get theirs in between.
constexpr Duration joining_patience = std::chrono::milliseconds(50);
constexpr std::int32_t joining_bytes = 2 << 20;
constexpr std::int64_t latest_mark = -1, earliest_mark = -2;

}  // namespace

ReplicaFetcher::ReplicaFetcher(ReplicaFetchers& group, BrokerId leader, FetchLane lane)
    : group_(group), leader_(leader), lane_(lane) {}

ReplicaFetcher::~ReplicaFetcher() = default;

void ReplicaFetcher::add(std::shared_ptr<Followed> one) {
  const ReplicaKey key = one->key;
  partitions_.insert_or_assign(key, std::move(one));
  unasked_.insert(key);
  changed_.set();
}

void ReplicaFetcher::remove(const ReplicaKey& key) {
  partitions_.erase(key);
  unasked_.erase(key);
  session_.remove(key);
}

void ReplicaFetcher::reconnect() {
  other_process_ = true;
  disconnect();
  changed_.set();
}

void ReplicaFetcher::disconnect() {
  if (peer_) peer_->disconnect();
}

Task<> ReplicaFetcher::close() {
  if (peer_) co_await peer_->stop();
}

Task<> ReplicaFetcher::run() {
  while (!co_await runtime::cancelled()) {
    if (lane_ == FetchLane::steady) group_.hand_over(*this);
    co_await flush_before_asking();
    note_wishes();
    if (!session_.empty()) {
      co_await fetch_once();
      continue;
    }
    if (const auto at = next_retry()) {
      co_await changed_.wait_until(group_.shard_.clock(), *at);
    } else {
      co_await changed_.wait();
    }
  }
}

// ---- before asking ----

/// What a leader may count must be on disk: the end that is told is the flushed end.
Task<> ReplicaFetcher::flush_before_asking() {
  runtime::TaskGroup flushes(group_.shard_.context());
  for (const ReplicaKey& key : unasked_) {
    const std::shared_ptr<Followed>& one = partitions_.at(key);
    if (!one->state.may_ask(group_.shard_.clock().now())) continue;
    if (!one->started) flushes.spawn(start(one));
    if (one->started && one->partition->flush_counts() &&
        one->state.must_flush(one->partition->follower_log())) {
      flushes.spawn(flush(one));
    }
  }
  if (flushes.size() > 0) co_await flushes.join();
}

Task<> ReplicaFetcher::start(std::shared_ptr<Followed> one) {
  one->busy = true;
  const auto cut_to = one->state.cut_at_start(one->partition->follower_log());
  if (cut_to) co_await cut(one, *cut_to, no_offset);
  one->started = true;
  one->busy = false;
  if (!one->dropped && one->partition->flush_counts() &&
      one->state.must_flush(one->partition->follower_log())) {
    co_await flush(one);
  }
}

Task<> ReplicaFetcher::flush(std::shared_ptr<Followed> one) {
  one->busy = true;
  const Result<> flushed = co_await one->partition->flush_as_follower(one->state.leader_epoch());
  one->busy = false;
  if (!flushed) failed(one, flushed.error());
}

/// It catches up, and what throttled replicas may take is used up for now (KIP-73).
bool ReplicaFetcher::held_back(const Followed& one, Instant now) const {
  return one.partition->throttled().follower && !one.state.caught_up() &&
         group_.throttle_.exceeded(now);
}

void ReplicaFetcher::note_wishes() {
  const Instant now = group_.shard_.clock().now();
  for (auto it = unasked_.begin(); it != unasked_.end();) {
    Followed& one = *partitions_.at(*it);
    const bool on_disk =
        !one.partition->flush_counts() || !one.state.must_flush(one.partition->follower_log());
    if (one.busy || !one.started || !one.state.may_ask(now) || !on_disk || held_back(one, now)) {
      session_.remove(*it++);
      continue;
    }
    session_.set(
        *it, one.state.wish(one.partition->follower_log(), group_.config_.replica.fetch_max_bytes));
    it = unasked_.erase(it);
  }
}

std::optional<Instant> ReplicaFetcher::next_retry() const {
  std::optional<Instant> next;
  const Instant now = group_.shard_.clock().now();
  for (const ReplicaKey& key : unasked_) {
    const Followed& one = *partitions_.at(key);
    if (one.busy) continue;  // whoever is at work on it wakes us
    Instant at = one.state.retry_at();
    if (held_back(one, now)) at = std::max(at, group_.throttle_.free_at(now));
    if (!next || at < *next) next = at;
  }
  return next;
}

/// How long the leader may keep the request: not beyond the time when someone else wants to ask.
Duration ReplicaFetcher::patience() const {
  Duration longest = group_.config_.replica.fetch_wait_max;
  if (lane_ == FetchLane::joining) longest = std::min(longest, joining_patience);
  if (const auto at = next_retry()) longest = std::min(longest, *at - group_.shard_.clock().now());
  return std::max(longest, Duration::zero());
}

// ---- asking ----

/// False: nobody knows where the leader is.
Task<bool> ReplicaFetcher::connect() {
  if (std::exchange(other_process_, false) && peer_) {
    const std::unique_ptr<transport::Peer> old = std::move(peer_);
    session_.on_failure();
    co_await old->stop();
  }
  const metadata::Broker* broker = group_.image_->broker(leader_);
  const metadata::Endpoint* at =
      broker == nullptr ? nullptr : broker->endpoint(group_.config_.inter_broker_listener_name);
  if (at == nullptr) co_return false;
  if (!peer_) {
    transport::PeerOptions options;
    options.client_id = fmt::format("broker-{}-fetcher", group_.config_.node_id);
    options.backoff_first = std::chrono::milliseconds(10);
    options.backoff_limit = group_.config_.replica.fetch_backoff;
    peer_ = std::make_unique<transport::Peer>(group_.shard_, group_.network_,
                                              runtime::Endpoint{at->host, at->port}, options);
  }
  co_return true;
}

Task<> ReplicaFetcher::fetch_once() {
  if (!co_await connect()) co_return all_failed();
  const FetcherSession::Request asked = session_.next();
  const Instant deadline =
      group_.shard_.clock().now() + patience() + group_.config_.replica.socket_timeout;
  protocol::FetchRequest request = make_request(asked);
  group_.requests_.add();
  auto answer = co_await peer_->ask(std::move(request),
                                    fetch_version(group_.image_->metadata_version()), deadline);
  if (!answer) {
    session_.on_failure();
    co_return all_failed();
  }
  std::vector<ReplicaKey> answered;
  for (const auto& topic : answer->response.responses) {
    for (const FetchedData& data : topic.partitions) {
      answered.push_back({topic.topic_id, PartitionIndex(data.partition_index)});
    }
  }
  const ErrorCode error = answer->response.error_code;
  if (!session_.on_response(error, answer->response.session_id, answered)) {
    logging::info("a fetch session with broker {} begins anew: {}", leader_, to_string(error));
    const bool at_once = !asked.full() && (error == ErrorCode::fetch_session_id_not_found ||
                                           error == ErrorCode::invalid_fetch_session_epoch ||
                                           error == ErrorCode::fetch_session_topic_id_error);
    if (!at_once) all_failed();
    co_return;
  }
  co_await take(answer->response);
}

protocol::FetchRequest ReplicaFetcher::make_request(const FetcherSession::Request& asked) const {
  const config::ReplicaConfig& limits = group_.config_.replica;
  protocol::FetchRequest request;
  const metadata::Broker* self = group_.image_->broker(group_.config_.node_id);
  const std::int32_t id = group_.config_.node_id.value();
  if (fetch_version(group_.image_->metadata_version()) >= 15) {
    request.replica_state = {.replica_id = id,
                             .replica_epoch = self == nullptr ? -1 : self->epoch.value()};
  } else {
    request.replica_id = id;
  }
  request.max_wait_ms = static_cast<std::int32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(patience()).count());
  request.min_bytes = limits.fetch_min_bytes;
  request.max_bytes = limits.fetch_response_max_bytes;
  if (lane_ == FetchLane::joining) request.max_bytes = std::min(request.max_bytes, joining_bytes);
  request.session_id = asked.session_id;
  request.session_epoch = asked.session_epoch;
  for (const auto& [key, wish] : asked.partitions) {
    if (request.topics.empty() || request.topics.back().topic_id != key.topic) {
      request.topics.emplace_back().topic_id = key.topic;
    }
    auto& partition = request.topics.back().partitions.emplace_back();
    partition.partition = key.partition.value();
    partition.current_leader_epoch = wish.current_leader_epoch.value();
    partition.fetch_offset = wish.fetch_offset.value();
    partition.last_fetched_epoch = wish.last_fetched_epoch.value();
    partition.log_start_offset = wish.log_start.value();
    partition.partition_max_bytes = wish.max_bytes;
  }
  for (const ReplicaKey& key : asked.forgotten) {
    auto& forgotten = request.forgotten_topics_data;
    if (forgotten.empty() || forgotten.back().topic_id != key.topic) {
      forgotten.emplace_back().topic_id = key.topic;
    }
    forgotten.back().partitions.push_back(key.partition.value());
  }
  return request;
}

// ---- taking what came ----

/// All partitions at once: what one waits for holds no other up, and others run in between.
Task<> ReplicaFetcher::take(const FetchResponse& response) {
  runtime::TaskGroup works(group_.shard_.context());
  for (const auto& topic : response.responses) {
    for (const FetchedData& data : topic.partitions) {
      const ReplicaKey key{topic.topic_id, PartitionIndex(data.partition_index)};
      const auto one = partitions_.find(key);
      const FetchWish* wish = session_.wish(key);
      if (one == partitions_.end() || wish == nullptr) continue;  // it went elsewhere
      one->second->busy = true;
      works.spawn(take_one(one->second, *wish, data));
    }
  }
  if (works.size() > 0) co_await works.join();
  if (std::exchange(log_starts_moved_, false) && group_.save_log_starts_) {
    co_await group_.save_log_starts_();
  }
}

Task<> ReplicaFetcher::take_one(std::shared_ptr<Followed> one, FetchWish asked,
                                const FetchedData& data) {
  const FetchedPartition answered{
      .error = data.error_code,
      .diverging = {Epoch(data.diverging_epoch.epoch), Offset(data.diverging_epoch.end_offset)},
      .high_watermark = Offset(data.high_watermark),
      .log_start = Offset(data.log_start_offset),
      .has_records = data.records && !data.records->empty()};
  const FollowerStep step = one->state.on_answer(asked, answered, one->partition->follower_log(),
                                                 group_.shard_.clock().now());
  if (std::holds_alternative<Take>(step)) {
    co_await take_records(one, asked, data);
  } else if (const Cut* cut_to = std::get_if<Cut>(&step)) {
    co_await cut(one, cut_to->to, answered.high_watermark);
  } else if (std::holds_alternative<AskRange>(step)) {
    co_await settle_range(one);
  } else if (std::holds_alternative<Wait>(step)) {
    logging::debug("a leader refuses its follower partition={} error={}", one->partition->id(),
                   to_string(answered.error));
    group_.move_to_joining(one);
  }
  one->busy = false;
  if (one->dropped) co_return;
  const auto mine = partitions_.find(one->key);
  if (mine != partitions_.end() && mine->second == one) {
    unasked_.insert(one->key);
    if (one->joins && one->state.caught_up()) group_.fetcher(group_.steady_of(*one)).wake();
  } else {
    group_.fetcher_of(*one).wake();
  }
}

Task<> ReplicaFetcher::take_records(std::shared_ptr<Followed> one, FetchWish asked,
                                    const FetchedData& data) {
  const BytesView records = data.records ? data.records->view() : BytesView{};
  const Offset high_watermark(data.high_watermark);
  const storage::PartitionLog& log = one->partition->log();
  const Offset start = log.log_start();
  const auto taken =
      co_await one->partition->take_fetched({.epoch = one->state.leader_epoch(),
                                             .at = asked.fetch_offset,
                                             .records = records,
                                             .leader_high_watermark = high_watermark,
                                             .leader_log_start = Offset(data.log_start_offset)});
  // Where a segment begins the files tell it.
  if (log.log_start() > start && log.log_start() > log.segment_bases().front()) {
    log_starts_moved_ = true;
  }
  if (one->dropped) co_return;
  if (!taken) co_return failed(one, taken.error());
  group_.bytes_in_.add(static_cast<double>(records.size()));
  if (one->partition->throttled().follower) {
    group_.throttle_.record(records.size(), group_.shard_.clock().now());
  }
  one->state.on_taken(high_watermark, log.log_end());
  // Far behind: with the others who are.
  if (!one->state.caught_up() && records.size() * 2 >= static_cast<std::size_t>(asked.max_bytes)) {
    group_.move_to_joining(one);
  }
}

Task<> ReplicaFetcher::cut(std::shared_ptr<Followed> one, Offset to, Offset leader_high_watermark) {
  const auto done = co_await one->partition->cut_as_follower(one->state.leader_epoch(), to,
                                                             leader_high_watermark);
  if (one->dropped) co_return;
  if (!done) co_return failed(one, done.error());
  one->state.on_cut();
}

/// The leader's log does not hold the offset: it ends before, or begins behind it.
Task<> ReplicaFetcher::settle_range(std::shared_ptr<Followed> one) {
  const auto end = co_await ask_offset(one, latest_mark);
  if (one->dropped) co_return;
  if (!end) co_return failed(one, end.error());
  const auto start = co_await ask_offset(one, earliest_mark);
  if (one->dropped) co_return;
  if (!start) co_return failed(one, start.error());
  const RangeStep step = one->state.on_range(*start, *end, one->partition->follower_log());
  if (const Cut* cut_to = std::get_if<Cut>(&step)) {
    logging::warn("the leader's log ends before ours partition={} at={}", one->partition->id(),
                  cut_to->to);
    co_await cut(one, cut_to->to, no_offset);
  } else if (const RestartAt* restart = std::get_if<RestartAt>(&step)) {
    const Offset at = restart->offset;
    const auto done = co_await one->partition->restart_as_follower(one->state.leader_epoch(), at);
    if (!one->dropped && !done) failed(one, done.error());
  } else {
    one->state.on_failure(group_.shard_.clock().now());
  }
}

Task<Result<Offset>> ReplicaFetcher::ask_offset(std::shared_ptr<Followed> one,
                                                std::int64_t timestamp) {
  protocol::ListOffsetsRequest request;
  request.replica_id = group_.config_.node_id.value();
  request.isolation_level = 1;
  auto& topic = request.topics.emplace_back();
  topic.name = one->partition->id().topic;
  topic.partitions.push_back({.partition_index = one->key.partition.value(),
                              .current_leader_epoch = one->state.leader_epoch().value(),
                              .timestamp = timestamp});
  const std::int16_t version = list_offsets_version(group_.image_->metadata_version());
  CO_TRY(const auto response, co_await peer_->call(std::move(request), version));
  if (response.topics.size() != 1 || response.topics[0].partitions.size() != 1) {
    co_return fail(ErrorCode::unknown_server_error, "another partition was answered");
  }
  const auto& answer = response.topics[0].partitions[0];
  if (answer.error_code != ErrorCode::none) co_return fail(answer.error_code, "refused");
  co_return Offset(answer.offset);
}

// ---- failures ----

void ReplicaFetcher::failed(const std::shared_ptr<Followed>& one, const Error& error) {
  if (one->dropped) return;
  logging::info("following waits partition={} error={} reason=\"{}\"", one->partition->id(),
                to_string(error.code), error.why);
  one->state.on_failure(group_.shard_.clock().now());
  if (!one->partition->log().healthy()) return group_.fail(one);
  group_.move_to_joining(one);
}

void ReplicaFetcher::all_failed() {
  const Instant now = group_.shard_.clock().now();
  for (const auto& [key, one] : partitions_) {
    one->state.on_failure(now);
    unasked_.insert(key);
  }
}

// ---- versions ----

std::int16_t fetch_version(std::int16_t level) {
  if (level >= 27) return 18;
  if (level >= 21) return 17;
  if (level >= 19) return 16;
  if (level >= 10) return 15;
  return level >= 9 ? 14 : 13;
}

std::int16_t list_offsets_version(std::int16_t level) {
  if (level >= 29) return 11;
  if (level >= 25) return 10;
  if (level >= 21) return 9;
  return level >= 9 ? 8 : 7;
}

}  // namespace cairn::partition
