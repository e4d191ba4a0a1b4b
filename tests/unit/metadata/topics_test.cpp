// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <cairn/metadata/placement.hpp>

#include "cluster.hpp"

namespace cairn::metadata {
namespace {

using testing::Cluster;

TEST(CreateTopics, takes_the_defaults_for_minus_one) {
  Cluster cluster;
  const auto result = cluster.create_one(Cluster::wanted("t"));
  EXPECT_EQ(result.error_code, ErrorCode::none);
  EXPECT_EQ(result.num_partitions, cluster.server.controller.num_partitions);
  EXPECT_EQ(result.replication_factor, cluster.server.controller.default_replication_factor);
  EXPECT_FALSE(result.topic_id.is_zero());
  ASSERT_TRUE(result.configs);
  EXPECT_GT(result.configs->size(), 20u);
  EXPECT_EQ(cluster.partition("t").leader, BrokerId(1));
  EXPECT_EQ(cluster.partition("t").leader_epoch, Epoch(0));
}

TEST(CreateTopics, refuses_bad_names_in_kafkas_words) {
  Cluster cluster;
  const auto message = [&](std::string name) {
    const auto result = cluster.create_one(Cluster::wanted(std::move(name), 1, 1));
    EXPECT_EQ(result.error_code, ErrorCode::invalid_topic_exception);
    return result.error_message.value_or("");
  };
  EXPECT_EQ(message(""), "Topic name is invalid: the empty string is not allowed");
  EXPECT_EQ(message("."), "Topic name is invalid: '.' is not allowed");
  EXPECT_EQ(message(".."), "Topic name is invalid: '..' is not allowed");
  EXPECT_EQ(message("a b"),
            "Topic name is invalid: 'a b' contains one or more characters other "
            "than ASCII alphanumerics, '.', '_' and '-'");
  EXPECT_EQ(message(std::string(250, 'x')), "Topic name is invalid: the length of '" +
                                                std::string(250, 'x') +
                                                "' is longer than the max allowed length 249");
}

TEST(CreateTopics, refuses_names_that_collide_in_metrics) {
  Cluster cluster;
  cluster.create({Cluster::wanted("a.b", 1, 1)});
  const auto result = cluster.create_one(Cluster::wanted("a_b", 1, 1));
  EXPECT_EQ(result.error_code, ErrorCode::invalid_topic_exception);
  EXPECT_EQ(result.error_message, "Topic 'a_b' collides with existing topic: a.b");
  const auto twins = cluster.create({Cluster::wanted("c.d", 1, 1), Cluster::wanted("c_d", 1, 1)});
  EXPECT_EQ(twins.topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(twins.topics[1].error_code, ErrorCode::invalid_topic_exception);
}

TEST(CreateTopics, one_that_is_refused_does_not_hold_up_the_others) {
  Cluster cluster;
  cluster.create({Cluster::wanted("there", 1, 1)});
  const auto response =
      cluster.create({Cluster::wanted("there", 1, 1), Cluster::wanted("new", 1, 1),
                      Cluster::wanted("twice", 1, 1), Cluster::wanted("twice", 1, 1)});
  ASSERT_EQ(response.topics.size(), 3u);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::topic_already_exists);
  EXPECT_EQ(response.topics[0].error_message, "Topic 'there' already exists.");
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[2].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(response.topics[2].error_message, "Duplicate topic name.");
  EXPECT_EQ(cluster.image.topic("twice"), nullptr);
}

TEST(CreateTopics, refuses_bad_counts) {
  Cluster cluster;
  auto code = [&](std::int32_t partitions, std::int16_t replicas) {
    return cluster.create_one(Cluster::wanted("t", partitions, replicas)).error_code;
  };
  EXPECT_EQ(code(0, 1), ErrorCode::invalid_partitions);
  EXPECT_EQ(code(-2, 1), ErrorCode::invalid_partitions);
  EXPECT_EQ(code(1, 0), ErrorCode::invalid_replication_factor);
  EXPECT_EQ(code(10'001, 1), ErrorCode::policy_violation);
  const auto result = cluster.create_one(Cluster::wanted("t", 1, 3));
  EXPECT_EQ(result.error_code, ErrorCode::invalid_replication_factor);
  EXPECT_EQ(
      result.error_message,
      "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot "
      "be reached because only 1 broker(s) are registered or some brokers have all their log "
      "directories cordoned.");
}

TEST(CreateTopics, checks_manual_assignments) {
  Cluster cluster(3);
  const auto refusal = [&](Cluster::Creatable topic) {
    const auto result = cluster.create_one(std::move(topic));
    EXPECT_NE(result.error_code, ErrorCode::none);
    return result.error_message.value_or("");
  };
  EXPECT_EQ(refusal(Cluster::assigned("t", {{1, 1}})),
            "The manual partition assignment includes the broker 1 more than once.");
  EXPECT_EQ(refusal(Cluster::assigned("t", {{1, 9}})),
            "The manual partition assignment includes broker 9, but no such broker is registered.");
  EXPECT_EQ(refusal(Cluster::assigned("t", {{1, 2}, {1}})),
            "The manual partition assignment includes a partition with 1 replica(s), but this is "
            "not consistent with previous partitions, which have 2 replica(s).");
  EXPECT_EQ(refusal(Cluster::assigned("t", {{}})),
            "The manual partition assignment includes an empty replica list.");
  auto gap = Cluster::assigned("t", {{1}, {2}});
  gap.assignments[1].partition_index = 2;
  EXPECT_EQ(refusal(gap), "partitions should be a consecutive 0-based integer sequence");
  auto both = Cluster::assigned("t", {{1}});
  both.num_partitions = 1;
  EXPECT_EQ(refusal(both),
            "A manual partition assignment was specified, but numPartitions was not "
            "set to -1.");
  cluster.fence(3);
  EXPECT_EQ(
      refusal(Cluster::assigned("t", {{3}})),
      "All brokers specified in the manual partition assignment for partition 0 are fenced or "
      "in controlled shutdown.");
  EXPECT_EQ(cluster.create_one(Cluster::assigned("t", {{3, 1}})).error_code, ErrorCode::none);
  EXPECT_EQ(cluster.partition("t").isr, testing::ids({1})) << "a fenced replica is not in sync";
  EXPECT_EQ(cluster.partition("t").leader, BrokerId(1));
}

TEST(CreateTopics, validates_configurations_and_writes_them_between_topic_and_partitions) {
  Cluster cluster;
  auto bad = Cluster::wanted("t", 1, 1);
  Cluster::set(bad, "retention.ms", "soon");
  EXPECT_EQ(cluster.create_one(bad).error_code, ErrorCode::invalid_config);
  auto null = Cluster::wanted("t", 1, 1);
  Cluster::set(null, "retention.ms", std::nullopt);
  EXPECT_EQ(cluster.create_one(null).error_message,
            "Null value not supported for topic configs: retention.ms");

  protocol::CreateTopicsRequest request;
  request.topics = {Cluster::wanted("t", 1, 1)};
  Cluster::set(request.topics[0], "retention.ms", "1000");
  const auto decision = create_topics(cluster.image, request, cluster.server, cluster.random);
  ASSERT_EQ(decision.records.size(), 3u);
  EXPECT_EQ(record_name(decision.records[0]), "TopicRecord");
  EXPECT_EQ(record_name(decision.records[1]), "ConfigRecord");
  EXPECT_EQ(record_name(decision.records[2]), "PartitionRecord");
}

TEST(CreateTopics, validate_only_answers_and_writes_nothing) {
  Cluster cluster;
  const auto response = cluster.create({Cluster::wanted("t", 2, 1)}, true);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[0].num_partitions, 2);
  EXPECT_EQ(cluster.image.topic("t"), nullptr);
}

TEST(DeleteTopics, finds_topics_by_name_and_by_id) {
  Cluster cluster;
  cluster.create({Cluster::wanted("a", 1, 1), Cluster::wanted("b", 1, 1)});
  protocol::DeleteTopicsRequest request;
  request.topics.resize(4);
  request.topics[0].name = "a";
  request.topics[1].topic_id = cluster.image.topic("b")->id;
  request.topics[2].name = "missing";
  request.topics[3].topic_id = Uuid{4, 4000};
  const auto decision = delete_topics(cluster.image, request, cluster.server, 6);
  ASSERT_EQ(decision.response.responses.size(), 4u);
  EXPECT_EQ(decision.response.responses[0].error_code, ErrorCode::none);
  EXPECT_EQ(decision.response.responses[1].name, "b");
  EXPECT_EQ(decision.response.responses[2].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(decision.response.responses[3].error_code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(decision.records.size(), 2u);
}

TEST(DeleteTopics, refuses_doubles_and_half_said_topics) {
  Cluster cluster;
  cluster.create({Cluster::wanted("a", 1, 1)});
  protocol::DeleteTopicsRequest request;
  request.topics.resize(4);
  request.topics[0].name = "a";
  request.topics[1].topic_id = cluster.image.topic("a")->id;
  request.topics[2].name = "a";
  request.topics[2].topic_id = Uuid{4, 4000};
  const auto decision = delete_topics(cluster.image, request, cluster.server, 6);
  const auto& results = decision.response.responses;
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[1].error_message,
            "The provided topic name maps to an ID that was already supplied.");
  EXPECT_EQ(results[2].error_message, "You may not specify both topic name and topic id.");
  EXPECT_EQ(results[3].error_message, "Neither topic name nor id were specified.");
  EXPECT_EQ(decision.records.size(), 1u);
}

TEST(CreatePartitions, adds_and_never_takes_away) {
  Cluster cluster;
  cluster.create({Cluster::wanted("t", 2, 1)});
  const auto ask = [&](std::int32_t count) {
    protocol::CreatePartitionsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    topic.count = count;
    topic.assignments.reset();
    auto decision = create_partitions(cluster.image, request, cluster.random);
    cluster.apply_all(decision.records);
    return decision.response.results.at(0);
  };
  EXPECT_EQ(ask(2).error_message, "Topic already has 2 partition(s).");
  EXPECT_EQ(ask(1).error_message,
            "The topic t currently has 2 partition(s); 1 would not be an increase.");
  EXPECT_EQ(ask(5).error_code, ErrorCode::none);
  EXPECT_EQ(cluster.image.topic("t")->partition_count(), 5);
  EXPECT_NE(cluster.image.topic("t")->partition(PartitionIndex(4)), nullptr);
}

TEST(Placement, spreads_leaders_evenly_and_uses_every_rack) {
  Random random(5);
  std::vector<UsableBroker> brokers;
  for (int id = 0; id < 6; ++id) brokers.push_back({BrokerId(id), "r" + std::to_string(id % 3)});
  const auto placed = place(brokers, 60, 3, random);
  ASSERT_TRUE(placed);
  std::map<int, int> leads;
  for (const Assignment& assignment : *placed) {
    ++leads[assignment[0].value()];
    std::set<int> racks, members;
    for (const BrokerId id : assignment) {
      racks.insert(id.value() % 3);
      members.insert(id.value());
    }
    EXPECT_EQ(racks.size(), 3u);
    EXPECT_EQ(members.size(), 3u);
  }
  for (const auto& [id, count] : leads) EXPECT_EQ(count, 10) << id;
}

TEST(Placement, a_fenced_broker_never_leads) {
  Random random(6);
  const std::vector<UsableBroker> brokers = {
      {BrokerId(1), {}, true}, {BrokerId(2), {}, false}, {BrokerId(3), {}, false}};
  const auto placed = place(brokers, 30, 3, random);
  ASSERT_TRUE(placed);
  std::map<int, int> leads;
  for (const Assignment& assignment : *placed) {
    EXPECT_EQ(assignment.size(), 3u);
    ++leads[assignment[0].value()];
  }
  EXPECT_EQ(leads, (std::map<int, int>{{2, 15}, {3, 15}}));
  EXPECT_FALSE(place({{BrokerId(1), {}, true}}, 1, 1, random));
}

}  // namespace
}  // namespace cairn::metadata
