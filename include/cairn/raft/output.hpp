// SPDX-License-Identifier: Apache-2.0
// What a quorum node is told at its start, and what it asks of its actor. An Output is carried out
// in the order its fields stand: make durable, then change the log and flush it, then send, then
// apply. Values only; the views in it live as long as the message they came from.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include <cairn/log/epoch_cache.hpp>
#include <cairn/raft/control_records.hpp>
#include <cairn/raft/messages.hpp>
#include <cairn/raft/types.hpp>

namespace cairn::raft {

struct Settings {
  ReplicaKey self;
  std::string cluster_id;
  std::vector<Endpoint> endpoints;  // our own, for replies and requests
  bool may_vote = true;             // false: a broker, for ever an observer
  Duration election_timeout{};      // plus as much again at random
  Duration fetch_timeout{};
  Duration request_timeout{};
  Duration retry_backoff{};
  Duration fetch_max_wait{};
  std::int32_t fetch_max_bytes = 1 << 20;
  std::vector<BrokerId> bootstrap;  // asked while no leader is known (negative ids: addresses)
};

/// What was on disk.
struct Startup {
  ElectionState election;
  log::EpochCache epochs;
  Offset log_start{0};
  Offset log_end{0};
  std::optional<SnapshotId> latest_snapshot;  // none, or newer than 0-0
  std::optional<SnapshotId> earliest_snapshot;
  /// Voter sets with the offset of the record that set each; -1 for one from the 0-0 checkpoint,
  /// from a snapshot, or from controller.quorum.voters.
  std::vector<std::pair<Offset, VoterSet>> voters;
  std::int16_t kraft_version = 1;
  /// The voter set came from the 0-0 checkpoint: the first leader writes it into the log.
  bool voters_from_bootstrap = false;
};

/// A request of ours on its way to a node; the answer comes back with the same number.
struct Send {
  std::uint64_t number = 0;
  BrokerId to;
  Request request;
};
/// The answer to a request that came in under this number.
struct Reply {
  std::uint64_t number = 0;
  Response response;
};

struct AppendFetched {
  BytesView records;  // of the response that was stepped
};
struct AppendControl {
  std::vector<ControlRecord> records;
  Offset base_offset;
  Epoch epoch;
};
struct InstallSnapshot {  // a snapshot arrived whole: drop the log, restart at its end
  SnapshotId id;
};
struct StoreSnapshotChunk {
  SnapshotId id;
  std::int64_t position;
  BytesView bytes;
};
struct TruncateTo {
  Offset end;
};
using LogChange =
    std::variant<TruncateTo, StoreSnapshotChunk, InstallSnapshot, AppendFetched, AppendControl>;

/// To be carried out in this order; `flush` before anything is sent.
struct Output {
  std::optional<ElectionState> election;  // write quorum-state durably
  std::vector<LogChange> log;
  bool flush = false;  // then report it with flushed()
  std::vector<Reply> replies;
  std::vector<Send> sends;
  std::optional<Offset> high_watermark;  // everything below it is committed: apply
  /// Leadership began (true, in this epoch) or ended.
  std::optional<bool> leading;

  bool empty() const;
};

}  // namespace cairn::raft
