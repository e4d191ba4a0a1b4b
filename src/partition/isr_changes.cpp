// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/partition/isr_changes.hpp>
#include <cairn/partition/partition.hpp>

namespace cairn::partition {

using protocol::AlterPartitionRequest;
using protocol::AlterPartitionResponse;
using replication::IsrOutcome;
using replication::IsrProposal;
using replication::ReplicaKey;
using runtime::Task;

namespace {

constexpr Duration first_wait = std::chrono::milliseconds(20);
constexpr Duration longest_wait = std::chrono::seconds(1);

}  // namespace

IsrChanges::IsrChanges(runtime::Shard& shard, ControllerChannel& controller, Identity self,
                       Duration lag_time_max)
    : shard_(shard),
      controller_(controller),
      self_(std::move(self)),
      lag_time_max_(lag_time_max),
      shrinks_(shard.metrics().counter("kafka_server_replicamanager_isrshrinks_total",
                                       "Times a replica left an ISR led here")),
      expands_(shard.metrics().counter("kafka_server_replicamanager_isrexpands_total",
                                       "Times a replica came back to an ISR led here")),
      failed_(shard.metrics().counter("kafka_server_replicamanager_failedisrupdates_total",
                                      "Changes of an ISR that the controller refused")),
      tasks_(shard.context()) {}

// ---- telling the controller ----

void IsrChanges::submit(std::shared_ptr<Partition> partition, IsrProposal proposal) {
  const ReplicaKey key = partition->key();
  pending_.insert_or_assign(key, Submitted{std::move(partition), std::move(proposal)});
  if (sending_ || tasks_.stopping()) return;
  sending_ = true;
  tasks_.spawn(send_until_settled());
}

Task<> IsrChanges::send_until_settled() {
  Duration wait{0};
  while (!tasks_.stopping()) {
    // What metadata has overtaken, or whose leader has gone, is nobody's wish any more.
    std::erase_if(pending_, [](const auto& entry) {
      return !entry.second.partition->proposes(entry.second.proposal);
    });
    if (pending_.empty()) break;
    const bool settled = co_await send_once();
    if (settled) {
      wait = Duration::zero();
      continue;
    }
    wait = std::clamp(wait * 2, first_wait, longest_wait);
    if (!co_await shard_.clock().sleep_for(wait)) break;
  }
  sending_ = false;
}

/// False: something must be sent again, later.
Task<bool> IsrChanges::send_once() {
  const Pending sent = pending_;
  auto response = co_await controller_.alter_partition(make_request(sent));
  if (tasks_.stopping()) co_return true;
  if (!response || response->error_code != ErrorCode::none) {
    const ErrorCode code = response ? response->error_code : response.error().code;
    logging::warn("the controller did not take {} ISR changes: {}", sent.size(), to_string(code));
    co_return false;
  }
  co_return settle(sent, *response);
}

AlterPartitionRequest IsrChanges::make_request(const Pending& of) const {
  AlterPartitionRequest request;
  request.broker_id = self_.id.value();
  request.broker_epoch = self_.epoch().value();
  for (const auto& [key, submitted] : of) {
    if (request.topics.empty() || request.topics.back().topic_id != key.topic) {
      request.topics.emplace_back().topic_id = key.topic;
    }
    auto& partition = request.topics.back().partitions.emplace_back();
    partition.partition_index = key.partition.value();
    partition.leader_epoch = submitted.proposal.leader_epoch.value();
    partition.partition_epoch = submitted.proposal.partition_epoch;
    for (const replication::IsrMember& member : submitted.proposal.isr) {
      partition.new_isr_with_epochs.push_back(
          {.broker_id = member.id.value(), .broker_epoch = member.epoch.value()});
    }
  }
  return request;
}

bool IsrChanges::settle(const Pending& sent, const AlterPartitionResponse& response) {
  std::size_t answered = 0;
  bool again = false;
  for (const auto& topic : response.topics) {
    for (const auto& answer : topic.partitions) {
      const ReplicaKey key{topic.topic_id, PartitionIndex(answer.partition_index)};
      const auto of = sent.find(key);
      if (of == sent.end()) continue;
      ++answered;
      replication::IsrAnswer told{.error = answer.error_code,
                                  .leader_epoch = Epoch(answer.leader_epoch),
                                  .partition_epoch = answer.partition_epoch};
      for (const std::int32_t id : answer.isr) told.isr.push_back(BrokerId(id));
      const IsrOutcome outcome = of->second.partition->on_isr_answer(of->second.proposal, told);
      if (answer.error_code != ErrorCode::none) {
        failed_.add();
        logging::info("the controller refused an ISR partition={} error={}",
                      of->second.partition->id(), to_string(answer.error_code));
      }
      if (outcome == IsrOutcome::send_again) {
        again = true;
        continue;
      }
      const auto now = pending_.find(key);
      if (now != pending_.end() && now->second.proposal == of->second.proposal) pending_.erase(now);
    }
  }
  return !again && answered == sent.size();
}

void IsrChanges::count(const IsrProposal& committed) {
  (committed.expands ? expands_ : shrinks_).add();
}

// ---- followers that have fallen behind ----

void IsrChanges::watch(std::shared_ptr<Partition> partition) {
  const ReplicaKey key = partition->key();
  watched_.insert_or_assign(key, std::move(partition));
  if (looking_ || tasks_.stopping()) return;
  looking_ = true;
  tasks_.spawn(look_for_laggards());
}

void IsrChanges::unwatch(const ReplicaKey& key) { watched_.erase(key); }

Task<> IsrChanges::look_for_laggards() {
  while (!watched_.empty()) {
    if (!co_await shard_.clock().sleep_for(lag_time_max_ / 2)) break;
    for (const auto& [key, partition] : watched_) partition->shrink_isr();
  }
  looking_ = false;
}

Task<> IsrChanges::stop() {
  tasks_.cancel();
  co_await tasks_.join();
  pending_.clear();
  watched_.clear();
}

}  // namespace cairn::partition
