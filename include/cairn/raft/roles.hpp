// SPDX-License-Identifier: Apache-2.0
// The roles of a quorum node, each with the fields that exist only while it lasts. Node changes
// from one to another (node.hpp has the diagram); nobody else does. Instants are on the actor's
// clock.
#pragma once

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include <cairn/base/time.hpp>
#include <cairn/raft/messages.hpp>
#include <cairn/raft/types.hpp>

namespace cairn::raft {

struct Unattached {
  std::optional<ReplicaKey> voted;
  std::optional<BrokerId> leader;  // known by id, without a way to reach it
  Instant election_deadline;
};
struct Follower {
  BrokerId leader;
  std::optional<ReplicaKey> voted;
  Instant fetch_deadline;
  bool has_fetched = false;  // from this leader, in this epoch
  std::optional<SnapshotId> downloading;
  std::int64_t download_position = 0;
  Offset leader_high_watermark = no_offset;  // as its last answer said
};
struct Prospective {
  std::optional<BrokerId> leader;
  std::optional<ReplicaKey> voted;
  Instant election_deadline;
  std::map<BrokerId, std::optional<bool>> votes;
};
struct Candidate {
  Instant election_deadline;
  std::map<BrokerId, std::optional<bool>> votes;
  bool backing_off = false;  // refused: waits out its timeout
};
struct Progress {
  ReplicaKey key;
  Offset end = no_offset;  // what it has flushed, as its fetches say
  Instant last_fetch{};
  Instant last_caught_up{};
  Offset end_at_last_fetch = no_offset;  // our own end when it fetched last
  bool has_fetched = false;
  Instant next_begin_epoch{};
};
struct ParkedFetch {
  std::uint64_t number;
  FetchRequest request;
  Instant deadline;
};
struct Leader {
  Offset epoch_start;
  std::vector<BrokerId> granting_voters;
  std::map<ReplicaKey, Progress> voters, observers;
  std::vector<ParkedFetch> parked;
  Instant check_quorum_deadline;
  bool announced = false;  // the epoch's beginning has left for the others
};
struct Resigned {
  Instant election_deadline;
  std::vector<ReplicaKey> preferred;
};
using Role = std::variant<Unattached, Follower, Prospective, Candidate, Leader, Resigned>;

}  // namespace cairn::raft
