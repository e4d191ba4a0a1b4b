// SPDX-License-Identifier: Apache-2.0
#include "workload.hpp"

#include <cairn/base/bytes.hpp>
#include <cairn/base/log.hpp>
#include <cairn/client/admin.hpp>
#include <cairn/client/consumer.hpp>
#include <cairn/client/producer.hpp>

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;

/// What names the record: its value, or a header where it has none.
std::string name_of(const record::RecordView& record) {
  if (record.value) return std::string(as_text(*record.value));
  for (const record::Header header : record.headers) {
    if (header.value) return std::string(as_text(*header.value));
  }
  return "";
}

/// Waits for one record's fate and writes it down. A failure may still have been stored.
runtime::Task<> settle(Stage& stage, std::size_t send, client::Delivery delivery, int& waiting) {
  auto result = co_await delivery.wait();
  if (result) {
    const Outcome outcome = result->offset == no_offset ? Outcome::info : Outcome::ok;
    stage.history.complete_send(send, outcome, result->offset);
    logging::log(logging::Level::trace, "delivered {} at {}", stage.history.sends[send].value,
                 result->offset);
  } else {
    stage.history.complete_send(send, Outcome::info, no_offset);
    logging::log(logging::Level::trace, "not delivered {}: {}", stage.history.sends[send].value,
                 result.error().why);
  }
  --waiting;
}

/// Writes down the positions a consumer holds, and starts a new session for what it gets.
class Sessions : public client::RebalanceListener {
 public:
  Sessions(Stage& of, int consumer_id) : stage(of), id(consumer_id) {}

  runtime::Task<> assigned(std::vector<TopicPartition>) override {
    ++session;
    const Ownership held{id, consumer->generation(), consumer->assignment()};
    stage.members[id] = held;
    if (held.generation >= 0) stage.history.owners.push_back(held);
    co_return;
  }
  runtime::Task<> revoked(std::vector<TopicPartition>) override { co_return; }
  runtime::Task<> lost(std::vector<TopicPartition>) override {
    ++session;
    co_return;
  }

  Stage& stage;
  int id = 0;
  client::Consumer* consumer = nullptr;
  int session = 0;
};

client::CommittedOffsets note_polled(Stage& stage, int consumer, int session,
                                     const std::vector<client::PolledRecords>& polled) {
  client::CommittedOffsets positions;
  for (const client::PolledRecords& part : polled) {
    for (const record::RecordView& record : part.records) {
      stage.history.polled.push_back({consumer, session, part.partition, record.offset,
                                      name_of(record), ++stage.history.step});
    }
    positions[part.partition].offset = part.next_offset;
  }
  return positions;
}

runtime::Task<> commit(Stage& stage, client::Consumer& consumer, std::string group,
                       client::CommittedOffsets positions) {
  std::vector<std::size_t> noted;
  for (const auto& [partition, position] : positions) {
    noted.push_back(stage.history.commits.size());
    stage.history.commits.push_back({.group = group,
                                     .of = partition,
                                     .offset = position.offset,
                                     .invoked = ++stage.history.step});
  }
  auto done = co_await consumer.commit(std::move(positions));
  for (const std::size_t index : noted) {
    stage.history.commits[index].outcome = done ? Outcome::ok : Outcome::info;
    stage.history.commits[index].completed = ++stage.history.step;
  }
}

/// Keys and tombstones where the topic is compacted.
void dress(Stage& stage, Random& random, Send& send) {
  if (stage.history.kind_of(send.to.topic) != TopicKind::compacted) return;
  send.key = fmt::format("k{}", random.below(8));
  send.tombstone = random.chance(0.15);
}

}  // namespace

client::ClientOptions client_options(const Stage& stage, std::string id) {
  client::ClientOptions options;
  options.bootstrap = stage.bootstrap;
  options.client_id = std::move(id);
  options.request_timeout = 5s;  // power loss is not noticed otherwise
  options.metadata_max_age = stage.metadata_age;
  return options;
}

ConsumerPlan group_member(int id, const std::map<std::string, TopicPlan>& topics,
                          bool cooperative) {
  ConsumerPlan plan{.id = id};
  for (const auto& [name, topic] : topics) {
    if (topic.kind != TopicKind::passing) plan.topics.push_back(name);
  }
  if (cooperative) plan.options.assignors = {client::AssignorKind::cooperative_sticky};
  plan.options.group_id = "group";
  plan.options.auto_commit = false;
  plan.options.offset_reset = client::OffsetReset::earliest;
  plan.options.session_timeout = 10s;
  plan.options.heartbeat_interval = 1s;
  plan.options.max_poll_interval = 30s;
  return plan;
}

runtime::Task<> produce(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                        ProducerPlan plan) {
  ++stage.running;
  client::Producer producer(
      shard, network, client_options(stage, fmt::format("producer-{}", plan.id)), plan.options);
  int waiting = 0;
  std::int64_t sequence = 0;
  while (!stage.stop) {
    const std::uint64_t burst = 1 + shard.random().below(8);
    for (std::uint64_t i = 0; i < burst && !stage.stop; ++i) {
      const std::size_t pick = shard.random().below(plan.targets.size() + stage.added.size());
      const TopicPartition to =
          pick < plan.targets.size() ? plan.targets[pick] : stage.added[pick - plan.targets.size()];
      const std::size_t send = stage.history.invoke_send(plan.id, sequence++, to);
      stage.history.sends[send].timestamp = to_timestamp(shard.clock().wall());
      if (stage.serves_older_life) {
        stage.history.sends[send].to_an_older_life = stage.serves_older_life(to);
      }
      dress(stage, shard.random(), stage.history.sends[send]);
      const Send sent = stage.history.sends[send];
      const record::Header name{"name", as_bytes(sent.value)};
      client::ProducerRecord record;
      record.topic = to.topic;
      record.partition = to.partition;
      record.timestamp = sent.timestamp;
      if (!sent.key.empty()) record.key = as_bytes(sent.key);
      if (!sent.tombstone) record.value = as_bytes(sent.value);
      if (sent.tombstone) record.headers = std::span(&name, 1);
      auto taken = co_await producer.send(record);
      if (!taken) {
        // A record that never became part of a batch was never sent.
        stage.history.complete_send(send, Outcome::fail, no_offset);
        continue;
      }
      ++waiting;
      shard.tasks().spawn(settle(stage, send, std::move(*taken), waiting));
    }
    co_await shard.clock().sleep_for(plan.pause);
  }
  auto closed = co_await producer.close(shard.clock().now() + 5min);
  static_cast<void>(closed);
  while (waiting > 0) co_await shard.clock().sleep_for(10ms);
  --stage.running;
}

runtime::Task<> consume(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                        ConsumerPlan plan) {
  ++stage.running;
  Sessions sessions(stage, plan.id);
  client::Consumer consumer(
      shard, network, client_options(stage, fmt::format("consumer-{}", plan.id)), plan.options);
  sessions.consumer = &consumer;
  auto subscribed = consumer.subscribe(plan.topics, &sessions);
  if (!subscribed) ++stage.failures;
  while (!stage.stop && subscribed) {
    auto polled = co_await consumer.poll(500ms);
    if (!polled) {
      ++sessions.session;
      co_await shard.clock().sleep_for(100ms);
      continue;
    }
    auto positions = note_polled(stage, plan.id, sessions.session, *polled);
    if (!positions.empty() && shard.random().chance(0.5)) {
      co_await commit(stage, consumer, plan.options.group_id, std::move(positions));
    }
  }
  auto closed = co_await consumer.close();
  static_cast<void>(closed);
  --stage.running;
}

runtime::Task<> read_all(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                         std::vector<TopicPartition> partitions, std::string group) {
  ++stage.running;
  client::ConsumerOptions options;
  options.offset_reset = client::OffsetReset::earliest;
  options.group_id = group;
  options.auto_commit = false;
  client::Consumer consumer(shard, network, client_options(stage, "reader"), options);
  auto assigned = consumer.assign(partitions);
  auto ends = co_await consumer.end_offsets(partitions);
  auto starts = co_await consumer.beginning_offsets(partitions);
  if (!assigned || !ends || !starts) {
    ++stage.failures;
  } else {
    for (const auto& [partition, start] : *starts) {
      stage.history.final_starts[partition] = start.offset;
    }
    std::map<TopicPartition, Offset> missing;
    for (const auto& [partition, end] : *ends) {
      stage.history.final_logs[partition];
      const auto start = starts->find(partition);
      const bool empty = start != starts->end() && start->second.offset >= end.offset;
      if (end.offset > Offset(0) && !empty) missing[partition] = end.offset;
      consumer.seek_to(partition, client::OffsetReset::earliest);
    }
    const Instant deadline = shard.clock().now() + 2min;
    while (!missing.empty() && shard.clock().now() < deadline) {
      auto polled = co_await consumer.poll(500ms);
      if (!polled) continue;
      for (const client::PolledRecords& part : *polled) {
        for (const record::RecordView& record : part.records) {
          stage.history.final_logs[part.partition][record.offset] = name_of(record);
        }
        const auto end = missing.find(part.partition);
        if (end != missing.end() && part.next_offset >= end->second) missing.erase(end);
      }
    }
    stage.failures += missing.empty() ? 0 : 1;
  }
  const std::uint64_t invoked = ++stage.history.step;
  auto committed = co_await consumer.committed(partitions);
  if (!committed) ++stage.failures;
  if (committed) {
    for (const TopicPartition& partition : partitions) {
      const auto found = committed->find(partition);
      const Offset offset = found == committed->end() ? no_offset : found->second.offset;
      stage.history.commit_reads.push_back(
          {group, partition, offset, invoked, ++stage.history.step});
    }
  }
  auto closed = co_await consumer.close();
  static_cast<void>(closed);
  --stage.running;
}

}  // namespace cairn::simulation
