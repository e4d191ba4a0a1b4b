// SPDX-License-Identifier: Apache-2.0
// What a FakeCluster needs for consumers: a group coordinator that decides as a broker's does
// (group::GroupMachine over a log in memory), and the answers to Fetch and ListOffsets. Time is the
// shard's. Owner: the test; stop() it before it dies.
#pragma once

#include <cairn/group/group_machine.hpp>
#include <cairn/protocol/messages/fetch.hpp>
#include <cairn/protocol/messages/find_coordinator.hpp>
#include <cairn/protocol/messages/list_offsets.hpp>
#include <cairn/record/builder.hpp>

#include "fake_cluster.hpp"

namespace cairn::client::testing {

class FakeGroup {
 public:
  static constexpr const char* id = "readers";

  FakeGroup(runtime::Shard& shard, FakeCluster& cluster)
      : machine(config()), shard_(shard), cluster_(cluster), tasks_(shard.context()) {
    cluster.slow_script = [this](Asked asked) { return serve(asked); };
    execute(machine.loaded(now()));
    tasks_.spawn(expire());
  }
  runtime::Task<> stop() {
    tasks_.cancel();
    co_await tasks_.join();
  }

  group::GroupMachine machine;
  std::vector<std::int64_t> fetched_from;  // offsets asked for, of all partitions

  /// Appends records "<partition>:<offset>" to a partition.
  void put(std::int32_t partition, int count) {
    auto& values = cluster_.log(partition).values;
    for (int i = 0; i < count; ++i)
      values.push_back(fmt::format("{}:{}", partition, values.size()));
    changed_.set();
  }
  /// What the group has committed for a partition; -1 for nothing.
  std::int64_t committed(std::int32_t partition) const {
    const auto group = machine.durable().find(id);
    if (group == machine.durable().end()) return -1;
    const auto topic = group->second.offsets.find(FakeCluster::topic);
    if (topic == group->second.offsets.end()) return -1;
    const auto found = topic->second.find(PartitionIndex(partition));
    return found == topic->second.end() ? -1 : found->second.offset.value();
  }
  group::GroupMachine::DescribedGroup described() const { return machine.describe(id, 6); }
  /// Makes the coordinator forget a member, as if its session had ended.
  void remove(const std::string& member_id) {
    protocol::LeaveGroupRequest request;
    request.group_id = id;
    request.members.emplace_back().member_id = member_id;
    execute(machine.leave(next_id(), request, now()));
  }

 private:
  static group::GroupConfig config() {
    group::GroupConfig config;
    config.group_initial_rebalance_delay = std::chrono::milliseconds(0);
    return config;
  }
  group::Now now() const { return {shard_.clock().now(), shard_.clock().wall()}; }
  group::RequestId next_id() { return group::RequestId(++last_id_); }

  void execute(group::GroupMachine::Decision decision) {
    for (const auto& record : decision.records) {
      const auto value = record.value ? std::optional<BytesView>(*record.value) : std::nullopt;
      EXPECT_TRUE(machine.apply(record.key, value, Offset(logged_++)));
    }
    for (auto& answer : decision.answers) answers_.emplace(answer.to, std::move(answer.reply));
    changed_.set();
  }

  runtime::Task<> expire() {
    while (!co_await runtime::cancelled()) {
      const auto next = machine.next_deadline();
      const Instant until = next.value_or(now().instant + std::chrono::hours(1));
      static_cast<void>(co_await changed_.wait_until(shard_.clock(), until));
      while (machine.next_deadline() && *machine.next_deadline() <= now().instant) {
        execute(machine.expire(now()));
      }
    }
  }

  template <class Response>
  runtime::Task<std::optional<Reply>> answer_of(group::RequestId request, std::int16_t version) {
    while (!answers_.contains(request)) {
      if (!co_await changed_.wait()) co_return cut();
    }
    co_return answer(std::get<Response>(answers_.at(request)), version);
  }

  runtime::Task<std::optional<Reply>> serve(Asked asked) {
    const auto request_id = next_id();
    const auto version = asked.version;
    switch (asked.key) {
      case protocol::ApiKey::find_coordinator:
        co_return find_coordinator(version);
      case protocol::ApiKey::join_group: {
        const auto request = protocol::decode<protocol::JoinGroupRequest>(asked.body, version);
        execute(machine.join(request_id, {"test", "memory", version}, *request, now(), random_));
        co_return co_await answer_of<protocol::JoinGroupResponse>(request_id, version);
      }
      case protocol::ApiKey::sync_group: {
        const auto request = protocol::decode<protocol::SyncGroupRequest>(asked.body, version);
        execute(machine.sync(request_id, *request, now()));
        co_return co_await answer_of<protocol::SyncGroupResponse>(request_id, version);
      }
      case protocol::ApiKey::heartbeat: {
        const auto request = protocol::decode<protocol::HeartbeatRequest>(asked.body, version);
        execute(machine.heartbeat(request_id, *request, now()));
        co_return co_await answer_of<protocol::HeartbeatResponse>(request_id, version);
      }
      case protocol::ApiKey::leave_group: {
        const auto request = protocol::decode<protocol::LeaveGroupRequest>(asked.body, version);
        execute(machine.leave(request_id, *request, now()));
        co_return co_await answer_of<protocol::LeaveGroupResponse>(request_id, version);
      }
      case protocol::ApiKey::offset_commit: {
        auto request = protocol::decode<protocol::OffsetCommitRequest>(asked.body, version);
        for (auto& topic : request->topics) topic.topic_id = cluster_.topic_id;
        execute(machine.commit_offsets(request_id, version, *request, now()));
        co_return co_await answer_of<protocol::OffsetCommitResponse>(request_id, version);
      }
      case protocol::ApiKey::offset_fetch: {
        const auto request = protocol::decode<protocol::OffsetFetchRequest>(asked.body, version);
        protocol::OffsetFetchResponse response;
        for (const auto& group : request->groups) {
          response.groups.push_back(machine.fetch_offsets(group));
        }
        co_return answer(response, version);
      }
      case protocol::ApiKey::list_offsets:
        co_return list_offsets(asked);
      case protocol::ApiKey::fetch:
        co_return co_await fetch(asked);
      default:
        co_return std::nullopt;
    }
  }

  static Reply find_coordinator(std::int16_t version) {
    protocol::FindCoordinatorResponse response;
    auto& found = response.coordinators.emplace_back();
    found.key = id;
    found.node_id = 1;
    found.host = "memory";
    found.port = FakeCluster::port;
    return answer(response, version);
  }

  Reply list_offsets(const Asked& asked) {
    const auto request = protocol::decode<protocol::ListOffsetsRequest>(asked.body, asked.version);
    protocol::ListOffsetsResponse response;
    for (const auto& topic : request->topics) {
      auto& out = response.topics.emplace_back();
      out.name = topic.name;
      for (const auto& partition : topic.partitions) {
        const auto& values = cluster_.log(partition.partition_index).values;
        auto& found = out.partitions.emplace_back();
        found.partition_index = partition.partition_index;
        found.offset = partition.timestamp == -2 ? 0 : std::ssize(values);
      }
    }
    return answer(response, asked.version);
  }

  runtime::Task<std::optional<Reply>> fetch(Asked asked) {
    const auto request = protocol::decode<protocol::FetchRequest>(asked.body, asked.version);
    const Instant deadline = now().instant + milliseconds(request->max_wait_ms);
    for (const auto& topic : request->topics) {
      for (const auto& partition : topic.partitions) fetched_from.push_back(partition.fetch_offset);
    }
    while (now().instant < deadline && !has_records(*request)) {
      static_cast<void>(co_await changed_.wait_until(shard_.clock(), deadline));
      if (co_await runtime::cancelled()) co_return cut();
    }
    std::deque<Bytes> batches;  // until they are encoded
    protocol::FetchResponse response;
    for (const auto& topic : request->topics) {
      auto& out = response.responses.emplace_back();
      out.topic = topic.topic;
      out.topic_id = topic.topic_id;
      for (const auto& partition : topic.partitions) {
        auto& found = out.partitions.emplace_back();
        found.partition_index = partition.partition;
        found.high_watermark = std::ssize(cluster_.log(partition.partition).values);
        found.last_stable_offset = found.high_watermark;
        batches.push_back(batch_at(partition.partition, partition.fetch_offset));
        found.records = protocol::Records(batches.back());
      }
    }
    co_return answer(response, asked.version);
  }

  bool has_records(const protocol::FetchRequest& request) {
    for (const auto& topic : request.topics) {
      for (const auto& partition : topic.partitions) {
        if (std::ssize(cluster_.log(partition.partition).values) > partition.fetch_offset) {
          return true;
        }
      }
    }
    return false;
  }

  Bytes batch_at(std::int32_t partition, std::int64_t offset) {
    const auto& values = cluster_.log(partition).values;
    if (offset >= std::ssize(values)) return {};
    record::BatchBuilder builder({.base_offset = Offset(offset)});
    for (auto i = static_cast<std::size_t>(offset); i < values.size(); ++i) {
      builder.append(to_timestamp(shard_.clock().wall()), std::nullopt, as_bytes(values[i]));
    }
    return builder.build();
  }

  runtime::Shard& shard_;
  FakeCluster& cluster_;
  Random random_{11};
  std::uint64_t last_id_ = 0;
  std::int64_t logged_ = 0;
  std::map<group::RequestId, group::GroupMachine::Reply> answers_;
  runtime::Event changed_;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::client::testing
