// SPDX-License-Identifier: Apache-2.0
#include "fetcher.hpp"

#include <algorithm>

#include <cairn/base/log.hpp>

#include "errors.hpp"

namespace cairn::client {

namespace {

constexpr std::int16_t last_fetch_with_names = 12;

std::int32_t wait_ms(Duration duration) {
  return static_cast<std::int32_t>(std::chrono::duration_cast<milliseconds>(duration).count());
}

}  // namespace

Fetcher::Fetcher(Cluster& cluster, const ConsumerOptions& options, Positions& positions,
                 runtime::TaskGroup& tasks, runtime::Event& arrived)
    : cluster_(cluster),
      options_(options),
      positions_(positions),
      tasks_(tasks),
      arrived_(arrived) {}

std::optional<Instant> Fetcher::send() {
  const Instant now = cluster_.now();
  std::optional<Instant> next;
  for (auto& [broker, plan] : collect(now, next)) {
    if (plan.wants.empty() || !busy_.insert(broker).second) continue;
    tasks_.spawn(fetch(broker, std::move(plan)));
  }
  return next;
}

std::map<BrokerId, Fetcher::Plan> Fetcher::collect(Instant now,
                                                   std::optional<Instant>& next) const {
  std::map<BrokerId, Plan> plans;
  for (const auto& [partition, progress] : positions_.all()) {
    if (progress.paused || progress.revoking) continue;
    if (progress.not_before > now) {
      next = next ? std::min(*next, progress.not_before) : progress.not_before;
      continue;
    }
    if (!progress.position) continue;
    const BrokerId source = source_of(partition, progress, now);
    if (source == no_broker) {
      cluster_.mark_stale();
      continue;
    }
    if (busy_.contains(source)) continue;
    if (has_buffered_.contains(partition)) {
      plans[source].others_buffered = true;
      continue;
    }
    const auto* topic = cluster_.metadata().topic(partition.topic);
    const auto* known = cluster_.metadata().partition(partition);
    plans[source].wants[partition] = {
        .topic_id = topic->id,
        .offset = *progress.position,
        .leader_epoch = known->leader_epoch,
        .max_bytes = options_.max_partition_fetch_bytes,
    };
  }
  return plans;
}

BrokerId Fetcher::source_of(const TopicPartition& partition, const Progress& progress,
                            Instant now) const {
  const BrokerId leader = cluster_.metadata().leader(partition);
  const bool prefers = progress.preferred_replica != no_broker && now < progress.preferred_until &&
                       cluster_.metadata().broker(progress.preferred_replica);
  return prefers && leader != no_broker ? progress.preferred_replica : leader;
}

runtime::Task<> Fetcher::fetch(BrokerId broker, Plan plan) {
  auto answer = co_await exchange(broker, plan);
  busy_.erase(broker);
  if (answer) {
    on_answer(broker, plan.wants, *std::move(answer));
  } else {
    logging::debug("fetch from broker {} failed: {}", broker, answer.error().why);
    sessions_[broker].interrupted();
    cluster_.mark_stale();
    wait_out(plan.wants);
  }
  arrived_.set();
}

runtime::Task<Result<Fetcher::Answer>> Fetcher::exchange(BrokerId broker, const Plan& plan) {
  const FetchWants& wants = plan.wants;
  CO_TRY(auto peer, cluster_.peer(broker, Channel::data));
  const Instant deadline = cluster_.call_deadline() + options_.fetch_max_wait;
  CO_TRY(co_await peer->ready(deadline));
  CO_TRY(auto version,
         peer->common_version(protocol::FetchRequest::api_key, protocol::FetchRequest::versions));
  const bool ids_known =
      std::ranges::none_of(wants, [](const auto& want) { return want.second.topic_id.is_zero(); });
  if (!ids_known) version = std::min(version, last_fetch_with_names);
  protocol::FetchRequest request;
  request.max_wait_ms = plan.others_buffered ? 0 : wait_ms(options_.fetch_max_wait);
  request.min_bytes = options_.fetch_min_bytes;
  request.max_bytes = options_.fetch_max_bytes;
  request.isolation_level = static_cast<std::int8_t>(options_.isolation);
  request.rack_id = options_.rack;
  sessions_[broker].prepare(request, wants);
  co_return co_await peer->ask(std::move(request), version, deadline);
}

void Fetcher::on_answer(BrokerId broker, const FetchWants& wants, Answer answer) {
  if (!sessions_[broker].accept(answer.response)) return;  // sent again, in full, at the next turn
  if (answer.response.error_code != ErrorCode::none) {
    logging::debug("fetch from broker {}: {}", broker, to_string(answer.response.error_code));
    cluster_.mark_stale();
    wait_out(wants);
    return;
  }
  for (auto& topic : answer.response.responses) {
    const std::string* name =
        topic.topic.empty() ? cluster_.metadata().name_of(topic.topic_id) : &topic.topic;
    if (!name) continue;
    for (auto& partition : topic.partitions) {
      const TopicPartition id{*name, PartitionIndex(partition.partition_index)};
      const auto want = wants.find(id);
      if (want != wants.end()) on_partition(id, want->second, partition, answer.frame);
    }
  }
}

void Fetcher::on_partition(const TopicPartition& partition, const FetchWant& want,
                           PartitionAnswer& answer, const std::shared_ptr<const void>& frame) {
  Progress* progress = positions_.find(partition);
  if (!progress || progress->position != want.offset) return;  // moved while this was under way
  if (answer.error_code != ErrorCode::none) {
    on_error(partition, *progress, error_of(answer.error_code));
    return;
  }
  progress->end = Offset(options_.isolation == Isolation::read_committed ? answer.last_stable_offset
                                                                         : answer.high_watermark);
  if (answer.preferred_read_replica >= 0) {
    progress->preferred_replica = BrokerId(answer.preferred_read_replica);
    progress->preferred_until = cluster_.now() + cluster_.options().metadata_max_age;
  }
  if (!answer.records || answer.records->empty()) return;
  auto aborted = answer.aborted_transactions.value_or(
      std::vector<protocol::FetchResponse::AbortedTransaction>{});
  buffered_.push_back({partition,
                       RecordStream(answer.records->view(), frame, want.offset, std::move(aborted),
                                    {options_.check_crcs, options_.isolation}),
                       progress->end});
  has_buffered_.insert(partition);
}

void Fetcher::on_error(const TopicPartition& partition, Progress& progress, Error error) {
  progress.preferred_replica = no_broker;
  if (error.code == ErrorCode::offset_out_of_range) {
    const auto reset_done = reset(partition);
    if (!reset_done) failures_.push_back(reset_done.error());
    return;
  }
  progress.not_before = cluster_.now() + cluster_.options().retry_backoff;
  if (wants_metadata(error.code)) {
    cluster_.mark_stale();
  } else if (!is_retriable(error.code)) {
    logging::debug("fetch of {}: {}", partition, to_string(error.code));
    failures_.push_back(error);
  }
}

Result<> Fetcher::reset(const TopicPartition& partition) {
  switch (options_.offset_reset) {
    case OffsetReset::earliest:
      positions_.look_up(partition, Lookup::beginning);
      break;
    case OffsetReset::latest:
      positions_.look_up(partition, Lookup::end);
      break;
    case OffsetReset::none:
      if (auto* progress = positions_.find(partition)) {
        progress->not_before = cluster_.now() + cluster_.options().retry_backoff_max;
      }
      return fail(ErrorCode::offset_out_of_range,
                  "no offset to begin at: none is committed, or it lies outside the log, and "
                  "auto.offset.reset is none");
  }
  return {};
}

void Fetcher::wait_out(const FetchWants& wants) {
  const Instant until = cluster_.now() + cluster_.options().retry_backoff;
  for (const auto& [partition, want] : wants) {
    if (auto* progress = positions_.find(partition)) {
      progress->not_before = until;
      progress->preferred_replica = no_broker;
    }
  }
}

Result<std::vector<PolledRecords>> Fetcher::take(std::size_t most) {
  std::vector<PolledRecords> taken;
  std::size_t count = 0;
  std::deque<Arrived> kept;  // of paused partitions
  while (count < most && !buffered_.empty()) {
    Arrived& front = buffered_.front();
    Progress* progress = positions_.find(front.partition);
    const bool stale = !progress || progress->position != front.stream.position();
    if (!stale && progress->paused) {
      kept.push_back(std::move(front));
      buffered_.pop_front();
      continue;
    }
    if (!stale) {
      PolledRecords polled;
      polled.partition = front.partition;
      polled.high_watermark = front.end;
      const auto read = front.stream.next(most - count, polled);
      progress->position = front.stream.position();
      if (!polled.records.empty()) {
        progress->epoch = front.stream.epoch();
        polled.leader_epoch = progress->epoch;
        count += polled.records.size();
        taken.push_back(std::move(polled));
      }
      if (!read) {
        progress->not_before = cluster_.now() + cluster_.options().retry_backoff_max;
        failures_.push_back(read.error());
      }
    }
    if (stale || front.stream.finished()) {
      has_buffered_.erase(front.partition);
      buffered_.pop_front();
    }
  }
  for (auto& arrived : kept) buffered_.push_back(std::move(arrived));
  if (taken.empty() && !failures_.empty()) {
    const Error error = failures_.front();
    failures_.pop_front();
    return std::unexpected(error);
  }
  return taken;
}

}  // namespace cairn::client
