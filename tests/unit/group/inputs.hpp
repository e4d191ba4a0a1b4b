// SPDX-License-Identifier: Apache-2.0
// Requests of group members in a few words: what a test does not name is that of an ordinary
// consumer. Plain values; used by World and by the tests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <cairn/group/consumer_protocol.hpp>
#include <cairn/group/group_machine.hpp>

namespace cairn::group::testing {

using namespace std::chrono_literals;
using protocol::JoinGroupRequest;

/// What a member says when it joins; fields left alone are those of an ordinary consumer.
struct Joiner {
  std::string member_id{};
  std::optional<std::string> instance_id{};
  std::string client_id = "client";
  std::int16_t version = 9;
  std::string type = "consumer";
  std::vector<std::string> protocols{"range"};
  Milliseconds session = 10s;
  Milliseconds rebalance = 60s;
  std::vector<std::string> topics{"t"};
};

struct Commit {
  std::string member{};
  std::int32_t generation = -1;
  std::optional<std::string> instance_id{};
  std::string topic = "t";
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string metadata{};
  std::int64_t retention_ms = -1;
  std::int16_t version = 9;
  TopicId topic_id{7, 7};
};

inline JoinGroupRequest join_request(const std::string& group, const Joiner& joiner) {
  JoinGroupRequest request;
  request.group_id = group;
  request.session_timeout_ms = static_cast<std::int32_t>(joiner.session.count());
  request.rebalance_timeout_ms = static_cast<std::int32_t>(joiner.rebalance.count());
  request.member_id = joiner.member_id;
  request.group_instance_id = joiner.instance_id;
  request.protocol_type = joiner.type;
  for (const auto& name : joiner.protocols) {
    auto& protocol = request.protocols.emplace_back();
    protocol.name = name;
    protocol.metadata = encode_subscription({.topics = joiner.topics});
  }
  return request;
}

inline protocol::OffsetCommitRequest commit_request(const std::string& group,
                                                    const Commit& commit) {
  protocol::OffsetCommitRequest request;
  request.group_id = group;
  request.member_id = commit.member;
  request.generation_id_or_member_epoch = commit.generation;
  request.group_instance_id = commit.instance_id;
  request.retention_time_ms = commit.retention_ms;
  auto& topic = request.topics.emplace_back();
  topic.name = commit.topic;
  topic.topic_id = commit.topic_id;
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = commit.partition;
  partition.committed_offset = commit.offset;
  partition.committed_metadata = commit.metadata;
  return request;
}

}  // namespace cairn::group::testing
