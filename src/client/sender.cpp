// SPDX-License-Identifier: Apache-2.0
// The producer's loop: what is ready goes out, one request a broker, and answers come back. Nothing
// here suspends but run(), ship() and the identity's request, and each looks anew after waking.
#include "sender.hpp"

#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/protocol/messages/init_producer_id.hpp>

#include "errors.hpp"

namespace cairn::client {

namespace {

constexpr std::int16_t last_produce_with_names = 12;

std::optional<Instant> earlier(std::optional<Instant> one, std::optional<Instant> other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

/// Most of what can be tried again a leader also says of a batch that it has appended, and that
/// then waited for its followers in vain: the leadership moved, the topic went, a disk failed.
Outcome outcome_of(ErrorCode code) {
  const bool refused = code == ErrorCode::not_enough_replicas ||
                       (!is_retriable(code) && code != ErrorCode::unknown_server_error);
  return refused ? Outcome::refused : Outcome::unknown;
}

}  // namespace

runtime::Task<> Producer::Sender::run() {
  while (!tasks_.stopping()) {
    const auto next = send_ready(cluster_.now());
    auto& clock = cluster_.shard().clock();
    const Instant until = next.value_or(cluster_.now() + minutes(1));
    co_await wake_.wait_until(clock, until);
  }
}

runtime::Task<> Producer::Sender::watch_metadata() {
  while (co_await cluster_.refreshed().wait()) wake_.set();
}

/// Sends all that may go; returns when to look again.
std::optional<Instant> Producer::Sender::send_ready(Instant now) {
  if (options_.idempotent && identity_.id == no_producer) {
    if (!obtaining_identity_ && !active_.empty()) {
      obtaining_identity_ = true;
      tasks_.spawn(obtain_identity());
    }
    std::optional<Instant> next;
    for (auto* queue : active_) {
      release(queue->expire(now));
      next = earlier(next, queue->expires_at());
    }
    return next;
  }
  while (true) {
    std::map<BrokerId, Shipment> shipments;
    const auto next = gather(now, shipments);
    if (shipments.empty()) return next;
    for (auto& [broker, shipment] : shipments) {
      requests_in_flight_[broker]++;
      statistics_.requests++;
      tasks_.spawn(ship(std::move(shipment)));
    }
  }
}

/// Takes at most one batch of each queue, as far as requests have room.
std::optional<Instant> Producer::Sender::gather(Instant now,
                                                std::map<BrokerId, Shipment>& shipments) {
  std::erase_if(active_, [](PartitionQueue* queue) {
    queue->is_active = !queue->empty();
    return !queue->is_active;
  });
  std::optional<Instant> next;
  const auto count = active_.size();
  if (count > 0) turn_ = (turn_ + 1) % count;
  for (std::size_t i = 0; i < count; i++) {
    PartitionQueue& queue = *active_[(turn_ + i) % count];
    tend(queue, now);
    next = earlier(next, queue.expires_at());
    const auto ready = queue.ready_at(hurry());
    if (!ready) continue;
    if (*ready > now) {
      next = earlier(next, ready);
      continue;
    }
    const BrokerId leader = cluster_.metadata().leader(queue.partition());
    if (leader == no_broker) {
      cluster_.mark_stale();
      continue;
    }
    if (requests_in_flight_[leader] >= options_.max_in_flight) continue;
    Shipment& shipment = shipments.try_emplace(leader, Shipment{leader, {}, 0}).first->second;
    const auto size = queue.front_size();
    if (!shipment.batches.empty() && shipment.bytes + size > options_.max_request_size) continue;
    shipment.bytes += size;
    PendingBatch& batch = queue.take(identity_);
    shipment.batches.push_back({&queue, &batch, batch.builder.record_count()});
  }
  return next;
}

void Producer::Sender::tend(PartitionQueue& queue, Instant now) {
  release(queue.expire(now));
  if (queue.needs_identity()) renew_identity(queue);
}

Producer::Sender::Hurry Producer::Sender::hurry() const {
  return flushing_ > 0 || closing_ || waiting_for_room_ > 0 ? Hurry::yes : Hurry::no;
}

runtime::Task<> Producer::Sender::ship(Shipment shipment) {
  auto response = co_await exchange(shipment);
  requests_in_flight_[shipment.broker]--;
  if (response) {
    on_response(shipment, *response);
  } else {
    on_failure(shipment, response.error());
  }
  wake_.set();
}

runtime::Task<Result<protocol::ProduceResponse>> Producer::Sender::exchange(
    const Shipment& shipment) {
  CO_TRY(auto peer, cluster_.peer(shipment.broker, Channel::data));
  const Instant deadline = cluster_.call_deadline();
  CO_TRY(co_await peer->ready(deadline));
  std::size_t bytes = 0;
  auto request = make_request(shipment, bytes);
  CO_TRY(auto version, peer->common_version(protocol::ProduceRequest::api_key,
                                            protocol::ProduceRequest::versions));
  const bool ids_known = std::ranges::none_of(
      request.topic_data, [](const auto& topic) { return topic.topic_id.is_zero(); });
  if (!ids_known) version = std::min(version, last_produce_with_names);
  statistics_.bytes += bytes;
  statistics_.batches += shipment.batches.size();
  if (options_.acks == Acks::none) {
    CO_TRY(co_await peer->send(std::move(request), version, deadline));
    co_return protocol::ProduceResponse{};
  }
  co_return co_await peer->call_by(std::move(request), version, deadline);
}

protocol::ProduceRequest Producer::Sender::make_request(const Shipment& shipment,
                                                        std::size_t& bytes) {
  protocol::ProduceRequest request;
  request.acks = static_cast<std::int16_t>(options_.acks);
  request.timeout_ms = static_cast<std::int32_t>(
      std::chrono::duration_cast<milliseconds>(cluster_.options().request_timeout).count());
  std::map<std::string, std::size_t> places;
  for (const auto& sent : shipment.batches) {
    const auto& partition = sent.queue->partition();
    const auto [place, fresh] = places.try_emplace(partition.topic, request.topic_data.size());
    if (fresh) {
      auto& topic = request.topic_data.emplace_back();
      topic.name = partition.topic;
      if (const auto* known = cluster_.metadata().topic(partition.topic))
        topic.topic_id = known->id;
    }
    auto& data = request.topic_data[place->second].partition_data.emplace_back();
    data.index = partition.partition.value();
    data.records = protocol::Records::owning(sent.queue->encode(*sent.batch));
    bytes += data.records->size();
  }
  return request;
}

void Producer::Sender::on_failure(const Shipment& shipment, Error error) {
  for (const auto& sent : shipment.batches) {
    if (is_retriable(error.code)) {
      retry(sent, error, Outcome::unknown);
    } else {
      give_up(sent, error, Outcome::unknown);
    }
  }
  if (wants_metadata(error.code)) cluster_.mark_stale();
}

void Producer::Sender::on_response(const Shipment& shipment,
                                   const protocol::ProduceResponse& response) {
  if (options_.acks == Acks::none) {
    for (const auto& sent : shipment.batches) on_success(sent, no_offset, no_timestamp);
    return;
  }
  using Answer = protocol::ProduceResponse::PartitionProduceResponse;
  std::map<TopicPartition, const Answer*> answers;
  for (const auto& topic : response.responses) {
    const std::string* name =
        topic.name.empty() ? cluster_.metadata().name_of(topic.topic_id) : &topic.name;
    if (!name) continue;  // deleted meanwhile: its batches have no answer below
    for (const auto& partition : topic.partition_responses) {
      answers.emplace(TopicPartition{*name, PartitionIndex(partition.index)}, &partition);
    }
  }
  for (const auto& sent : shipment.batches) {
    const auto found = answers.find(sent.queue->partition());
    if (found == answers.end()) {
      cluster_.mark_stale();
      retry(sent, {ErrorCode::unknown_topic_id, "the topic is not the one that was sent to"},
            Outcome::unknown);
      continue;
    }
    const Answer& answer = *found->second;
    if (answer.error_code == ErrorCode::none) {
      on_success(sent, Offset(answer.base_offset), answer.log_append_time_ms);
    } else {
      on_error(sent, error_of(answer.error_code));
    }
  }
}

void Producer::Sender::on_error(const SentBatch& sent, Error error) {
  using enum ErrorCode;
  switch (error.code) {
    case duplicate_sequence_number:  // it is in the log since an attempt before
      on_success(sent, no_offset, no_timestamp);
      return;
    case message_too_large:
    case record_list_too_large:
      if (sent.queue->split(*sent.batch)) {
        statistics_.retries++;
      } else {
        give_up(sent, error, Outcome::refused);
      }
      return;
    case invalid_producer_epoch:
    case producer_fenced:
    case invalid_producer_id_mapping:
      identity_ = {};  // of no use any more: ask for another
      [[fallthrough]];
    case out_of_order_sequence_number:
    case unknown_producer_id:
      if (!options_.idempotent) return give_up(sent, error, Outcome::refused);
      if (sent.queue->sequence_broken(*sent.batch)) {
        logging::debug(
            "the broker lost track partition={} producer={} epoch={} sequence={} error={}",
            sent.queue->partition(), sent.batch->identity.id, sent.batch->identity.epoch,
            sent.batch->base_sequence, to_string(error.code));
      }
      retry(sent, error, Outcome::refused);
      return;
    default:
      break;
  }
  if (wants_metadata(error.code)) cluster_.mark_stale();
  if (is_retriable(error.code)) {
    retry(sent, error, outcome_of(error.code));
  } else {
    give_up(sent, error, outcome_of(error.code));
  }
}

void Producer::Sender::on_success(const SentBatch& sent, Offset base_offset,
                                  std::int64_t append_time) {
  statistics_.records += static_cast<std::uint64_t>(sent.records);
  release(sent.queue->acknowledged(*sent.batch, base_offset, append_time, cluster_.now()));
}

void Producer::Sender::retry(const SentBatch& sent, Error error, Outcome outcome) {
  statistics_.retries++;
  const auto freed =
      sent.queue->retry(*sent.batch, error, outcome, backoff(sent.batch->attempts), cluster_.now());
  if (freed > 0) statistics_.failed += static_cast<std::uint64_t>(sent.records);
  release(freed);
}

void Producer::Sender::give_up(const SentBatch& sent, Error error, Outcome outcome) {
  statistics_.failed += static_cast<std::uint64_t>(sent.records);
  release(sent.queue->failed(*sent.batch, error, outcome, cluster_.now()));
}

void Producer::Sender::release(std::size_t bytes) {
  if (bytes == 0) return;
  held_bytes_ -= bytes;
  room_.set();
}

Duration Producer::Sender::backoff(std::int32_t attempts) const {
  const auto& options = cluster_.options();
  const int doublings = std::clamp(attempts - 1, 0, 10);
  return std::min(options.retry_backoff * (1 << doublings), options.retry_backoff_max);
}

/// A queue whose sequences broke begins again at 0 under a newer epoch; the other queues keep
/// theirs until they are idle.
void Producer::Sender::renew_identity(PartitionQueue& queue) {
  if (identity_.id == no_producer) return;  // on its way
  if (identity_.epoch.value() == std::numeric_limits<std::int16_t>::max()) {
    identity_ = {};
    wake_.set();
    return;
  }
  identity_.epoch = identity_.epoch + 1;
  queue.renew(identity_);
}

runtime::Task<> Producer::Sender::obtain_identity() {
  Backoff backoff(cluster_.options());
  while (!tasks_.stopping()) {
    protocol::InitProducerIdRequest request;
    request.transactional_id = std::nullopt;
    request.transaction_timeout_ms = std::numeric_limits<std::int32_t>::max();
    request.producer_id = no_producer.value();
    request.producer_epoch = no_producer_epoch.value();
    auto response = co_await cluster_.call_any(std::move(request), cluster_.call_deadline());
    const auto code = response ? response->error_code : response.error().code;
    if (code == ErrorCode::none) {
      identity_ = {ProducerId(response->producer_id), ProducerEpoch(response->producer_epoch)};
      break;
    }
    if (!is_retriable(code)) {
      fatal_ = response ? error_of(code) : response.error();
      for (auto* queue : active_) release(queue->fail_waiting(fatal_, cluster_.now()));
      break;
    }
    if (!co_await cluster_.shard().clock().sleep_for(backoff.next(cluster_.shard().random())))
      break;
  }
  obtaining_identity_ = false;
  wake_.set();
}

}  // namespace cairn::client
