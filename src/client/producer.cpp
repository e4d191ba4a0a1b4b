// SPDX-License-Identifier: Apache-2.0
// The Producer's face, and how records get into queues. sender.cpp sends them.
#include <cairn/base/assert.hpp>
#include <cairn/client/producer.hpp>

#include "errors.hpp"
#include "sender.hpp"

namespace cairn::client {

Result<> Producer::check(const ProducerOptions& options) {
  constexpr auto bad = ErrorCode::invalid_config;
  if (options.idempotent && options.acks != Acks::all) {
    return fail(bad, "idempotence needs acks=all: set enable.idempotence=false for other acks");
  }
  if (options.max_in_flight < 1) return fail(bad, "max.in.flight.requests must be at least 1");
  if (options.idempotent && options.max_in_flight > 5) {
    return fail(bad, "idempotence allows at most 5 for max.in.flight.requests.per.connection");
  }
  if (options.batch_size > options.max_request_size) {
    return fail(bad, "batch.size must not exceed max.request.size");
  }
  if (!record::is_valid_level(options.codec, options.level)) {
    return fail(bad, "the codec has no such compression level");
  }
  return {};
}

Producer::Producer(runtime::Shard& shard, runtime::Network& network, ClientOptions client_options,
                   ProducerOptions producer_options)
    : sender_(std::make_unique<Sender>(shard, network, std::move(client_options),
                                       std::move(producer_options))) {}

Producer::~Producer() = default;

runtime::Task<Result<Delivery>> Producer::send(ProducerRecord record) {
  return sender_->send(record);
}
std::optional<Result<Delivery>> Producer::try_send(const ProducerRecord& record) {
  return sender_->try_send(record);
}
runtime::Task<Result<>> Producer::flush() { return sender_->flush(Instant::max()); }
runtime::Task<Result<>> Producer::close(Instant deadline) { return sender_->close(deadline); }
const Producer::Statistics& Producer::statistics() const { return sender_->statistics(); }
Cluster& Producer::cluster() { return sender_->cluster(); }

Producer::Sender::Sender(runtime::Shard& shard, runtime::Network& network,
                         ClientOptions client_options, ProducerOptions options)
    : cluster_(shard, network, std::move(client_options)),
      options_(std::move(options)),
      tasks_(shard.context()) {
  ASSERT(check(options_), "the options were checked");
  cluster_.allow_creation(true);
}

runtime::Task<Result<Delivery>> Producer::Sender::send(ProducerRecord record) {
  const Instant deadline = cluster_.now() + options_.max_block;
  while (true) {
    if (auto done = try_send(record)) co_return std::move(*done);
    if (!cluster_.metadata().topic(std::string(record.topic)) || !find_topic(record.topic)) {
      CO_TRY(co_await cluster_.await_topic(std::string(record.topic), deadline));
      continue;
    }
    waiting_for_room_++;
    wake_.set();
    const bool woken = co_await room_.wait_until(cluster_.shard().clock(), deadline);
    waiting_for_room_--;
    if (!woken) {
      co_return fail(ErrorCode::request_timed_out,
                     "no room in buffer.memory within max.block.ms: the brokers take records "
                     "more slowly than they are sent");
    }
  }
}

std::optional<Result<Delivery>> Producer::Sender::try_send(const ProducerRecord& record) {
  if (!std::exchange(started_, true)) {
    tasks_.spawn(run());
    tasks_.spawn(watch_metadata());
  }
  if (closing_) return fail(ErrorCode::invalid_request, "the producer is closed");
  if (fatal_.code != ErrorCode::none) return std::unexpected(fatal_);
  const auto size = record::single_record_batch_bound(record.key, record.value, record.headers);
  if (size > options_.max_request_size || size > options_.buffer_memory) {
    return fail(ErrorCode::message_too_large,
                "the record is larger than max.request.size or buffer.memory");
  }
  Topic* topic = find_topic(record.topic);
  if (!topic || !has_room(size)) return std::nullopt;
  auto picked = pick_queue(*topic, record, size);
  if (!picked) return std::unexpected(picked.error());
  PartitionQueue& queue = **picked;

  const Instant now = cluster_.now();
  const bool had_waiting = queue.has_waiting();
  const RecordToSend to_send{
      .key = record.key,
      .value = record.value,
      .headers = record.headers,
      .timestamp = record.timestamp == no_timestamp ? to_timestamp(cluster_.shard().clock().wall())
                                                    : record.timestamp,
  };
  auto appended = queue.append(to_send, now);
  held_bytes_ += appended.bytes;
  // One that has just become empty may still be there: twice there, it would put two batches of one
  // partition into a request, and the answers to them cannot be told apart.
  if (!std::exchange(queue.is_active, true)) active_.push_back(&queue);
  if (appended.closed_batch) topic->partitioner.batch_closed(queue.partition().partition);
  if (!had_waiting || appended.closed_batch) wake_.set();
  return std::move(appended.delivery);
}

/// Null while the topic's partitions are not known.
Producer::Sender::Topic* Producer::Sender::find_topic(std::string_view name) {
  auto found = topics_.find(name);
  if (found != topics_.end() && found->second.version == cluster_.version()) {
    return &found->second;
  }
  const TopicMetadata* metadata = cluster_.metadata().topic(std::string(name));
  if (!metadata || metadata->partitions.empty()) {
    // Known before: keep sending, the leaders may come back.
    return found != topics_.end() && !found->second.queues.empty() ? &found->second : nullptr;
  }
  if (found == topics_.end()) found = topics_.emplace(std::string(name), options_).first;
  update_topic(found->second, *metadata);
  return &found->second;
}

void Producer::Sender::update_topic(Topic& topic, const TopicMetadata& metadata) {
  topic.version = cluster_.version();
  topic.id = metadata.id;
  topic.available.clear();
  for (const auto& partition : metadata.partitions) {
    if (partition.leader != no_broker) topic.available.push_back(partition.index);
    const auto index = static_cast<std::size_t>(partition.index.value());
    while (topic.queues.size() <= index) {
      const PartitionIndex next(static_cast<std::int32_t>(topic.queues.size()));
      topic.queues.push_back(
          std::make_unique<PartitionQueue>(TopicPartition{metadata.name, next}, options_));
    }
  }
}

Result<PartitionQueue*> Producer::Sender::pick_queue(Topic& topic, const ProducerRecord& record,
                                                     std::size_t size) {
  const auto count = static_cast<std::int32_t>(topic.queues.size());
  const PartitionIndex partition =
      record.partition ? *record.partition
                       : topic.partitioner.pick(record.key, size, count, topic.available,
                                                cluster_.shard().random());
  if (partition.value() < 0 || partition.value() >= count) {
    return fail(ErrorCode::unknown_topic_or_partition, "the topic has no such partition");
  }
  return topic.queues[static_cast<std::size_t>(partition.value())].get();
}

bool Producer::Sender::has_room(std::size_t size) const {
  return held_bytes_ == 0 || held_bytes_ + size <= options_.buffer_memory;
}

runtime::Task<Result<>> Producer::Sender::flush(Instant deadline) {
  std::vector<std::shared_ptr<Fate>> fates;
  for (const auto* queue : active_) queue->collect_fates(fates);
  flushing_++;
  wake_.set();
  Result<> result;
  for (const auto& fate : fates) {
    auto& clock = cluster_.shard().clock();
    const bool settled = deadline == Instant::max()
                             ? co_await fate->settled.wait()
                             : co_await fate->settled.wait_until(clock, deadline);
    if (!settled) {
      result = fail(ErrorCode::request_timed_out, "records were still under way");
      break;
    }
    for (const auto& piece : fate->pieces) {
      if (!piece.base_offset && result) result = std::unexpected(piece.base_offset.error());
    }
  }
  flushing_--;
  co_return result;
}

runtime::Task<Result<>> Producer::Sender::close(Instant deadline) {
  closing_ = true;
  auto flushed = co_await flush(deadline);
  tasks_.cancel();
  co_await tasks_.join();
  co_await cluster_.stop();
  const Error why{ErrorCode::request_timed_out, "the producer was closed"};
  for (auto* queue : active_) held_bytes_ -= queue->fail_waiting(why, cluster_.now());
  co_return flushed;
}

}  // namespace cairn::client
