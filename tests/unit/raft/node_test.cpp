// SPDX-License-Identifier: Apache-2.0
#include <cairn/raft/node.hpp>

#include "quorum.hpp"

namespace cairn::raft {
namespace {

constexpr Instant start_time{std::chrono::hours(1)};

Settings settings_of(int id) {
  Settings settings;
  settings.self = {BrokerId(id), Uuid{1, static_cast<std::uint64_t>(1000 + id)}};
  settings.cluster_id = "cluster";
  settings.election_timeout = std::chrono::seconds(1);
  settings.fetch_timeout = std::chrono::seconds(2);
  settings.request_timeout = std::chrono::seconds(2);
  settings.retry_backoff = std::chrono::milliseconds(20);
  return settings;
}

VoterSet voters_of(int count) {
  std::vector<Voter> voters;
  for (int id = 1; id <= count; ++id) voters.push_back({settings_of(id).self, {}, 0, 1});
  return VoterSet(voters);
}

Node node_of(int voters, Startup startup = {}, int id = 1) {
  if (startup.voters.empty()) startup.voters = {{no_offset, voters_of(voters)}};
  return Node(settings_of(id), std::move(startup), Random(3), start_time);
}

TEST(SingleVoter, leads_at_once_and_writes_its_voters_into_a_fresh_log) {
  Startup startup;
  startup.voters_from_bootstrap = true;
  Node node = node_of(1, startup);
  const Output output = node.start(start_time);
  EXPECT_TRUE(node.is_leader());
  ASSERT_TRUE(output.election);
  EXPECT_EQ(*output.election, (ElectionState{Epoch(1), BrokerId(1), std::nullopt}));
  ASSERT_EQ(output.log.size(), 1u);
  const auto& append = std::get<AppendControl>(output.log[0]);
  EXPECT_EQ(append.records.size(), 3u) << "leader change, kraft.version, voters";
  EXPECT_TRUE(output.flush);
  EXPECT_EQ(output.leading, true);
  EXPECT_TRUE(output.sends.empty());
  EXPECT_EQ(node.high_watermark(), no_offset) << "nothing counts before it is flushed";
  const Output flushed = node.flushed(Offset(3), node.generation(), start_time);
  EXPECT_EQ(flushed.high_watermark, Offset(3));
  EXPECT_FALSE(node.deadline()) << "an idle leader of one has nothing to do, ever";
}

TEST(SingleVoter, leads_again_in_a_new_epoch_after_a_restart) {
  Startup startup;
  startup.election = {Epoch(4), BrokerId(1), std::nullopt};
  startup.epochs.assign(Epoch(4), Offset(0));
  startup.log_end = Offset(10);
  Node node = node_of(1, startup);
  const Output output = node.start(start_time);
  EXPECT_TRUE(node.is_leader());
  EXPECT_EQ(node.epoch(), Epoch(5));
  EXPECT_EQ(std::get<AppendControl>(output.log.at(0)).base_offset, Offset(10));
  EXPECT_EQ(std::get<AppendControl>(output.log.at(0)).records.size(), 1u);
}

TEST(SingleVoter, with_a_replaced_disk_is_no_voter_and_never_leads) {
  Startup startup;
  startup.voters = {{no_offset, VoterSet({Voter{{BrokerId(1), Uuid{1, 77}}, {}, 0, 1}})}};
  Node node = node_of(1, startup);
  node.start(start_time);
  EXPECT_FALSE(node.is_leader());
  node.tick(start_time + std::chrono::hours(1));
  EXPECT_FALSE(node.is_leader());
}

TEST(SingleVoter, a_flush_of_an_older_generation_does_not_count) {
  Node node = node_of(1);
  node.start(start_time);
  EXPECT_TRUE(node.flushed(Offset(1), node.generation() + 1, start_time).empty());
  EXPECT_EQ(node.high_watermark(), no_offset);
}

struct VoteCase {
  const char* what;
  bool pre_vote;
  int candidate;
  int epoch;
  LogPosition last;
  ErrorCode error;
  bool granted;
};

TEST(Vote, is_granted_as_the_table_says) {
  // Our log ends at (epoch 3, offset 10) and we are unattached in epoch 5.
  const VoteCase cases[] = {
      {"an up-to-date log", false, 2, 6, {Epoch(3), Offset(10)}, ErrorCode::none, true},
      {"a longer log", false, 2, 6, {Epoch(3), Offset(11)}, ErrorCode::none, true},
      {"a shorter log of a later epoch", false, 2, 6, {Epoch(4), Offset(1)}, ErrorCode::none, true},
      {"a shorter log", false, 2, 6, {Epoch(3), Offset(9)}, ErrorCode::none, false},
      {"a longer log of an earlier epoch",
       false,
       2,
       6,
       {Epoch(2), Offset(99)},
       ErrorCode::none,
       false},
      {"our epoch", false, 2, 5, {Epoch(3), Offset(10)}, ErrorCode::none, true},
      {"an old epoch", false, 2, 4, {Epoch(3), Offset(10)}, ErrorCode::fenced_leader_epoch, false},
      {"a log of the candidate's own epoch",
       false,
       2,
       6,
       {Epoch(6), Offset(10)},
       ErrorCode::invalid_request,
       false},
      {"a pre-vote with the same", true, 2, 5, {Epoch(5), Offset(10)}, ErrorCode::none, true},
      {"a pre-vote with a shorter log", true, 2, 5, {Epoch(3), Offset(9)}, ErrorCode::none, false},
  };
  for (const VoteCase& c : cases) {
    Startup startup;
    startup.election = {Epoch(5), std::nullopt, std::nullopt};
    startup.epochs.assign(Epoch(3), Offset(0));
    startup.log_end = Offset(10);
    Node node = node_of(3, startup);
    node.start(start_time);
    VoteRequest request{
        "cluster", settings_of(1).self, settings_of(c.candidate).self, Epoch(c.epoch),
        c.last,    c.pre_vote};
    const Output output = node.step(9, request, start_time);
    ASSERT_EQ(output.replies.size(), 1u) << c.what;
    const auto& response = std::get<VoteResponse>(output.replies[0].response);
    EXPECT_EQ(response.error, c.error) << c.what;
    EXPECT_EQ(response.granted, c.granted) << c.what;
    const bool durable = output.election && output.election->voted;
    EXPECT_EQ(durable, c.granted && !c.pre_vote) << c.what << ": a vote is durable first";
  }
}

/// The others may not have noticed yet that the leader is gone, and name it beside their consent.
TEST(PreVote, the_leader_that_was_given_up_is_no_news) {
  Startup startup;
  startup.election = {Epoch(5), BrokerId(2), std::nullopt};
  Node node = node_of(3, startup);
  node.start(start_time);
  ASSERT_TRUE(std::holds_alternative<Follower>(node.role()));
  const Instant later = start_time + std::chrono::minutes(1);
  const Output asked = node.tick(later);
  ASSERT_TRUE(std::holds_alternative<Prospective>(node.role()));
  for (const Send& send : asked.sends) {
    if (send.to != BrokerId(3)) continue;
    VoteResponse consent;
    consent.leader = {BrokerId(2), Epoch(5), {{"", "host", 9093}}};
    consent.granted = true;
    node.answered(send.number, consent, later);
  }
  EXPECT_TRUE(std::holds_alternative<Candidate>(node.role()));
  EXPECT_EQ(node.epoch(), Epoch(6));
}

TEST(Vote, is_given_once_an_epoch) {
  Node node = node_of(3);
  node.start(start_time);
  const auto ask = [&](int candidate) {
    VoteRequest request{"cluster", settings_of(1).self,   settings_of(candidate).self,
                        Epoch(1),  {Epoch(0), Offset(0)}, false};
    const Output output = node.step(9, request, start_time);
    return std::get<VoteResponse>(output.replies.at(0).response).granted;
  };
  EXPECT_TRUE(ask(2));
  EXPECT_FALSE(ask(3));
  EXPECT_TRUE(ask(2)) << "the same again";
}

TEST(Vote, refuses_other_clusters_and_other_voters) {
  Node node = node_of(3);
  node.start(start_time);
  VoteRequest request{"elsewhere", settings_of(1).self, settings_of(2).self, Epoch(1), {}, false};
  const auto error = [&] {
    const Output output = node.step(9, request, start_time);
    return std::get<VoteResponse>(output.replies.at(0).response).error;
  };
  EXPECT_EQ(error(), ErrorCode::inconsistent_cluster_id);
  request.cluster_id = "cluster";
  request.voter.directory = Uuid{1, 4};
  EXPECT_EQ(error(), ErrorCode::invalid_voter_key);
}

TEST(Quorum, elects_a_leader_and_commits_on_a_majority) {
  testing::Quorum quorum(3, 11);
  ASSERT_TRUE(quorum.run_until([&] { return quorum.leader().has_value(); }));
  const BrokerId leader = *quorum.leader();
  quorum.append(leader, 1);
  const Offset end = testing::Quorum::end_of(quorum.members().at(leader));
  ASSERT_TRUE(quorum.run_until([&] {
    for (const auto& [id, member] : quorum.members()) {
      if (member.committed < end) return false;
    }
    return true;
  }));
}

TEST(Quorum, a_leader_without_a_majority_resigns) {
  testing::Quorum quorum(3, 12);
  ASSERT_TRUE(quorum.run_until([&] { return quorum.leader().has_value(); }));
  const BrokerId old = *quorum.leader();
  quorum.cut(old);
  ASSERT_TRUE(quorum.run_until([&] {
    return !quorum.members().at(old).node->is_leader() && quorum.leader() &&
           *quorum.leader() != old;
  }));
}

TEST(Quorum, a_node_that_was_cut_off_does_not_disturb_the_others_when_it_returns) {
  testing::Quorum quorum(3, 13);
  ASSERT_TRUE(quorum.run_until([&] { return quorum.leader().has_value(); }));
  const BrokerId leader = *quorum.leader();
  const BrokerId other(leader.value() % 3 + 1);
  ASSERT_TRUE(quorum.run_until([&] { return quorum.members().at(leader).committed > Offset(0); }));
  const Epoch epoch = quorum.members().at(leader).node->epoch();
  quorum.cut(other);
  for (int i = 0; i < 3000; ++i) quorum.step(0);
  quorum.heal();
  for (int i = 0; i < 3000; ++i) quorum.step(0);
  EXPECT_EQ(quorum.leader(), leader) << "pre-votes kept the epoch where it was";
  EXPECT_EQ(quorum.members().at(leader).node->epoch(), epoch);
}

struct Storm : ::testing::TestWithParam<int> {};

/// Crashes, losses and cuts at random; the checks of every step are Raft's safety.
TEST_P(Storm, keeps_what_was_committed_and_ends_healed) {
  const int size = GetParam() % 3 == 0 ? 5 : 3;
  testing::Quorum quorum(size, static_cast<std::uint64_t>(GetParam()));
  Random& random = quorum.random();
  std::uint64_t content = 1;
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    for (int k = 0; k < 5; ++k) quorum.step(0.05);
    const BrokerId any(static_cast<int>(random.between(1, size)));
    const double roll = static_cast<double>(random.below(1000)) / 1000;
    if (roll < 0.02 && quorum.members().at(any).node) {
      quorum.stop(any);
    } else if (roll < 0.05 && !quorum.members().at(any).node) {
      quorum.start(any);
    } else if (roll < 0.07) {
      quorum.cut(any);
    } else if (roll < 0.10) {
      quorum.heal();
    } else if (const auto leader = quorum.leader(); leader && roll < 0.4) {
      quorum.append(*leader, content++);
    }
  }
  quorum.heal();
  for (auto& [id, member] : quorum.members()) {
    if (!member.node) quorum.start(id);
  }
  const bool healed = quorum.run_until([&] {
    const auto leader = quorum.leader();
    if (!leader) return false;
    const Offset end = testing::Quorum::end_of(quorum.members().at(*leader));
    for (const auto& [id, member] : quorum.members()) {
      if (!member.node || member.committed < end) return false;
    }
    return true;
  });
  EXPECT_TRUE(healed);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Storm, ::testing::Range(1, 41));

}  // namespace
}  // namespace cairn::raft
