// SPDX-License-Identifier: Apache-2.0
// What the quorum of the tests is made of: members with a log in memory and what they made durable,
// and the packets between them. Invariant: durable_end never passes the log's end. Owner: Quorum.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <cairn/raft/node.hpp>

namespace cairn::raft::testing {

/// A batch as far as the quorum cares.
struct Entry {
  Offset base;
  Offset next;
  Epoch epoch;
  std::uint64_t content = 0;
  bool operator==(const Entry&) const = default;
};

struct Member {
  ReplicaKey key;
  std::unique_ptr<Node> node;  // null while it is down
  std::vector<Entry> log;
  ElectionState durable;
  Offset durable_end{0};
  Offset committed{0};
  std::map<std::uint64_t, std::uint64_t> waiting;  // a request's number here -> the sender's packet
};

struct Packet {
  std::uint64_t id = 0;
  BrokerId from, to;
  std::uint64_t number = 0;  // the sender's Send
  std::optional<Request> request;
  std::optional<Response> response;
  std::vector<Entry> entries;  // of a fetch response
};

}  // namespace cairn::raft::testing
