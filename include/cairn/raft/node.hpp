// SPDX-License-Identifier: Apache-2.0
// One member of the metadata quorum as a state machine without I/O (Raft as Kafka's KRaft speaks
// it; KIP-595, 853, 996, 1166). Inputs are messages, answers, the time, and completed flushes; each
// returns an Output whose parts the actor carries out in the order they stand: make durable, then
// send, then apply. The core never waits. It mirrors the log's ends and epochs; the bytes are the
// actor's.
//
//   Unattached --timeout--> Prospective --majority of pre-votes--> Candidate --majority--> Leader
//   Prospective --refused, timeout--> Follower | Unattached          Candidate --timeout-->
//   Prospective any --higher epoch--> Unattached | Follower     Follower --fetch timeout-->
//   Prospective Leader --no majority fetches--> Resigned --timeout--> Unattached (epoch + 1)
//
// Invariants: epochs never fall; at most one vote a (directory, epoch); the high watermark never
// falls.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include <cairn/base/random.hpp>
#include <cairn/base/result.hpp>
#include <cairn/raft/output.hpp>
#include <cairn/raft/roles.hpp>

namespace cairn::raft {

class Node {
 public:
  Node(Settings settings, Startup startup, Random random, Instant now);

  /// The first step: what the state on disk leads to (a single voter becomes leader here).
  Output start(Instant now);
  Output step(std::uint64_t number, const Request& request, Instant now);
  /// The answer to Send `number`. An error that is no answer (cut connection) is request_failed().
  Output answered(std::uint64_t number, const Response& response, Instant now);
  Output request_failed(std::uint64_t number, Instant now);
  Output tick(Instant now);
  /// The last output was carried out, which took so long: what it asks of others left only then,
  /// and its time runs from there.
  void carried_out(Duration late);
  /// Everything below `end` is on disk; ignored if `generation` is not the log's present one.
  Output flushed(Offset end, std::uint64_t generation, Instant now);
  /// The leader's actor appended a batch of its own at log_end() in epoch().
  /// REQUIRES: leading.
  Output appended(Offset end, Instant now);
  /// What the snapshot that an InstallSnapshot asked for says of the voters.
  void snapshot_loaded(std::optional<VoterSet> voters, std::optional<std::int16_t> kraft_version);
  /// The leader's host says that nothing listens there: it need not be waited for.
  Output leader_refused(Instant now);
  /// Appends a new voter set, and kraft.version if it rises; in force at once. REQUIRES: leading.
  Output change_voters(VoterSet voters, std::optional<std::int16_t> kraft_version);
  /// A snapshot of what is committed was written; log_start may move up to it.
  void snapshot_taken(SnapshotId id);
  void log_start_moved(Offset start);
  /// A clean stop: a leader hands over.
  Output resign(Instant now);

  /// When tick() has something to do next; none: never (a single voter that leads).
  std::optional<Instant> deadline() const;
  const Role& role() const { return role_; }
  bool is_leader() const { return std::holds_alternative<Leader>(role_); }
  Epoch epoch() const { return epoch_; }
  std::optional<BrokerId> leader() const;
  Offset log_end() const { return log_end_; }
  LogPosition last() const { return {last_epoch(), log_end_}; }
  std::uint64_t generation() const { return generation_; }
  /// -1 until the first commit in this epoch is known.
  Offset high_watermark() const { return high_watermark_; }
  const VoterSet& voters() const;
  std::int16_t kraft_version() const { return kraft_versions_.back().second; }
  /// Following, and everything that the leader has told to be committed is in the log here.
  bool caught_up() const;
  const Settings& settings() const { return settings_; }
  LeaderHint hint() const;

 private:
  /// A request of ours that was not answered yet.
  struct Pending {
    BrokerId to;
    std::size_t kind = 0;  // index in Request
    Epoch epoch;           // ours when it was sent
    Instant deadline;
    bool pre_vote = false;
  };

  // Roles: each writes what must be durable into the output.
  void become_unattached(Epoch epoch, std::optional<BrokerId> leader,
                         std::optional<ReplicaKey> voted, Instant now);
  void become_follower(Epoch epoch, BrokerId leader, Instant now);
  void become_prospective(Instant now);
  void become_candidate(Instant now);
  void become_leader(std::vector<BrokerId> granting, Instant now);
  void become_resigned(Instant now);
  void follow_hint(const LeaderHint& hint, Instant now);
  bool maybe_elect_alone(Instant now);
  void persist();
  std::optional<ReplicaKey> voted() const;
  bool is_voter() const { return voters().contains(settings_.self); }
  bool is_only_voter() const { return voters().is_only(settings_.self); }
  Instant election_deadline(Instant now);
  Epoch last_epoch() const;

  // Requests that come in.
  VoteResponse on(const VoteRequest& request, Instant now);
  BeginQuorumEpochResponse on(const BeginQuorumEpochRequest& request, Instant now);
  EndQuorumEpochResponse on(const EndQuorumEpochRequest& request, Instant now);
  std::optional<FetchResponse> on(std::uint64_t number, const FetchRequest& request, Instant now);
  FetchSnapshotResponse on(const FetchSnapshotRequest& request, Instant now);
  ErrorCode check_cluster(const std::optional<std::string>& cluster_id) const;
  ErrorCode check_leader_epoch(Epoch epoch) const;
  bool grants(const VoteRequest& request) const;
  FetchResponse answer_fetch(const FetchRequest& request, Instant now);
  void note_progress(const FetchRequest& request, Instant now);
  void wake_parked(Instant now);

  // Answers to what we asked.
  void answered_vote(const Pending& pending, const VoteResponse& response, Instant now);
  void answered_fetch(const Pending& pending, const FetchResponse& response, Instant now);
  void answered_snapshot(const Pending& pending, const FetchSnapshotResponse& response,
                         Instant now);
  void take_records(const FetchResponse& response);
  void count_votes(Instant now);

  // What is due.
  void poll(Instant now);
  void send(BrokerId to, Request request, Instant now);
  bool is_asking(BrokerId to, std::size_t kind) const;
  bool is_fetching() const;
  void ask_votes(bool pre_vote, Instant now);
  void ask_leader_or_bootstrap(Instant now);
  void send_fetch(BrokerId to, Instant now);
  void send_snapshot_fetch(Instant now);
  void announce_leadership(Instant now);
  void check_quorum(Instant now);
  void update_high_watermark(Instant now);
  void update_voters_after_truncation();
  Progress& progress_of(const ReplicaKey& replica);
  void forget_silent_observers(Instant now);
  Output take_output() { return std::exchange(output_, {}); }

  Settings settings_;
  Random random_;
  Role role_;
  Epoch epoch_{0};
  ElectionState durable_;
  log::EpochCache epochs_;
  Offset log_start_{0}, log_end_{0}, flushed_{0};
  Offset high_watermark_ = no_offset;
  std::uint64_t generation_ = 0;
  std::optional<SnapshotId> latest_snapshot_, earliest_snapshot_;
  std::vector<std::pair<Offset, VoterSet>> voter_sets_;          // never empty; the last one rules
  std::vector<std::pair<Offset, std::int16_t>> kraft_versions_;  // the same
  bool voters_from_bootstrap_ = false;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t next_number_ = 1;
  std::uint64_t first_unsent_ = 1;  // not known to have been carried out
  Instant retry_at_{};              // no request to a leader or bootstrap node before this
  // A node that has just started waits only briefly before it asks for pre-votes: who knows a
  // living leader refuses, and nothing is disturbed.
  int early_deadlines_ = 2;
  bool ask_another_ = false;  // the leader did not answer: somebody else may know a newer one
  std::size_t next_bootstrap_ = 0;
  Output output_;
};

}  // namespace cairn::raft
