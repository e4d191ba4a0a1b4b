// SPDX-License-Identifier: Apache-2.0
#include <deque>

#include <gtest/gtest.h>

#include <cairn/protocol/message.hpp>
#include <cairn/raft/control_records.hpp>
#include <cairn/raft/wire.hpp>

namespace cairn::raft {
namespace {

constexpr ReplicaKey peer{BrokerId(2), Uuid{1, 200}};
constexpr ReplicaKey self{BrokerId(1), Uuid{1, 100}};

/// Through bytes and back, as a peer of that version would get it.
template <class Wire>
Wire over_the_wire(const Wire& message, std::int16_t version) {
  static std::deque<Bytes> frames;  // records point into their frame
  auto bytes = protocol::try_encode(message, version);
  EXPECT_TRUE(bytes) << bytes.error().why;
  frames.push_back(*std::move(bytes));
  return *protocol::decode<Wire>(frames.back(), version);
}

TEST(QuorumWire, votes_pass_at_every_version) {
  for (std::int16_t version = 0; version <= 2; ++version) {
    const VoteRequest request{"cluster",   peer, self, Epoch(7), {Epoch(6), Offset(42)},
                              version >= 2};
    const auto back = from_wire(over_the_wire(to_wire(request, version), version));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->candidate.id, self.id);
    EXPECT_EQ(back->candidate.directory, version >= 1 ? self.directory : Uuid{});
    EXPECT_EQ(back->voter.id, version >= 1 ? peer.id : no_broker);
    EXPECT_EQ(back->epoch, Epoch(7));
    EXPECT_EQ(back->last, request.last);
    EXPECT_EQ(back->pre_vote, version >= 2);

    VoteResponse response{ErrorCode::none, {BrokerId(3), Epoch(7), {{"C", "host", 9093}}}, true};
    const auto answer = from_wire(over_the_wire(to_wire(response, version), version));
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->granted);
    EXPECT_EQ(answer->leader.leader, BrokerId(3));
    EXPECT_EQ(answer->leader.endpoints.size(), version >= 1 ? 1u : 0u);
  }
}

TEST(QuorumWire, news_of_a_leader_pass_at_every_version) {
  for (std::int16_t version = 0; version <= 1; ++version) {
    const BeginQuorumEpochRequest begin{"cluster", peer, self.id, Epoch(7), {{"C", "h", 1}}};
    const auto begun = from_wire(over_the_wire(to_wire(begin, version), version));
    ASSERT_TRUE(begun);
    EXPECT_EQ(begun->leader, self.id);
    EXPECT_EQ(begun->leader_endpoints.size(), version >= 1 ? 1u : 0u);
    const EndQuorumEpochRequest end{"cluster", self.id, Epoch(7), {peer}, {{"C", "h", 1}}};
    const auto ended = from_wire(over_the_wire(to_wire(end, version), version));
    ASSERT_TRUE(ended);
    ASSERT_EQ(ended->preferred_candidates.size(), 1u);
    EXPECT_EQ(ended->preferred_candidates[0].id, peer.id);
  }
}

Bytes fetched_records() {
  const ControlRecord voters = VoterSet({Voter{peer, {}, 0, 1}});
  Bytes records = encode_control_batch(std::span(&voters, 1), Offset(5), Epoch(2), 0);
  const ControlRecord change = LeaderChange{self.id, {self.id}, {self.id}};
  append(records, encode_control_batch(std::span(&change, 1), Offset(6), Epoch(3), 0));
  return records;
}

TEST(QuorumWire, fetches_pass_and_show_what_the_core_needs_of_their_records) {
  for (std::int16_t version : {17, 18}) {
    FetchRequest request{
        "cluster", self, Epoch(7), Offset(9), Epoch(6), Offset(8), std::chrono::milliseconds(500),
        1 << 20};
    const auto back = from_wire(over_the_wire(to_wire(request, version), version), version);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->replica, self);
    EXPECT_EQ(back->fetch_offset, Offset(9));
    EXPECT_EQ(back->high_watermark,
              version >= 18 ? Offset(8) : Offset(FetchRequest::no_high_watermark_feature));
    EXPECT_EQ(back->max_wait, request.max_wait);

    FetchResponse response;
    response.leader = {peer.id, Epoch(7), {}};
    response.high_watermark = Offset(6);
    const auto wire = over_the_wire(
        to_wire(response, protocol::Records::owning(fetched_records()), version), version);
    const auto answer = from_wire(wire);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->batches.size(), 2u);
    EXPECT_EQ(answer->batches[0].base_offset, Offset(5));
    EXPECT_TRUE(answer->batches[0].voters);
    EXPECT_EQ(answer->batches[1].epoch, Epoch(3));
    EXPECT_FALSE(answer->diverging);
    EXPECT_FALSE(answer->snapshot);
  }
}

TEST(QuorumWire, a_batch_that_is_cut_is_left_out_and_a_bad_one_refused) {
  Bytes records = fetched_records();
  protocol::FetchResponse wire = to_wire(FetchResponse{}, protocol::Records(records), 18);
  wire.responses[0].partitions[0].records =
      protocol::Records(BytesView(records).first(records.size() - 3));
  const auto cut = from_wire(wire);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->batches.size(), 1u);
  EXPECT_LT(cut->records.size(), records.size());
  records[70] ^= std::byte{1};
  wire.responses[0].partitions[0].records = protocol::Records(records);
  EXPECT_EQ(code_of(from_wire(wire)), ErrorCode::corrupt_message);
}

TEST(QuorumWire, diverging_epochs_and_snapshots_pass) {
  FetchResponse response;
  response.diverging = LogPosition{Epoch(3), Offset(30)};
  auto answer = from_wire(over_the_wire(to_wire(response, {}, 18), 18));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->diverging, response.diverging);
  response.diverging.reset();
  response.snapshot = SnapshotId{Offset(40), Epoch(4)};
  answer = from_wire(over_the_wire(to_wire(response, {}, 18), 18));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->snapshot, response.snapshot);

  const FetchSnapshotRequest request{"cluster", self, Epoch(4), *response.snapshot, 100, 1000};
  const auto asked = from_wire(over_the_wire(to_wire(request, 1), 1));
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->snapshot, request.snapshot);
  EXPECT_EQ(asked->position, 100);
  FetchSnapshotResponse chunk{
      ErrorCode::none, {peer.id, Epoch(4), {}}, request.snapshot, 500, 100, {}};
  const auto got =
      from_wire(over_the_wire(to_wire(chunk, protocol::Records::owning(to_bytes("bytes")), 1), 1));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->size, 500);
  EXPECT_EQ(got->snapshot, request.snapshot);
}

TEST(QuorumWire, only_the_metadata_log_is_meant) {
  auto wire = to_wire(VoteRequest{"cluster", peer, self, Epoch(7), {}, false}, 2);
  wire.topics[0].topic_name = "other";
  EXPECT_EQ(code_of(from_wire(wire)), ErrorCode::unknown_topic_or_partition);
  wire.topics.push_back(wire.topics[0]);
  EXPECT_EQ(code_of(from_wire(wire)), ErrorCode::invalid_request);
  auto fetch = to_wire(FetchRequest{}, 18);
  fetch.topics[0].topic_id = Uuid{4, 4};
  EXPECT_EQ(code_of(from_wire(fetch, 18)), ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace cairn::raft
