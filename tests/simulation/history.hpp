// SPDX-License-Identifier: Apache-2.0
// What the clients of a simulated run asked, were told and saw; the checkers (checkers.hpp) judge
// it. Every value is unique and names its producer, so that a record found anywhere says where it
// came from. Invariant: a send is completed at most once. Owner: the run; written by its workloads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>

namespace cairn::simulation {

/// What a client knows of an operation: `info` means that it may or may not have happened.
enum class Outcome { info, ok, fail };

/// What may become of a topic's records.
enum class TopicKind {
  plain,      // they stay
  trimmed,    // the oldest go: DeleteRecords, retention
  passing,    // the topic is deleted and created again under its name
  compacted,  // the newest of each key stay
};

inline constexpr std::int64_t compacted_delete_retention_ms = 5'000;

struct Send {
  int producer = 0;  // one incarnation of one producer
  std::int64_t sequence = 0;
  TopicPartition to;
  std::string value{};  // it names the record, also where the record has none (a tombstone)
  bool to_an_older_life = false;  // maybe: a broker still had the topic that was deleted
  std::string key{};
  bool tombstone = false;
  std::int64_t timestamp = no_timestamp;
  std::uint64_t invoked = 0;    // steps of the run: they order events of different clients
  std::uint64_t completed = 0;  // 0 while pending
  Outcome outcome = Outcome::info;
  Offset offset = no_offset;  // told with the acknowledgement
};

struct Polled {
  int consumer = 0;
  int session = 0;  // changes when the assignment or the position was set anew
  TopicPartition from;
  Offset offset;
  std::string value;
  std::uint64_t step = 0;
};

struct Commit {
  std::string group;
  TopicPartition of;
  Offset offset;
  std::uint64_t invoked = 0;
  std::uint64_t completed = 0;
  Outcome outcome = Outcome::info;
};

struct CommitRead {
  std::string group;
  TopicPartition of;
  Offset offset;  // -1: none
  std::uint64_t invoked = 0;
  std::uint64_t completed = 0;
};

/// What one member of a group held once it knew its assignment of a generation.
struct Ownership {
  int consumer = 0;
  std::int32_t generation = -1;
  std::set<TopicPartition> partitions;
};

/// DeleteRecords.
struct Trim {
  TopicPartition of;
  Offset before;
  Outcome outcome = Outcome::info;
};

/// One incarnation of a topic that is deleted and created again; 0: not (yet).
struct TopicLife {
  std::uint64_t create_invoked = 0, create_completed = 0;
  std::uint64_t delete_invoked = 0, delete_completed = 0;
};

/// The loosest limits a topic has had; -1: none ever.
struct RetentionLimits {
  std::int64_t shortest_ms = -1;
  std::int64_t least_bytes = -1;
};

/// All records of a partition, by offset, read after everything was healed.
using FinalLog = std::map<Offset, std::string>;

struct History {
  std::vector<Send> sends;
  std::vector<std::size_t> fresh_acks;  // of these, for who looks into replicas right then
  std::vector<Polled> polled;
  std::vector<Commit> commits;
  std::vector<CommitRead> commit_reads;
  std::map<TopicPartition, FinalLog> final_logs;
  std::map<TopicPartition, Offset> final_starts;
  std::map<TopicPartition, std::uint64_t> final_bytes;  // on disk
  std::map<std::string, TopicKind> kinds;               // of topics that are not plain
  std::map<std::string, std::vector<TopicLife>> lives;  // of passing topics
  std::map<std::string, RetentionLimits> retention;
  std::vector<Trim> trims;
  std::vector<std::string> final_topics;  // as listed in the end
  std::int64_t latest_wall_ms = 0;        // that any clock has ever shown
  bool starts_are_saved = true;           // no full disk put off a checkpoint of log starts
  std::set<int> repeating;                // producers without idempotence
  std::vector<Ownership> owners;
  std::uint64_t step = 0;

  TopicKind kind_of(const std::string& topic) const {
    const auto found = kinds.find(topic);
    return found == kinds.end() ? TopicKind::plain : found->second;
  }
  /// Of a passing topic that exists: the one there is in the end.
  const TopicLife* last_life(const std::string& topic) const {
    const auto found = lives.find(topic);
    if (found == lives.end() || found->second.empty()) return nullptr;
    return &found->second.back();
  }

  std::size_t invoke_send(int producer, std::int64_t sequence, TopicPartition to) {
    Send send{.producer = producer, .sequence = sequence, .to = std::move(to), .invoked = ++step};
    send.value = fmt::format("{}/{}/{}", producer, sequence, send.to);
    sends.push_back(std::move(send));
    return sends.size() - 1;
  }
  void complete_send(std::size_t index, Outcome outcome, Offset offset) {
    sends[index].outcome = outcome;
    sends[index].offset = offset;
    sends[index].completed = ++step;
    if (outcome == Outcome::ok) fresh_acks.push_back(index);
  }
};

}  // namespace cairn::simulation
