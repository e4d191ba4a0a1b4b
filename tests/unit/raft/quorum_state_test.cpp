// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/raft/control_records.hpp>
#include <cairn/raft/quorum_state.hpp>

namespace cairn::raft {
namespace {

TEST(QuorumState, is_the_line_that_kafka_writes) {
  const ElectionState leading{Epoch(1), BrokerId(1), std::nullopt};
  EXPECT_EQ(
      encode_quorum_state(leading, 1, {}),
      R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})");
  const VoterSet voters({Voter{{BrokerId(2), {}}, {}}, Voter{{BrokerId(1), {}}, {}}});
  EXPECT_EQ(encode_quorum_state({Epoch(4), std::nullopt, ReplicaKey{BrokerId(2), {}}}, 0, voters),
            R"({"clusterId":"","leaderId":-1,"leaderEpoch":4,"votedId":2,"appliedOffset":0,)"
            R"("currentVoters":[{"voterId":1},{"voterId":2}],"data_version":0})");
}

TEST(QuorumState, comes_back_as_it_was_written) {
  const ElectionState states[] = {
      {Epoch(0), std::nullopt, std::nullopt},
      {Epoch(7), BrokerId(3), std::nullopt},
      {Epoch(7), BrokerId(3), ReplicaKey{BrokerId(4), Uuid{5, 6}}},
      {Epoch(2147483647), std::nullopt, ReplicaKey{BrokerId(1), Uuid{1, 200}}}};
  for (const ElectionState& state : states) {
    const auto read = decode_quorum_state(encode_quorum_state(state, 1, {}));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, state);
  }
}

TEST(QuorumState, refuses_what_is_not_one) {
  for (const char* text :
       {"", "{", "{}", "[]", R"({"leaderId":1})",
        R"({"leaderId":1,"leaderEpoch":-1,"votedId":-1,"data_version":1})",
        R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"data_version":2})",
        R"({"leaderId":1,"leaderEpoch":1,"votedId":1,"votedDirectoryId":"?","data_version":1})",
        R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"data_version":1} x)"}) {
    EXPECT_FALSE(decode_quorum_state(text)) << text;
  }
}

TEST(ControlRecords, come_back_as_they_were_written) {
  const std::vector<ControlRecord> records = {
      LeaderChange{BrokerId(1), {BrokerId(1), BrokerId(2)}, {BrokerId(1)}}, KRaftVersion{1},
      VoterSet({Voter{{BrokerId(1), Uuid{3, 4}}, {{"CONTROLLER", "host", 9093}}, 0, 1}}),
      SnapshotHeader{42}, SnapshotFooter{}};
  const Bytes bytes = encode_control_batch(records, Offset(10), Epoch(3), 1000);
  const auto batch = record::BatchView::parse(bytes);
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->is_control());
  EXPECT_TRUE(batch->crc_matches());
  EXPECT_EQ(batch->base_offset(), Offset(10));
  EXPECT_EQ(batch->leader_epoch(), Epoch(3));
  EXPECT_EQ(batch->base_timestamp(), batch->max_timestamp());
  const auto decoded = decode_control_batch(*batch);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, records);
}

TEST(VoterSet, knows_a_voter_by_id_and_directory) {
  const VoterSet voters({Voter{{BrokerId(1), Uuid{1, 500}}, {}}, Voter{{BrokerId(2), {}}, {}}});
  EXPECT_TRUE(voters.contains({BrokerId(1), Uuid{1, 500}}));
  EXPECT_FALSE(voters.contains({BrokerId(1), Uuid{1, 501}})) << "the disk was replaced";
  EXPECT_FALSE(voters.contains({BrokerId(1), {}})) << "whose disk it is nobody says, as in Kafka";
  EXPECT_TRUE(voters.contains({BrokerId(2), Uuid{1, 502}})) << "a static quorum";
  EXPECT_EQ(VoterSet({Voter{}, Voter{}, Voter{}}).majority(), 2u);
}

}  // namespace
}  // namespace cairn::raft
