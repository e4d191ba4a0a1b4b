// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cairn/client/admin.hpp>
#include <cairn/protocol/messages/alter_partition_reassignments.hpp>
#include <cairn/protocol/messages/describe_quorum.hpp>
#include <cairn/protocol/messages/elect_leaders.hpp>
#include <cairn/protocol/messages/list_partition_reassignments.hpp>
#include <cairn/runtime/asio.hpp>

#include "fake_cluster.hpp"

namespace cairn::client {
namespace admin_test {

using protocol::ApiKey;
using runtime::Shard;
using runtime::Task;
using testing::Asked;
using testing::FakeCluster;
using testing::Reply;

const TopicPartition first{"a", PartitionIndex(0)};
const TopicPartition second{"b", PartitionIndex(3)};

/// Runs with an Admin on a cluster of that script.
void with_admin(FakeCluster::Script script, const std::function<Task<>(Admin&)>& run) {
  runtime::asio::run_until_done([&](Shard& shard) -> Task<> {
    FakeCluster cluster(shard, 1);
    cluster.script = script;
    auto options = testing::quick_client();
    options.bootstrap = {{"memory", FakeCluster::port}};
    Admin admin(shard, cluster, std::move(options));
    co_await run(admin);
    co_await admin.stop();
    co_await cluster.stop();
  });
}

TEST(Admin, starts_and_cancels_moves_and_says_what_became_of_each) {
  using Request = protocol::AlterPartitionReassignmentsRequest;
  std::optional<Request> seen;
  const auto script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::alter_partition_reassignments) return std::nullopt;
    seen = *protocol::decode<Request>(asked.body, asked.version);
    protocol::AlterPartitionReassignmentsResponse response;
    for (const auto& topic : seen->topics) {
      auto& out = response.responses.emplace_back();
      out.name = topic.name;
      auto& partition = out.partitions.emplace_back();
      partition.partition_index = topic.partitions.front().partition_index;
      if (topic.name == "b") partition.error_code = ErrorCode::no_reassignment_in_progress;
      partition.error_message = std::nullopt;
    }
    return testing::answer(response, asked.version);
  };
  with_admin(script, [&](Admin& admin) -> Task<> {
    Placements placements;
    placements[first] = std::vector{BrokerId(2), BrokerId(3)};
    placements[second] = std::nullopt;
    const auto answers = co_await admin.alter_reassignments(std::move(placements));
    EXPECT_TRUE(answers) << answers.error().why;
    if (!answers) co_return;
    EXPECT_EQ(answers->at(first).error, ErrorCode::none);
    EXPECT_EQ(answers->at(second).error, ErrorCode::no_reassignment_in_progress);
    EXPECT_FALSE(answers->at(second).message.empty());
  });
  ASSERT_TRUE(seen);
  ASSERT_EQ(seen->topics.size(), 2U);
  EXPECT_EQ(seen->topics[0].partitions[0].replicas, (std::vector<std::int32_t>{2, 3}));
  EXPECT_EQ(seen->topics[1].partitions[0].replicas, std::nullopt);
}

TEST(Admin, asks_again_while_the_controller_moves) {
  int asked_times = 0;
  const auto script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::list_partition_reassignments) return std::nullopt;
    protocol::ListPartitionReassignmentsResponse response;
    if (++asked_times < 3) {
      response.error_code = ErrorCode::not_controller;
      return testing::answer(response, asked.version);
    }
    auto& topic = response.topics.emplace_back();
    topic.name = "a";
    auto& move = topic.partitions.emplace_back();
    move.partition_index = 0;
    move.replicas = {1, 2, 3};
    move.adding_replicas = {3};
    move.removing_replicas = {1};
    return testing::answer(response, asked.version);
  };
  with_admin(script, [&](Admin& admin) -> Task<> {
    const auto moves = co_await admin.list_reassignments();
    EXPECT_TRUE(moves) << moves.error().why;
    if (!moves) co_return;
    EXPECT_THAT(moves->at(first).adding, ::testing::ElementsAre(BrokerId(3)));
    EXPECT_THAT(moves->at(first).removing, ::testing::ElementsAre(BrokerId(1)));
  });
  EXPECT_EQ(asked_times, 3);
}

TEST(Admin, elects_leaders_of_all_partitions_or_of_those_named) {
  using Request = protocol::ElectLeadersRequest;
  std::vector<Request> seen;
  const auto script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::elect_leaders) return std::nullopt;
    seen.push_back(*protocol::decode<Request>(asked.body, asked.version));
    protocol::ElectLeadersResponse response;
    if (seen.size() == 2) response.error_code = ErrorCode::cluster_authorization_failed;
    return testing::answer(response, asked.version);
  };
  with_admin(script, [&](Admin& admin) -> Task<> {
    EXPECT_TRUE(co_await admin.elect_leaders(Election::preferred, std::nullopt));
    Partitions some = {second, first, {"b", PartitionIndex(1)}};
    const auto refused = co_await admin.elect_leaders(Election::unclean, std::move(some));
    EXPECT_EQ(code_of(refused), ErrorCode::cluster_authorization_failed);
  });
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].topic_partitions, std::nullopt);
  EXPECT_EQ(seen[1].election_type, 1);
  ASSERT_EQ(seen[1].topic_partitions->size(), 2U);
  EXPECT_EQ((*seen[1].topic_partitions)[1].partitions, (std::vector<std::int32_t>{1, 3}));
}

TEST(Admin, describes_the_quorum_once_it_has_a_leader) {
  int asked_times = 0;
  const auto script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != ApiKey::describe_quorum) return std::nullopt;
    protocol::DescribeQuorumResponse response;
    auto& partition = response.topics.emplace_back().partitions.emplace_back();
    if (++asked_times == 1) {
      partition.error_code = ErrorCode::not_leader_or_follower;
      return testing::answer(response, asked.version);
    }
    partition.leader_id = 2;
    partition.leader_epoch = 5;
    partition.high_watermark = 41;
    for (const int id : {3, 2}) {
      auto& voter = partition.current_voters.emplace_back();
      voter.replica_id = id;
      voter.log_end_offset = 42;
    }
    return testing::answer(response, asked.version);
  };
  with_admin(script, [&](Admin& admin) -> Task<> {
    const auto quorum = co_await admin.describe_quorum();
    EXPECT_TRUE(quorum) << quorum.error().why;
    if (!quorum) co_return;
    EXPECT_EQ(quorum->leader, BrokerId(2));
    EXPECT_EQ(quorum->high_watermark, Offset(41));
    EXPECT_EQ(quorum->voters.size(), 2U);
    EXPECT_EQ(quorum->voters.front().id, BrokerId(2));  // in order
    EXPECT_EQ(quorum->voters.front().last_fetch, no_timestamp);
  });
}

}  // namespace admin_test
}  // namespace cairn::client
