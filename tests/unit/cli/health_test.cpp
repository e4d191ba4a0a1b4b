// SPDX-License-Identifier: Apache-2.0
#include "src/cli/health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cairn::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Problem::Kind;

std::vector<BrokerId> brokers(std::initializer_list<int> ids) {
  std::vector<BrokerId> out;
  for (const int id : ids) out.emplace_back(id);
  return out;
}

client::PartitionMetadata partition(int leader, std::initializer_list<int> replicas,
                                    std::initializer_list<int> isr) {
  client::PartitionMetadata out;
  out.leader = BrokerId(leader);
  out.replicas = brokers(replicas);
  out.isr = brokers(isr);
  return out;
}

client::QuorumReplica voter(int id, std::int64_t end, std::int64_t caught_up) {
  client::QuorumReplica out;
  out.id = BrokerId(id);
  out.log_end = Offset(end);
  out.last_caught_up = caught_up;
  return out;
}

/// Three brokers that are also the voters, one topic.
Sighting sighting(std::vector<client::PartitionMetadata> partitions, std::int32_t min_isr = 2) {
  Sighting out;
  for (int id = 1; id <= 3; id++) {
    out.cluster.brokers.push_back({BrokerId(id), {"h", 9092}, std::nullopt});
  }
  client::TopicMetadata topic;
  topic.name = "orders";
  for (std::size_t i = 0; i < partitions.size(); i++) {
    partitions[i].index = PartitionIndex(static_cast<std::int32_t>(i));
  }
  topic.partitions = std::move(partitions);
  out.topics.push_back(std::move(topic));
  out.min_isr["orders"] = min_isr;
  client::QuorumDescription quorum;
  quorum.leader = BrokerId(1);
  quorum.voters = {voter(1, 100, 1'000'000), voter(2, 99, 999'900), voter(3, 100, 1'000'000)};
  out.quorum = quorum;
  return out;
}

std::vector<Kind> kinds(const Sighting& seen) {
  std::vector<Kind> out;
  for (const auto& problem : judge(seen)) out.push_back(problem.kind);
  return out;
}

TEST(Health, is_good_if_all_replicas_are_in_sync) {
  const auto seen = sighting({partition(1, {1, 2, 3}, {1, 2, 3}), partition(2, {2, 3}, {3, 2})});
  EXPECT_THAT(judge(seen), IsEmpty());
  EXPECT_THAT(health_as_text(seen, {}), HasSubstr("healthy"));
  EXPECT_THAT(health_as_json(seen, {}), HasSubstr("\"healthy\":true"));
}

TEST(Health, names_a_partition_once_by_the_worst_that_is_true_of_it) {
  const auto seen = sighting({partition(1, {1, 2, 3}, {1, 2}), partition(1, {1, 2, 3}, {1}),
                              partition(-1, {1, 2, 3}, {1})});
  const auto problems = judge(seen);
  EXPECT_THAT(kinds(seen), ElementsAre(Kind::offline, Kind::under_min_isr, Kind::under_replicated));
  EXPECT_EQ(problems[0].subject, "orders-2");
  EXPECT_THAT(problems[2].missing, ElementsAre(BrokerId(3)));
  EXPECT_THAT(health_as_text(seen, problems), HasSubstr("orders-0 is under-replicated"));
  EXPECT_THAT(health_as_json(seen, problems), HasSubstr("\"missing\":[3]"));
}

TEST(Health, asks_of_a_partition_no_more_in_sync_than_it_has_replicas) {
  EXPECT_THAT(kinds(sighting({partition(1, {1}, {1})}, 2)), IsEmpty());
}

TEST(Health, does_not_miss_replicas_that_a_move_is_adding) {
  auto seen = sighting({partition(1, {1, 2, 3}, {1, 2})});
  client::Reassignment move;
  move.adding = brokers({3});
  seen.moves[{"orders", PartitionIndex(0)}] = move;
  EXPECT_THAT(kinds(seen), IsEmpty());
}

TEST(Health, names_fenced_brokers_and_topics_that_cannot_be_described) {
  auto seen = sighting({});
  seen.cluster.fenced.push_back({BrokerId(4), {"h4", 9092}, std::nullopt});
  seen.topics.front().error = ErrorCode::kafka_storage_error;
  EXPECT_THAT(kinds(seen), ElementsAre(Kind::fenced_broker, Kind::unknown_topic));
  EXPECT_THAT(health_as_text(seen, judge(seen)), HasSubstr("broker 4 is fenced"));
}

TEST(Health, wants_a_quorum_with_a_leader) {
  auto seen = sighting({});
  seen.quorum = fail(ErrorCode::request_timed_out, "no answer in time");
  EXPECT_THAT(kinds(seen), ElementsAre(Kind::no_quorum_leader));
  client::QuorumDescription leaderless;
  seen.quorum = leaderless;
  EXPECT_THAT(kinds(seen), ElementsAre(Kind::no_quorum_leader));
}

TEST(Health, names_voters_that_are_behind_for_seconds_or_were_not_heard_of) {
  auto seen = sighting({});
  seen.quorum->voters[1] = voter(2, 99, 990'000);
  seen.quorum->voters[2] = voter(3, -1, no_timestamp);
  const auto problems = judge(seen);
  EXPECT_THAT(kinds(seen), ElementsAre(Kind::lagging_voter, Kind::lagging_voter));
  EXPECT_EQ(problems[0].node, BrokerId(2));
  EXPECT_THAT(problems[0].what, HasSubstr("10 s behind"));
  EXPECT_THAT(problems[1].what, HasSubstr("not heard of"));
}

TEST(Health, does_not_ask_voters_to_be_at_the_end_at_every_instant) {
  auto seen = sighting({});
  seen.quorum->voters[1] = voter(2, 50, 998'000);
  EXPECT_THAT(kinds(seen), IsEmpty());
  seen.quorum->voters[1] = voter(2, 100, 900'000);  // nothing new was written since
  EXPECT_THAT(kinds(seen), IsEmpty());
}

}  // namespace
}  // namespace cairn::cli
