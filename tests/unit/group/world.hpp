// SPDX-License-Identifier: Apache-2.0
// A group machine with a log in memory and time that tests move: every decision is carried out at
// once (append, apply, answer), as the actor does, unless the log is told to refuse. crash() throws
// the machine away and replays; it also checks that what the machine held durably is the fold of
// its records. Owned by one test.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "inputs.hpp"

namespace cairn::group::testing {

using protocol::JoinGroupResponse;
using protocol::SyncGroupResponse;

class World {
 public:
  explicit World(GroupConfig config = {}) : config(config), machine(config) {
    execute(machine.loaded(now));
  }

  // ---- inputs; each returns the id under which its answer is found
  RequestId join(const std::string& group, const Joiner& joiner) {
    const JoinGroupRequest request = join_request(group, joiner);
    const RequestId id = next_id();
    execute(machine.join(id, {joiner.client_id, "10.0.0.1", joiner.version}, request, now, random));
    return id;
  }

  RequestId sync(const std::string& group, std::int32_t generation, const std::string& member,
                 std::map<std::string, std::string> assignments = {},
                 std::optional<std::string> instance_id = {}) {
    protocol::SyncGroupRequest request;
    request.group_id = group;
    request.generation_id = generation;
    request.member_id = member;
    request.group_instance_id = instance_id;
    for (const auto& [to, text] : assignments) {
      auto& one = request.assignments.emplace_back();
      one.member_id = to;
      one.assignment = to_bytes(text);
    }
    const RequestId id = next_id();
    execute(machine.sync(id, request, now));
    return id;
  }

  ErrorCode heartbeat(const std::string& group, std::int32_t generation, const std::string& member,
                      std::optional<std::string> instance_id = {}) {
    protocol::HeartbeatRequest request;
    request.group_id = group;
    request.generation_id = generation;
    request.member_id = member;
    request.group_instance_id = instance_id;
    const RequestId id = next_id();
    execute(machine.heartbeat(id, request, now));
    return answer<protocol::HeartbeatResponse>(id)->error_code;
  }

  protocol::LeaveGroupResponse leave(
      const std::string& group,
      const std::vector<std::pair<std::string, std::optional<std::string>>>& members) {
    protocol::LeaveGroupRequest request;
    request.group_id = group;
    for (const auto& [member, instance] : members) {
      auto& one = request.members.emplace_back();
      one.member_id = member;
      one.group_instance_id = instance;
    }
    const RequestId id = next_id();
    execute(machine.leave(id, request, now));
    return *answer<protocol::LeaveGroupResponse>(id);
  }

  ErrorCode commit(const std::string& group, const Commit& commit) {
    const auto request = commit_request(group, commit);
    const RequestId id = next_id();
    execute(machine.commit_offsets(id, commit.version, request, now));
    const auto reply = answer<protocol::OffsetCommitResponse>(id);
    return reply->topics.at(0).partitions.at(0).error_code;
  }

  ErrorCode delete_offset(const std::string& group, const std::string& topic,
                          std::int32_t partition) {
    protocol::OffsetDeleteRequest request;
    request.group_id = group;
    auto& from = request.topics.emplace_back();
    from.name = topic;
    from.partitions.emplace_back().partition_index = partition;
    const RequestId id = next_id();
    execute(machine.delete_offsets(id, request));
    const auto reply = answer<protocol::OffsetDeleteResponse>(id);
    return reply->error_code != ErrorCode::none ? reply->error_code
                                                : reply->topics.at(0).partitions.at(0).error_code;
  }

  ErrorCode delete_group(const std::string& group) {
    const RequestId id = next_id();
    execute(machine.delete_group(id, group));
    return answer<protocol::DeleteGroupsResponse::DeletableGroupResult>(id)->error_code;
  }

  /// Lets time pass; deadlines on the way fire at their time.
  void advance(Duration by) {
    const Instant end = now.instant + by;
    while (machine.next_deadline() && *machine.next_deadline() <= end) {
      pass_to(std::max(*machine.next_deadline(), now.instant));
      execute(machine.expire(now));
    }
    pass_to(end);
  }

  /// kill -9 and restart: only the records are left.
  void crash() {
    GroupMachine reborn(config);
    replay(reborn);
    EXPECT_TRUE(reborn.durable() == machine.durable()) << "durable state is the fold of records";
    machine = std::move(reborn);
    answers.clear();
    execute(machine.loaded(now));
  }

  void replay(GroupMachine& into) const {
    Offset at{0};
    for (const Record& record : log) {
      const auto value = record.value ? std::optional<BytesView>(*record.value) : std::nullopt;
      EXPECT_TRUE(into.apply(record.key, value, at).has_value());
      ++at;
    }
  }

  // ---- what came of it
  template <class Response>
  std::optional<Response> answer(RequestId id) const {
    const auto found = answers.find(id);
    if (found == answers.end()) return std::nullopt;
    return std::get<Response>(found->second);
  }
  std::optional<JoinGroupResponse> joined(RequestId id) const {
    return answer<JoinGroupResponse>(id);
  }
  /// The assignment a sync got; "(error)" for an error, "(waits)" without an answer.
  std::string assignment(RequestId id) const {
    const auto reply = answer<SyncGroupResponse>(id);
    if (!reply) return "(waits)";
    if (reply->error_code != ErrorCode::none) return "(" + to_string(reply->error_code) + ")";
    return std::string(as_text(reply->assignment));
  }
  std::string state(const std::string& group) const {
    return machine.describe(group, 5).group_state;
  }
  std::int64_t offset(const std::string& group, const std::string& topic = "t",
                      std::int32_t partition = 0) const {
    return fetch(group, topic, partition).committed_offset;
  }
  protocol::OffsetFetchResponse::OffsetFetchResponsePartitions fetch(const std::string& group,
                                                                     const std::string& topic,
                                                                     std::int32_t partition,
                                                                     TopicId topic_id = {}) const {
    protocol::OffsetFetchRequest::OffsetFetchRequestGroup request;
    request.group_id = group;
    request.topics.emplace();
    auto& from = request.topics->emplace_back();
    from.name = topic;
    from.topic_id = topic_id;
    from.partition_indexes = {partition};
    return machine.fetch_offsets(request).topics.at(0).partitions.at(0);
  }

  void execute(GroupMachine::Decision decision) {
    if (refuse_appends && !decision.records.empty()) {
      auto repair = machine.refused(decision, ErrorCode::kafka_storage_error, now);
      std::erase_if(decision.answers,
                    [](const auto& answer) { return answer.when == When::once_committed; });
      decision.records.clear();
      for (auto& answer : repair.answers) decision.answers.push_back(std::move(answer));
    }
    for (const Record& record : decision.records) {
      const auto value = record.value ? std::optional<BytesView>(*record.value) : std::nullopt;
      const Offset at{static_cast<std::int64_t>(log.size())};
      EXPECT_TRUE(machine.apply(record.key, value, at).has_value());
      log.push_back(record);
    }
    for (auto& answer : decision.answers) {
      EXPECT_FALSE(answers.contains(answer.to)) << "a request is answered once";
      answers.emplace(answer.to, std::move(answer.reply));
    }
  }

  // ---- the usual beginnings
  /// A member id of the group, by way of MEMBER_ID_REQUIRED where the version has it.
  RequestId join_fully(const std::string& group, Joiner joiner) {
    const RequestId first = join(group, joiner);
    const auto reply = joined(first);
    if (!reply || reply->error_code != ErrorCode::member_id_required) return first;
    joiner.member_id = reply->member_id;
    return join(group, joiner);
  }
  /// A stable group of one dynamic member; its member id.
  std::string stable_group(const std::string& group, const Joiner& joiner = {}) {
    const RequestId id = join_fully(group, joiner);
    advance(config.group_initial_rebalance_delay);
    const auto reply = joined(id);
    EXPECT_TRUE(reply && reply->error_code == ErrorCode::none);
    const RequestId sync_id =
        sync(group, reply->generation_id, reply->member_id, {{reply->member_id, "all"}});
    EXPECT_EQ(assignment(sync_id), "all");
    return reply->member_id;
  }

  RequestId next_id() { return RequestId{++last_id}; }

  GroupConfig config;
  GroupMachine machine;
  std::vector<Record> log;
  Now now{Instant(1s), from_timestamp(1'700'000'000'000)};
  Random random{42};
  bool refuse_appends = false;
  std::map<RequestId, GroupMachine::Reply> answers;
  std::uint64_t last_id = 0;

 private:
  void pass_to(Instant time) {
    now.wall += std::chrono::duration_cast<Milliseconds>(time - now.instant);
    now.instant = time;
  }
};

}  // namespace cairn::group::testing
