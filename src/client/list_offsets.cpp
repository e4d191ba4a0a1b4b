// SPDX-License-Identifier: Apache-2.0
#include "list_offsets.hpp"

#include <cairn/protocol/messages/list_offsets.hpp>

#include "errors.hpp"

namespace cairn::client {

namespace {

using Asked = std::map<TopicPartition, std::int64_t>;

protocol::ListOffsetsRequest make_request(const Cluster& cluster, const Asked& asked,
                                          Isolation isolation) {
  protocol::ListOffsetsRequest request;
  request.replica_id = -1;
  request.isolation_level = static_cast<std::int8_t>(isolation);
  request.timeout_ms = static_cast<std::int32_t>(
      std::chrono::duration_cast<milliseconds>(cluster.options().request_timeout).count());
  for (const auto& [partition, timestamp] : asked) {
    if (request.topics.empty() || request.topics.back().name != partition.topic) {
      request.topics.emplace_back().name = partition.topic;
    }
    auto& out = request.topics.back().partitions.emplace_back();
    out.partition_index = partition.partition.value();
    out.timestamp = timestamp;
    const auto* known = cluster.metadata().partition(partition);
    if (known) out.current_leader_epoch = known->leader_epoch.value();
  }
  return request;
}

/// Asks one leader; notes in `found` what it said, one error for all if it said nothing.
runtime::Task<> ask_leader(Cluster& cluster, BrokerId leader, Asked asked, Isolation isolation,
                           Instant deadline, FoundOffsets& found) {
  auto response = co_await cluster.call(leader, Channel::control,
                                        make_request(cluster, asked, isolation), deadline);
  if (!response) {
    for (const auto& [partition, timestamp] : asked) {
      found.insert_or_assign(partition, std::unexpected(response.error()));
    }
    co_return;
  }
  for (const auto& topic : response->topics) {
    for (const auto& answer : topic.partitions) {
      const TopicPartition id{topic.name, PartitionIndex(answer.partition_index)};
      Result<TimestampedOffset> result =
          TimestampedOffset{Offset(answer.offset), answer.timestamp, Epoch(answer.leader_epoch)};
      if (answer.error_code != ErrorCode::none) {
        result = std::unexpected(error_of(answer.error_code));
      }
      found.insert_or_assign(id, result);
    }
  }
}

}  // namespace

runtime::Task<Result<FoundOffsets>> list_offsets(Cluster& cluster, Asked timestamps,
                                                 Isolation isolation, Instant deadline) {
  for (const auto& [partition, timestamp] : timestamps) cluster.follow(partition.topic);
  FoundOffsets found;
  Asked left = std::move(timestamps);
  Backoff backoff(cluster.options());
  bool refreshed = false;
  while (true) {
    std::map<BrokerId, Asked> by_leader;
    for (const auto& [partition, timestamp] : left) {
      const BrokerId leader = cluster.metadata().leader(partition);
      if (leader != no_broker) {
        by_leader[leader].emplace(partition, timestamp);
        continue;
      }
      const auto* topic = cluster.metadata().topic(partition.topic);
      const bool gone = topic && topic->error == ErrorCode::none && !topic->partitions.empty() &&
                        !cluster.metadata().partition(partition);
      auto code =
          gone || !topic ? ErrorCode::unknown_topic_or_partition : ErrorCode::leader_not_available;
      if (topic && topic->error != ErrorCode::none) code = topic->error;
      found.insert_or_assign(partition, std::unexpected(error_of(code)));
    }
    for (auto& [leader, asked] : by_leader) {
      co_await ask_leader(cluster, leader, std::move(asked), isolation, deadline, found);
    }
    bool again = false;
    for (auto entry = left.begin(); entry != left.end();) {
      auto [place, absent] = found.try_emplace(
          entry->first, std::unexpected(error_of(ErrorCode::unknown_topic_or_partition)));
      const auto code = code_of(place->second);
      // A topic that is unknown after fresh metadata is a typing mistake rather than news.
      const bool hopeless = code == ErrorCode::unknown_topic_or_partition && refreshed;
      if (code == ErrorCode::none || !is_retriable(code) || hopeless) {
        entry = left.erase(entry);
      } else {
        again = true;
        ++entry;
      }
    }
    if (!again) co_return found;
    if (refreshed) {
      const Instant next = cluster.now() + backoff.next(cluster.shard().random());
      if (next >= deadline || !co_await cluster.shard().clock().sleep_until(next)) co_return found;
    }
    CO_TRY(co_await cluster.refresh(deadline));
    refreshed = true;
  }
}

}  // namespace cairn::client
