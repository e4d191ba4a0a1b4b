// SPDX-License-Identifier: Apache-2.0
#include "group_offsets.hpp"

#include <cairn/protocol/messages/offset_commit.hpp>
#include <cairn/protocol/messages/offset_fetch.hpp>

namespace cairn::client {

namespace {

// Version 10 names topics by id, which would have to be known first; names do.
constexpr std::int16_t last_version_with_names = 9;
constexpr std::int16_t first_version_with_groups = 8;

template <class Request>
Result<std::int16_t> version_with_names(const transport::Peer& peer) {
  TRY(const auto version, peer.common_version(Request::api_key, Request::versions));
  return std::min(version, last_version_with_names);
}

protocol::OffsetCommitRequest commit_request(const std::string& group,
                                             const CommitIdentity& identity,
                                             const CommittedOffsets& offsets) {
  protocol::OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = identity.generation;
  request.member_id = identity.member_id;
  request.group_instance_id = identity.instance_id;
  for (const auto& [partition, committed] : offsets) {
    if (request.topics.empty() || request.topics.back().name != partition.topic) {
      request.topics.emplace_back().name = partition.topic;
    }
    auto& out = request.topics.back().partitions.emplace_back();
    out.partition_index = partition.partition.value();
    out.committed_offset = committed.offset.value();
    out.committed_leader_epoch = committed.leader_epoch.value();
    out.committed_metadata = committed.metadata;
  }
  return request;
}

runtime::Task<Result<protocol::OffsetCommitResponse>> commit_once(
    CoordinatorLink& link, protocol::OffsetCommitRequest request, Instant deadline) {
  CO_TRY(auto peer, co_await link.connect(deadline));
  CO_TRY(const auto version, version_with_names<protocol::OffsetCommitRequest>(*peer));
  auto response = co_await peer->call_by(std::move(request), version, deadline);
  if (!response) link.noticed(response.error().code);
  co_return response;
}

protocol::OffsetFetchRequest fetch_request(const std::string& group,
                                           const std::optional<Partitions>& partitions,
                                           std::int16_t version) {
  protocol::OffsetFetchRequest request;
  request.require_stable = version >= 7;
  if (version < first_version_with_groups) {
    request.group_id = group;
    if (!partitions) {
      request.topics = std::nullopt;
      return request;
    }
    for (const auto& partition : *partitions) {
      auto& topic = request.topics->emplace_back();
      topic.name = partition.topic;
      topic.partition_indexes.push_back(partition.partition.value());
    }
    return request;
  }
  auto& asked = request.groups.emplace_back();
  asked.group_id = group;
  if (!partitions) {
    asked.topics = std::nullopt;
    return request;
  }
  for (const auto& partition : *partitions) {
    if (asked.topics->empty() || asked.topics->back().name != partition.topic) {
      asked.topics->emplace_back().name = partition.topic;
    }
    asked.topics->back().partition_indexes.push_back(partition.partition.value());
  }
  return request;
}

struct Fetched {
  ErrorCode error = ErrorCode::none;
  CommittedOffsets offsets;
};

template <class Topics>
void collect(const Topics& topics, Fetched& into) {
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code != ErrorCode::none) into.error = partition.error_code;
      if (partition.committed_offset < 0) continue;
      into.offsets[{topic.name, PartitionIndex(partition.partition_index)}] = {
          Offset(partition.committed_offset), Epoch(partition.committed_leader_epoch),
          partition.metadata.value_or("")};
    }
  }
}

runtime::Task<Result<Fetched>> fetch_once(CoordinatorLink& link,
                                          const std::optional<Partitions>& partitions,
                                          Instant deadline) {
  CO_TRY(auto peer, co_await link.connect(deadline));
  CO_TRY(const auto version, version_with_names<protocol::OffsetFetchRequest>(*peer));
  auto request = fetch_request(link.group(), partitions, version);
  auto response = co_await peer->call_by(std::move(request), version, deadline);
  if (!response) {
    link.noticed(response.error().code);
    co_return std::unexpected(response.error());
  }
  Fetched fetched;
  fetched.error = response->error_code;
  collect(response->topics, fetched);
  for (const auto& group : response->groups) {
    collect(group.topics, fetched);
    if (group.error_code != ErrorCode::none) fetched.error = group.error_code;
  }
  co_return fetched;
}

bool passes(ErrorCode code) {
  return is_retriable(code) || code == ErrorCode::unstable_offset_commit;
}

}  // namespace

runtime::Task<Result<std::map<TopicPartition, ErrorCode>>> commit_offsets(CoordinatorLink& link,
                                                                          CommitIdentity identity,
                                                                          CommittedOffsets offsets,
                                                                          Instant deadline) {
  Cluster& cluster = link.cluster();
  Backoff backoff(cluster.options());
  std::map<TopicPartition, ErrorCode> outcome;
  while (true) {
    auto response =
        co_await commit_once(link, commit_request(link.group(), identity, offsets), deadline);
    Error error{ErrorCode::none};
    bool again = false;
    if (!response) {
      error = response.error();
      again = passes(error.code);
    } else {
      for (const auto& topic : response->topics) {
        for (const auto& partition : topic.partitions) {
          const TopicPartition id{topic.name, PartitionIndex(partition.partition_index)};
          const auto code = partition.error_code;
          outcome[id] = code;
          // A topic that is gone does not come back by asking again.
          if (passes(code) && code != ErrorCode::unknown_topic_or_partition) {
            again = true;
            error = error_of(code);
          } else {
            offsets.erase(id);
          }
        }
      }
      if (again) link.noticed(error.code);
    }
    if (!again || offsets.empty()) {
      if (!response) co_return std::unexpected(error);
      co_return outcome;
    }
    const Instant next = cluster.now() + backoff.next(cluster.shard().random());
    if (next >= deadline || !co_await cluster.shard().clock().sleep_until(next)) {
      co_return std::unexpected(error);
    }
  }
}

runtime::Task<Result<CommittedOffsets>> fetch_offsets(CoordinatorLink& link,
                                                      std::optional<Partitions> partitions,
                                                      Instant deadline) {
  Cluster& cluster = link.cluster();
  Backoff backoff(cluster.options());
  while (true) {
    auto fetched = co_await fetch_once(link, partitions, deadline);
    const Error error = fetched ? error_of(fetched->error) : fetched.error();
    if (error.code == ErrorCode::none) co_return std::move(fetched->offsets);
    link.noticed(error.code);
    const Instant next = cluster.now() + backoff.next(cluster.shard().random());
    if (!passes(error.code) || next >= deadline ||
        !co_await cluster.shard().clock().sleep_until(next)) {
      co_return std::unexpected(error);
    }
  }
}

}  // namespace cairn::client
