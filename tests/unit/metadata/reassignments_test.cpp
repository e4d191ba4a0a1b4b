// SPDX-License-Identifier: Apache-2.0
#include <cairn/metadata/elections.hpp>
#include <cairn/metadata/partitions.hpp>
#include <cairn/metadata/reassignments.hpp>

#include "cluster.hpp"

namespace cairn::metadata {
namespace {

using testing::Cluster;
using testing::ids;
using Numbers = std::vector<std::int32_t>;

struct Reassignments : ::testing::Test {
  Cluster cluster{5};
  void SetUp() override { cluster.create({Cluster::assigned("t", {{1, 2, 3}, {2, 3, 4}})}); }

  struct Asked {
    std::int32_t partition = 0;
    std::optional<Numbers> replicas = std::nullopt;
    bool may_change_factor = true;
    std::string topic = "t";
  };
  /// What the only partition of a request is answered; records are applied.
  protocol::AlterPartitionReassignmentsResponse::ReassignablePartitionResponse answer(Asked asked) {
    protocol::AlterPartitionReassignmentsRequest request;
    request.allow_replication_factor_change = asked.may_change_factor;
    auto& topic = request.topics.emplace_back();
    topic.name = asked.topic;
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = asked.partition;
    partition.replicas = std::move(asked.replicas);
    auto decision = alter_partition_reassignments(cluster.image, cluster.server, request);
    cluster.apply_all(decision.records);
    EXPECT_EQ(decision.response.error_code, ErrorCode::none);
    EXPECT_FALSE(decision.response.error_message);
    return decision.response.responses.at(0).partitions.at(0);
  }
  ErrorCode ask(Asked asked) { return answer(std::move(asked)).error_code; }

  protocol::ListPartitionReassignmentsResponse list(
      std::optional<std::vector<std::pair<std::string, Numbers>>> of = {}) {
    protocol::ListPartitionReassignmentsRequest request;
    if (of) {
      request.topics.emplace();
      for (auto& [name, partitions] : *of) {
        request.topics->push_back({.name = name, .partition_indexes = partitions});
      }
    }
    return list_partition_reassignments(cluster.image, request).response;
  }

  /// The leader of partition 0 reports who is in sync.
  ErrorCode report_isr(const Numbers& isr) {
    const Partition& now = cluster.partition("t");
    protocol::AlterPartitionRequest request;
    request.broker_id = now.leader.value();
    request.broker_epoch = 100 + now.leader.value();
    auto& topic = request.topics.emplace_back();
    topic.topic_id = cluster.image.topic("t")->id;
    auto& partition = topic.partitions.emplace_back();
    partition.leader_epoch = now.leader_epoch.value();
    partition.partition_epoch = now.partition_epoch;
    for (const std::int32_t id : isr) {
      partition.new_isr_with_epochs.push_back({.broker_id = id, .broker_epoch = 100 + id});
    }
    auto decision = alter_partition(cluster.image, cluster.server, request, 3);
    cluster.apply_all(decision.records);
    return decision.response.topics.at(0).partitions.at(0).error_code;
  }

  void set_unclean(const char* value) {
    protocol::ConfigRecord record;
    record.resource_type = static_cast<std::int8_t>(ResourceType::topic);
    record.resource_name = "t";
    record.name = "unclean.leader.election.enable";
    record.value = value;
    cluster.apply_all({{std::move(record), 0}});
  }
};

TEST_F(Reassignments, begin_with_the_new_replicas_before_the_old_and_end_when_they_are_in_sync) {
  EXPECT_EQ(ask({.replicas = Numbers{5, 2, 4}}), ErrorCode::none);
  const Partition moving = cluster.partition("t");
  EXPECT_EQ(moving.replicas, ids({5, 2, 4, 1, 3}));
  EXPECT_EQ(moving.adding_replicas, ids({4, 5}));
  EXPECT_EQ(moving.removing_replicas, ids({1, 3}));
  EXPECT_EQ(moving.isr, ids({1, 2, 3}));
  EXPECT_EQ(moving.leader, BrokerId(1)) << "clients go on with the old leader";
  EXPECT_EQ(moving.leader_epoch, Epoch(0));

  EXPECT_EQ(report_isr({1, 2, 3, 5}), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").replicas.size(), 5u) << "4 is not there yet";
  EXPECT_EQ(report_isr({1, 2, 3, 4, 5}), ErrorCode::new_leader_elected);
  const Partition& done = cluster.partition("t");
  EXPECT_EQ(done.replicas, ids({5, 2, 4}));
  EXPECT_EQ(done.leader, BrokerId(5)) << "the old leader is not among them";
  EXPECT_EQ(done.leader_epoch, Epoch(1));
  EXPECT_TRUE(done.adding_replicas.empty() && done.removing_replicas.empty());
  EXPECT_TRUE(list().topics.empty());
}

TEST_F(Reassignments, keep_a_leader_that_stays_and_fence_those_that_leave) {
  EXPECT_EQ(ask({.replicas = Numbers{4, 1, 2}}), ErrorCode::none);
  EXPECT_EQ(report_isr({1, 2, 3, 4}), ErrorCode::none);
  const Partition& done = cluster.partition("t");
  EXPECT_EQ(done.replicas, ids({4, 1, 2}));
  EXPECT_EQ(done.leader, BrokerId(1)) << "the preferred one is elected later";
  EXPECT_EQ(done.leader_epoch, Epoch(1)) << "3 must not be believed any more";
}

TEST_F(Reassignments, assign_the_directories_of_new_replicas) {
  EXPECT_EQ(ask({.replicas = Numbers{4, 1, 2}}), ErrorCode::none);
  const std::vector<DirectoryId> expected = {Uuid{9, 1004}, Uuid{9, 1001}, Uuid{9, 1002},
                                             Uuid{9, 1003}};
  EXPECT_EQ(cluster.partition("t").directories, expected);
}

TEST_F(Reassignments, only_the_order_changes_at_once) {
  EXPECT_EQ(ask({.replicas = Numbers{3, 1, 2}}), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").replicas, ids({3, 1, 2}));
  EXPECT_EQ(cluster.partition("t").leader_epoch, Epoch(0));
  EXPECT_EQ(ask({.replicas = Numbers{3, 1, 2}}), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").partition_epoch, 1) << "nothing to do is no record";
}

TEST_F(Reassignments, to_fewer_replicas_wait_until_all_that_stay_are_in_sync) {
  EXPECT_EQ(report_isr({1, 2}), ErrorCode::none);
  EXPECT_EQ(ask({.replicas = Numbers{2, 3}}), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").replicas, ids({2, 3, 1}));
  EXPECT_EQ(cluster.partition("t").leader, BrokerId(1));
  EXPECT_EQ(report_isr({1, 2, 3}), ErrorCode::new_leader_elected);
  EXPECT_EQ(cluster.partition("t").replicas, ids({2, 3}));
  EXPECT_EQ(cluster.partition("t").leader, BrokerId(2));
}

TEST_F(Reassignments, are_cancelled_back_to_where_they_came_from) {
  EXPECT_EQ(ask({}), ErrorCode::no_reassignment_in_progress);
  EXPECT_EQ(ask({.replicas = Numbers{4, 5}}), ErrorCode::none);
  EXPECT_EQ(report_isr({1, 2, 3, 4}), ErrorCode::none);
  EXPECT_EQ(ask({}), ErrorCode::none);
  const Partition& back = cluster.partition("t");
  EXPECT_EQ(back.replicas, ids({1, 2, 3}));
  EXPECT_EQ(back.isr, ids({1, 2, 3}));
  EXPECT_EQ(back.leader, BrokerId(1));
  EXPECT_EQ(back.leader_epoch, Epoch(1)) << "4 was in sync, and must not be believed any more";
  EXPECT_EQ(ask({}), ErrorCode::no_reassignment_in_progress);
}

TEST_F(Reassignments, that_lost_all_old_replicas_are_cancelled_only_where_records_may_be_lost) {
  EXPECT_EQ(ask({.replicas = Numbers{4, 5}}), ErrorCode::none);
  EXPECT_EQ(report_isr({1, 4}), ErrorCode::none);
  cluster.apply_all(leave_partitions(cluster.image, cluster.server, BrokerId(1), Stop::clean));
  cluster.fence(1);
  EXPECT_EQ(cluster.partition("t").isr, ids({4}));
  const auto refused = answer({});
  EXPECT_EQ(refused.error_code, ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(refused.error_message,
            "Unable to revert partition assignment for t:0 because it would require an unclean "
            "leader election.");
  set_unclean("true");
  EXPECT_EQ(ask({}), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").replicas, ids({1, 2, 3}));
}

TEST_F(Reassignments, give_way_to_a_later_one) {
  EXPECT_EQ(ask({.replicas = Numbers{4, 2, 3}}), ErrorCode::none);
  EXPECT_EQ(ask({.replicas = Numbers{5, 2, 3}}), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").replicas, ids({5, 2, 3, 1, 4}));
  EXPECT_EQ(cluster.partition("t").adding_replicas, ids({5}));
  EXPECT_EQ(cluster.partition("t").removing_replicas, ids({1, 4}));
  EXPECT_EQ(report_isr({1, 2, 3, 5}), ErrorCode::new_leader_elected);
  EXPECT_EQ(cluster.partition("t").replicas, ids({5, 2, 3}));
}

TEST_F(Reassignments, turned_back_by_hand_end_at_once) {
  EXPECT_EQ(ask({.replicas = Numbers{4, 2, 3}}), ErrorCode::none);
  EXPECT_EQ(ask({.replicas = Numbers{1, 2, 3}}), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").replicas, ids({1, 2, 3}));
  EXPECT_TRUE(list().topics.empty());
}

TEST_F(Reassignments, refuse_what_cannot_be) {
  constexpr auto bad = ErrorCode::invalid_replica_assignment;
  EXPECT_EQ(ask({.replicas = Numbers{1, 2}, .topic = "u"}), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(ask({.partition = 7, .replicas = Numbers{1}}), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(ask({.replicas = Numbers{}}), bad);
  EXPECT_EQ(ask({.replicas = Numbers{1, 1}}), bad);
  const auto unknown = answer({.replicas = Numbers{1, 9}});
  EXPECT_EQ(unknown.error_code, bad);
  EXPECT_EQ(unknown.error_message,
            "The manual partition assignment includes broker 9, but no such broker is registered.");
}

TEST_F(Reassignments, may_be_forbidden_to_change_the_number_of_replicas) {
  constexpr auto bad = ErrorCode::invalid_replication_factor;
  const auto refused = answer({.replicas = Numbers{1, 2}, .may_change_factor = false});
  EXPECT_EQ(refused.error_code, bad);
  EXPECT_EQ(refused.error_message, "The replication factor is changed from 3 to 2");
  EXPECT_EQ(ask({.replicas = Numbers{4, 2, 3}, .may_change_factor = false}), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").replicas.size(), 4u);
  EXPECT_EQ(ask({.replicas = Numbers{4, 5, 3}, .may_change_factor = false}), ErrorCode::none)
      << "the goal counts, not who is there in between";
}

TEST_F(Reassignments, are_listed_while_they_last) {
  EXPECT_EQ(ask({.partition = 1, .replicas = Numbers{5, 3, 4}}), ErrorCode::none);
  const auto all = list();
  ASSERT_EQ(all.topics.size(), 1u);
  EXPECT_EQ(all.topics[0].name, "t");
  ASSERT_EQ(all.topics[0].partitions.size(), 1u);
  EXPECT_EQ(all.topics[0].partitions[0].partition_index, 1);
  EXPECT_EQ(all.topics[0].partitions[0].replicas, (Numbers{5, 3, 4, 2}));
  EXPECT_EQ(all.topics[0].partitions[0].adding_replicas, Numbers{5});
  EXPECT_EQ(all.topics[0].partitions[0].removing_replicas, Numbers{2});
  EXPECT_EQ(list({{{"t", {0, 1, 9}}, {"u", {0}}}}).topics.size(), 1u);
  EXPECT_TRUE(list({{{"t", {0}}}}).topics.empty());
}

struct Elections : Reassignments {
  protocol::ElectLeadersResponse elect(
      std::int8_t type, std::optional<std::vector<std::pair<std::string, Numbers>>> of) {
    protocol::ElectLeadersRequest request;
    request.election_type = type;
    request.topic_partitions.reset();
    if (of) {
      request.topic_partitions.emplace();
      for (auto& [name, partitions] : *of) {
        request.topic_partitions->push_back({.topic = name, .partitions = partitions});
      }
    }
    auto decision = elect_leaders(cluster.image, cluster.server, request);
    unclean = elections(cluster.image, decision.records);
    std::erase_if(unclean, [](const auto& one) { return one.from != ElectedFrom::out_of_sync; });
    cluster.apply_all(decision.records);
    return decision.response;
  }
  ErrorCode elect_one(std::int8_t type) {
    return elect(type, {{{"t", {0}}}})
        .replica_election_results.at(0)
        .partition_result.at(0)
        .error_code;
  }
  void lose(int id) {
    cluster.apply_all(leave_partitions(cluster.image, cluster.server, BrokerId(id), Stop::clean));
    cluster.fence(id);
  }
  std::vector<LeaderElection> unclean;
};

TEST_F(Elections, of_the_preferred_replica_once_it_is_in_sync) {
  EXPECT_EQ(elect_one(0), ErrorCode::election_not_needed);
  lose(1);
  EXPECT_EQ(cluster.partition("t").leader, BrokerId(2));
  EXPECT_EQ(elect_one(0), ErrorCode::preferred_leader_not_available);
  cluster.fence(1, false);
  EXPECT_EQ(report_isr({1, 2, 3}), ErrorCode::none);
  EXPECT_EQ(elect_one(0), ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").leader, BrokerId(1));
  EXPECT_TRUE(unclean.empty());
}

TEST_F(Elections, of_all_name_only_what_was_needed) {
  lose(1);
  cluster.fence(1, false);
  EXPECT_EQ(report_isr({1, 2, 3}), ErrorCode::none);
  const auto response = elect(0, {});
  ASSERT_EQ(response.replica_election_results.size(), 1u);
  ASSERT_EQ(response.replica_election_results[0].partition_result.size(), 1u);
  EXPECT_EQ(response.replica_election_results[0].partition_result[0].partition_id, 0);
  EXPECT_TRUE(elect(0, {}).replica_election_results.at(0).partition_result.empty());
}

TEST_F(Elections, out_of_sync_are_found_in_the_records) {
  EXPECT_EQ(elect_one(1), ErrorCode::election_not_needed);
  for (const int id : {2, 3, 1}) lose(id);
  EXPECT_EQ(cluster.partition("t").leader, no_broker);
  EXPECT_EQ(elect_one(1), ErrorCode::eligible_leaders_not_available);
  cluster.fence(2, false);
  EXPECT_TRUE(elect_leaderless(cluster.image, cluster.server).empty()) << "nobody allowed it";
  set_unclean("true");
  auto records = elect_leaderless(cluster.image, cluster.server);
  ASSERT_EQ(elections(cluster.image, records).size(), 1u);
  EXPECT_EQ(elections(cluster.image, records)[0].from, ElectedFrom::out_of_sync);
  set_unclean("false");
  EXPECT_EQ(elect_one(1), ErrorCode::none) << "by hand it needs no leave";
  ASSERT_EQ(unclean.size(), 1u);
  EXPECT_EQ(unclean[0].topic, "t");
  EXPECT_EQ(unclean[0].leader, BrokerId(2));
  EXPECT_EQ(cluster.partition("t").isr, ids({2}));
  EXPECT_EQ(cluster.partition("t").recovery_state, LeaderRecoveryState::recovering);
}

TEST_F(Elections, of_an_unknown_kind_are_refused) {
  const auto response = elect(7, {{{"t", {0}}}});
  EXPECT_EQ(response.error_code, ErrorCode::invalid_request);
  EXPECT_EQ(response.replica_election_results.at(0).partition_result.at(0).error_message,
            "Unknown election type 7");
}

}  // namespace
}  // namespace cairn::metadata
