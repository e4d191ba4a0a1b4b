// SPDX-License-Identifier: Apache-2.0
// The nouns of the metadata quorum: who votes, where a log ends, what was voted. A voter is an id
// and the directory its log lives in, so that one whose disk was replaced is never taken for its
// old self. All values; the voter set is kept in order of id.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/time.hpp>
#include <cairn/log/names.hpp>

namespace cairn::raft {

struct ReplicaKey {
  BrokerId id = no_broker;
  DirectoryId directory;  // zero: not known (kraft.version 0)

  bool operator==(const ReplicaKey&) const = default;
  auto operator<=>(const ReplicaKey&) const = default;
};

struct Endpoint {
  std::string listener;
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

struct Voter {
  ReplicaKey key;
  std::vector<Endpoint> endpoints;
  std::int16_t min_kraft_version = 0;
  std::int16_t max_kraft_version = 1;
  bool operator==(const Voter&) const = default;
};

class VoterSet {
 public:
  VoterSet() = default;
  explicit VoterSet(std::vector<Voter> voters);

  /// The same id, and the same directory where the voter's is known.
  bool contains(const ReplicaKey& key) const;
  const Voter* find(BrokerId id) const;
  bool is_only(const ReplicaKey& key) const { return voters_.size() == 1 && contains(key); }
  std::size_t size() const { return voters_.size(); }
  bool empty() const { return voters_.empty(); }
  std::size_t majority() const { return voters_.size() / 2 + 1; }
  const std::vector<Voter>& voters() const { return voters_; }
  bool operator==(const VoterSet&) const = default;

 private:
  std::vector<Voter> voters_;  // by id
};

/// An end of a log: the next offset and the epoch of the record before it. Ordered as Raft compares
/// logs: by epoch, then by offset.
struct LogPosition {
  Epoch epoch{0};
  Offset offset{0};
  auto operator<=>(const LogPosition&) const = default;
};

/// A snapshot holds everything below its end offset; the epoch is that of the last record in it.
using log::SnapshotId;

/// What quorum-state holds: durable before it takes effect (a vote, an epoch, a known leader).
struct ElectionState {
  Epoch epoch{0};
  std::optional<BrokerId> leader;
  std::optional<ReplicaKey> voted;
  bool operator==(const ElectionState&) const = default;
};

}  // namespace cairn::raft
