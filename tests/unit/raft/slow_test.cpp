// SPDX-License-Identifier: Apache-2.0
// A node whose disk is slow: its time runs from when its questions leave, not from when it decided
// to ask them.
#include <gtest/gtest.h>

#include <cairn/raft/node.hpp>

namespace cairn::raft {
namespace slow_test {

using namespace std::chrono_literals;

constexpr Instant start_time{std::chrono::hours(1)};

ReplicaKey key_of(int id) { return {BrokerId(id), Uuid{1, static_cast<std::uint64_t>(1000 + id)}}; }

/// One of three; it led or followed somebody in epoch 5 or nobody at all.
Node node_of_three(std::optional<BrokerId> leader) {
  Settings settings;
  settings.self = key_of(1);
  settings.cluster_id = "cluster";
  settings.election_timeout = 1s;
  settings.fetch_timeout = 2s;
  settings.request_timeout = 2s;
  settings.retry_backoff = 20ms;
  Startup startup;
  startup.election = {Epoch(5), leader, std::nullopt};
  startup.voters = {
      {no_offset, VoterSet({{key_of(1), {}, 0, 1}, {key_of(2), {}, 0, 1}, {key_of(3), {}, 0, 1}})}};
  return Node(settings, std::move(startup), Random(3), start_time);
}

const Send& sent_to(const Output& output, int id) {
  const auto at = std::ranges::find(output.sends, BrokerId(id), &Send::to);
  EXPECT_NE(at, output.sends.end());
  return *at;
}

Output grant(Node& node, const Output& asked, int id, Instant now) {
  VoteResponse consent;
  consent.leader = {no_broker, node.epoch(), {}};
  consent.granted = true;
  return node.answered(sent_to(asked, id).number, consent, now);
}

/// The output in which it became a candidate, at that time.
Output become_candidate(Node& node, Instant now) {
  node.start(start_time);
  const Output pre_votes = node.tick(now);
  EXPECT_TRUE(std::holds_alternative<Prospective>(node.role()));
  node.carried_out(0s);
  Output votes = grant(node, pre_votes, 2, now);
  EXPECT_TRUE(std::holds_alternative<Candidate>(node.role()));
  return votes;
}

TEST(SlowDisk, a_candidate_waits_for_votes_from_when_it_asked) {
  Node node = node_of_three(std::nullopt);
  const Instant decided = start_time + 10s;
  const Output votes = become_candidate(node, decided);
  const Instant asked = decided + 5s;  // so long took its own vote
  node.carried_out(5s);
  node.tick(asked);
  ASSERT_TRUE(std::holds_alternative<Candidate>(node.role())) << "it has only just asked";
  grant(node, votes, 3, asked + 50ms);
  EXPECT_TRUE(node.is_leader());
}

TEST(SlowDisk, a_candidate_does_give_up) {
  Node node = node_of_three(std::nullopt);
  const Instant decided = start_time + 10s;
  become_candidate(node, decided);
  node.carried_out(5s);
  node.tick(decided + 5s + 2s);
  EXPECT_FALSE(std::holds_alternative<Candidate>(node.role()));
}

/// Nobody can have fetched before anybody was told.
TEST(SlowDisk, a_leader_looks_for_its_majority_from_when_it_told_them) {
  Node node = node_of_three(std::nullopt);
  const Instant decided = start_time + 10s;
  const Output votes = become_candidate(node, decided);
  node.carried_out(0s);
  grant(node, votes, 3, decided);
  ASSERT_TRUE(node.is_leader());
  node.carried_out(5s);
  node.tick(decided + 5s);
  EXPECT_TRUE(node.is_leader());
  node.tick(decided + 5s + 2900ms);
  EXPECT_TRUE(node.is_leader());
  node.carried_out(60s);  // that is granted once
  node.tick(decided + 5s + 3s);
  EXPECT_FALSE(node.is_leader());
}

TEST(SlowDisk, a_follower_gives_its_leader_the_time_that_it_took_itself) {
  Node node = node_of_three(BrokerId(2));
  node.start(start_time);
  ASSERT_TRUE(std::holds_alternative<Follower>(node.role()));
  node.carried_out(5s);  // its first fetch leaves
  node.tick(start_time + 5s + 1900ms);
  EXPECT_TRUE(std::holds_alternative<Follower>(node.role()));
  node.tick(start_time + 5s + 2s);
  EXPECT_TRUE(std::holds_alternative<Prospective>(node.role()));
}

}  // namespace slow_test
}  // namespace cairn::raft
