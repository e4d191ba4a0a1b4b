// SPDX-License-Identifier: Apache-2.0
// Fetch (key 1), versions 4-18. Sessions from 7 (KIP-227), leader epochs from 9 (KIP-320),
// divergence from 12 (KIP-595), topic ids from 13 (KIP-516). A request waits until the partitions
// it names hold min_bytes; bytes are read once, when it is answered, and are the file's own bytes.
#include <algorithm>
#include <chrono>

#include <cairn/base/mutant.hpp>
#include <cairn/partition/fetch_wait.hpp>
#include <cairn/partition/partition_table.hpp>

#include "data.hpp"
#include "on_controller.hpp"

namespace cairn::broker {
namespace {

using namespace protocol;
using partition::FetchWait;
using partition::Partition;
using replication::FetchAnswer;
using replication::FetchKey;
using replication::FetchPartition;
using replication::FetchSession;
using storage::ReadBound;
using PartitionData = FetchResponse::PartitionData;

/// So many bytes are read for one request before others on the shard have their turn.
constexpr std::size_t bytes_of_a_turn = std::size_t{1} << 20;

constexpr std::int16_t first_version_with_session = 7;
constexpr std::int16_t first_version_by_id = 13;
constexpr std::int16_t first_version_with_replica_state = 15;
constexpr std::int32_t consumer = -1;  // any other below 0 compares replicas

/// One partition of the request while it is served.
struct Wanted {
  FetchPartition what;  // a copy: the session may change while this request waits
  FetchSession::Partitions::iterator in_session{};
  std::shared_ptr<Partition> partition{};  // null: `error` says why
  Error error{ErrorCode::none, ""};
  std::uint64_t available = 0;
  std::optional<log::EpochEnd> diverging{};
  bool at_end = false;  // as it was examined, nothing lay above the bound
};

class Fetch {
 public:
  Fetch(Broker& broker, const RequestContext& context, FetchRequest& request)
      : broker_(broker),
        context_(context),
        request_(request),
        by_id_(context.version >= first_version_by_id),
        replica_(context.version >= first_version_with_replica_state
                     ? request.replica_state.replica_id
                     : request.replica_id),
        bound_(bound()) {}

  runtime::Task<FetchResponse> run() {
    if (auto begun = begin(); !begun) co_return refused(begun.error());
    locate();
    if (is_follower()) note_follower();
    co_await wait_for_bytes();
    co_await read();
    co_return std::move(answer_);
  }

 private:
  bool is_follower() const { return replica_ >= 0; }

  ReadBound bound() const {
    if (replica_ != consumer) return ReadBound::log_end;
    return request_.isolation_level == 1 ? ReadBound::last_stable : ReadBound::high_watermark;
  }

  /// Followers and consumers read from leaders; who compares replicas reads from each.
  Result<> check(const Wanted& one) const {
    const Epoch current = one.what.current_leader_epoch;
    if (is_follower() || replica_ == consumer) return one.partition->check_leader(current);
    return one.partition->check_replica(current);
  }

  FetchResponse refused(const Error& error) const {
    FetchResponse response;
    response.error_code = error.code;
    return response;
  }

  FetchKey key_of(const TopicId& id, const std::string& name, std::int32_t index) const {
    if (by_id_) {
      const std::string* known = broker_.partitions.name_of(id);
      return {id, known == nullptr ? std::string() : *known, PartitionIndex(index)};
    }
    return {broker_.partitions.id_of(name), name, PartitionIndex(index)};
  }

  std::vector<FetchPartition> named() const {
    std::vector<FetchPartition> all;
    for (const auto& topic : request_.topics) {
      for (const auto& partition : topic.partitions) {
        all.push_back({.key = key_of(topic.topic_id, topic.topic, partition.partition),
                       .max_bytes = partition.partition_max_bytes,
                       .fetch_offset = Offset(partition.fetch_offset),
                       .current_leader_epoch = Epoch(partition.current_leader_epoch),
                       .last_fetched_epoch = Epoch(partition.last_fetched_epoch),
                       .follower_log_start = Offset(partition.log_start_offset)});
      }
    }
    return all;
  }

  /// Finds out what is to be fetched: the request's partitions, or the session's.
  Result<> begin() {
    std::vector<FetchPartition> partitions = named();
    std::vector<FetchKey> forgotten;
    for (const auto& topic : request_.forgotten_topics_data) {
      for (const std::int32_t index : topic.partitions) {
        forgotten.push_back(key_of(topic.topic_id, topic.topic, index));
      }
    }
    if (context_.version >= first_version_with_session) {
      session_request_ = {.session_id = request_.session_id,
                          .session_epoch = request_.session_epoch,
                          .from_follower = is_follower(),
                          .uses_topic_ids = by_id_};
    }
    auto begun = broker_.partitions.fetch_sessions().begin(session_request_, partitions, forgotten,
                                                           broker_.now());
    if (!begun) return std::unexpected(begun.error());
    session_ = std::move(*begun);
    if (session_) {
      session_epoch_ = session_->epoch();
      auto& all = session_->partitions();
      for (auto it = all.begin(); it != all.end(); ++it)
        wanted_.push_back({.what = *it, .in_session = it});
      answer_.session_id = session_->id();
    } else {
      own_ = std::move(partitions);
      for (const FetchPartition& one : own_) wanted_.push_back({.what = one});
    }
    return {};
  }

  void locate() {
    for (Wanted& one : wanted_) {
      const FetchKey& key = one.what.key;
      one.partition = key.topic_id.is_zero() ? broker_.partitions.find(key.topic, key.partition)
                                             : broker_.partitions.find(key.topic_id, key.partition);
      if (!one.partition) {
        const ErrorCode code = by_id_ ? broker_.partitions.why_missing(key.topic_id, key.partition)
                                      : broker_.partitions.why_missing(key.topic, key.partition);
        one.error = {code, ""};
      }
      examine(one);
    }
  }

  /// Whether the partition can be read at the offset asked for, and how much there is.
  void examine(Wanted& one) {
    one.available = 0;
    if (!one.partition || one.error.code != ErrorCode::none) return;
    if (auto may_read = check(one); !may_read) {
      one.error = may_read.error();
      return;
    }
    const storage::PartitionLog& log = one.partition->log();
    const Offset offset = one.what.fetch_offset;
    if (one.what.last_fetched_epoch >= Epoch(0)) {
      const log::EpochEnd end = log.epoch_end(one.what.last_fetched_epoch);
      if (end.epoch == no_epoch || end.end_offset == no_offset || offset < log.log_start()) {
        one.error = {ErrorCode::offset_out_of_range, ""};
        return;
      }
      if (end.epoch < one.what.last_fetched_epoch || end.end_offset < offset) {
        one.diverging = end;
        return;
      }
    }
    if (offset < log.log_start() || offset > log.log_end()) {
      one.error = {ErrorCode::offset_out_of_range, ""};
      return;
    }
    if (is_follower() && one.partition->holds_back(BrokerId(replica_))) return;
    one.at_end = log.bound_of(bound_) == log.log_end();
    one.available = std::min(log.bytes_available(offset, bound_),
                             static_cast<std::uint64_t>(std::max(one.what.max_bytes, 0)));
  }

  /// What a follower asks for says how far its log reaches. Counted when it asks, not when it is
  /// answered; not while its log diverges, for then its end says nothing of ours (L3).
  void note_follower() {
    for (Wanted& one : wanted_) {
      if (!one.partition || one.error.code != ErrorCode::none) continue;
      if (one.diverging && !MUTANT("L3")) continue;
      const auto noted = one.partition->on_follower_fetch(
          BrokerId(replica_), {.fetch_offset = one.what.fetch_offset,
                               .follower_log_start = one.what.follower_log_start,
                               .leader_end_before = one.partition->log().log_end(),
                               .at = broker_.now(),
                               .broker_epoch = BrokerEpoch(request_.replica_state.replica_epoch)});
      if (!noted) one.error = noted.error();
    }
  }

  /// What there is to answer with, or nothing where an error or a divergence is to be told at once.
  std::optional<std::uint64_t> available() const {
    std::uint64_t sum = 0;
    for (const Wanted& one : wanted_) {
      if (one.error.code != ErrorCode::none || one.diverging) return std::nullopt;
      sum += one.available;
    }
    return sum;
  }

  bool must_answer() const {
    const auto bytes = available();
    return !bytes || *bytes >= static_cast<std::uint64_t>(std::max(request_.min_bytes, 0));
  }

  runtime::Task<> wait_for_bytes() {
    if (request_.max_wait_ms <= 0 || wanted_.empty()) co_return;
    if (must_answer()) co_return co_await gather(Duration::zero());
    FetchWait wait(wanted_.size());
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      wait.watch(*wanted_[i].partition, i, bound_);
    }
    const Instant began = broker_.now();
    const Instant deadline = began + std::chrono::milliseconds(request_.max_wait_ms);
    while (co_await wait.wait_until(broker_.shard.clock(), deadline)) {
      for (const std::size_t index : wait.take_moved()) examine(wanted_[index]);
      if (!must_answer()) continue;
      co_await gather(broker_.now() - began);
      break;
    }
    context_.note_wait(broker_.now() - began);
  }

  /// A consumer's answer may wait a moment for what is about to come; a follower's never.
  runtime::Task<> gather(Duration waited) {
    if (context_.gather == nullptr || is_follower()) co_return;
    const auto before = available();
    if (!before || *before == 0 || !context_.gather->should_wait(waited, *before)) co_return;
    if (!co_await broker_.shard.clock().sleep_for(replication::FetchGather::moment)) co_return;
    for (Wanted& one : wanted_) examine(one);
    const auto after = available();
    context_.gather->waited(after && *after > *before);
  }

  runtime::Task<> read() {
    std::int64_t left = std::min(request_.max_bytes, broker_.config.fetch.max_bytes);
    bool first = true;
    std::size_t in_this_turn = 0;
    std::vector<PartitionData> read;
    read.reserve(wanted_.size());
    for (Wanted& one : wanted_) {
      if (in_this_turn >= bytes_of_a_turn) {
        in_this_turn = 0;
        co_await let_others();
      }
      read.push_back(co_await read_one(one, left, first));
      const PartitionData& data = read.back();
      if (data.records && !data.records->empty()) {
        left -= static_cast<std::int64_t>(data.records->size());
        first = false;
        in_this_turn += data.records->size();
        if (is_follower()) {
          one.partition->count_sent(data.records->size());
        } else {
          count_out(one, static_cast<double>(data.records->size()));
        }
      }
      if (data.error_code != ErrorCode::none) broker_.traffic.failed_fetch_requests.add();
    }
    if (session_ && session_->epoch() != session_epoch_) {
      // Another request of the session overtook this one: what it holds is no longer ours to
      // change.
      answer_ = refused({ErrorCode::invalid_fetch_session_epoch, ""});
      co_return;
    }
    answer(std::move(read));
  }

  static runtime::Task<> let_others() {
    runtime::Waiter turn;
    turn.wake(runtime::Wake::woken);
    co_await turn.suspend(runtime::Cancellation::ignored);
  }

  void count_out(const Wanted& one, double bytes) {
    broker_.traffic.bytes_out.add(bytes);
    one.partition->traffic().bytes_out.add(bytes);
  }

  /// Nothing waits here: the session's partitions are those that were read.
  void answer(std::vector<PartitionData> read) {
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      Wanted& one = wanted_[i];
      const FetchAnswer told{.has_records = read[i].records && !read[i].records->empty(),
                             .diverging = one.diverging.has_value(),
                             .error = read[i].error_code,
                             .high_watermark = Offset(read[i].high_watermark),
                             .log_start = Offset(read[i].log_start_offset)};
      FetchPartition& remembered = session_ ? *one.in_session : own_[i];
      const bool tell = FetchSession::must_answer(remembered, told);
      if (!session_ || tell) put(one.what.key, std::move(read[i]));
      if (session_ && told.has_records) session_->served(one.in_session);
    }
    if (!session_ && session_request_.session_epoch == replication::FetchSessions::initial_epoch) {
      answer_.session_id = broker_.partitions.fetch_sessions().create(
          session_request_, std::move(own_), broker_.shard.random(), broker_.now());
    }
  }

  runtime::Task<PartitionData> read_one(Wanted& one, std::int64_t left, bool first) {
    PartitionData data;
    data.partition_index = one.what.key.partition.value();
    data.records.emplace();
    data.aborted_transactions.reset();
    data.high_watermark = -1;
    if (one.error.code == ErrorCode::none && one.partition) {
      // Leadership may have moved while the request waited.
      if (auto may_read = check(one); !may_read) one.error = may_read.error();
    }
    if (one.error.code == ErrorCode::none) {
      if (one.diverging) {
        describe(one, data);
        data.diverging_epoch.epoch = one.diverging->epoch.value();
        data.diverging_epoch.end_offset = one.diverging->end_offset.value();
      } else if (is_follower() && one.partition->holds_back(BrokerId(replica_))) {
        describe(one, data);
      } else {
        co_await read_records(one, left, first, data);
      }
    }
    if (one.error.code != ErrorCode::none) fail_partition(one, data);
    co_return data;
  }

  static void describe(const Wanted& one, PartitionData& data) {
    data.high_watermark = one.partition->high_watermark().value();
    data.last_stable_offset = one.partition->last_stable().value();
    data.log_start_offset = one.partition->log().log_start().value();
  }

  runtime::Task<> read_records(Wanted& one, std::int64_t left, bool first, PartitionData& data) {
    const std::int64_t most =
        std::max<std::int64_t>(std::min<std::int64_t>(left, one.what.max_bytes), 0);
    auto slice = co_await one.partition->log().read(
        {.offset = one.what.fetch_offset,
         .max_bytes = static_cast<std::size_t>(most),
         .bound = MUTANT("L14") && one.at_end ? ReadBound::log_end : bound_,
         .first_batch = first ? storage::FirstBatch::always : storage::FirstBatch::if_it_fits});
    if (!slice) {
      one.error = slice.error();
      co_return;
    }
    data.high_watermark = slice->high_watermark.value();
    data.last_stable_offset = slice->last_stable.value();
    data.log_start_offset = slice->log_start.value();
    if (bound_ == ReadBound::last_stable) {
      auto aborted = co_await one.partition->log().aborted_transactions(one.what.fetch_offset,
                                                                        slice->next_offset);
      if (!aborted) {
        one.error = aborted.error();
        co_return;
      }
      data.aborted_transactions.emplace();
      for (const log::AbortedTransaction& transaction : *aborted) {
        data.aborted_transactions->push_back({.producer_id = transaction.producer_id.value(),
                                              .first_offset = transaction.first_offset.value()});
      }
    }
    data.records = std::move(slice->records);
  }

  void fail_partition(const Wanted& one, PartitionData& data) const {
    data.error_code = one.error.code;
    data.high_watermark = -1;
    data.last_stable_offset = -1;
    data.log_start_offset = -1;
    data.records.emplace();
    data.aborted_transactions.reset();
    if (one.partition && context_.version >= 12 && one.partition->leader() != no_broker &&
        (one.error.code == ErrorCode::not_leader_or_follower ||
         one.error.code == ErrorCode::fenced_leader_epoch)) {
      data.current_leader.leader_id = one.partition->leader().value();
      data.current_leader.leader_epoch = one.partition->leader_epoch().value();
    }
  }

  void put(const FetchKey& key, PartitionData data) {
    auto& topics = answer_.responses;
    const bool same = !topics.empty() && (by_id_ ? topics.back().topic_id == key.topic_id
                                                 : topics.back().topic == key.topic);
    if (!same) {
      auto& topic = topics.emplace_back();
      topic.topic = key.topic;
      topic.topic_id = key.topic_id;
    }
    topics.back().partitions.push_back(std::move(data));
  }

  Broker& broker_;
  const RequestContext& context_;
  FetchRequest& request_;
  bool by_id_;
  std::int32_t replica_;
  ReadBound bound_;
  replication::FetchSessionRequest session_request_;
  std::shared_ptr<FetchSession> session_;  // null: the request stands alone
  std::int32_t session_epoch_ = 0;
  std::vector<FetchPartition> own_;  // its partitions then
  std::vector<Wanted> wanted_;
  FetchResponse answer_;
};

}  // namespace

runtime::Task<FetchResponse> handle(Broker& broker, const RequestContext& context,
                                    FetchRequest request) {
  if (context.controller_listener) {  // the metadata log, for the quorum and its observers
    auto asked =
        ask_controller(broker, &controller::Controller::fetch, std::move(request), context.version);
    co_return co_await std::move(asked);
  }
  broker.traffic.fetch_requests.add();
  Fetch fetch(broker, context, request);
  co_return co_await fetch.run();
}

}  // namespace cairn::broker
