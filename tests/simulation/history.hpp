// SPDX-License-Identifier: Apache-2.0
// What the clients of a simulated run asked, were told and saw; the checkers (checkers.hpp) judge
// it. Every value is unique and names its producer, so that a record found anywhere says where it
// came from. Invariant: a send is completed at most once. Owner: the run; written by its workloads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>

namespace cairn::simulation {

/// What a client knows of an operation: `info` means that it may or may not have happened.
enum class Outcome { info, ok, fail };

struct Send {
  int producer = 0;  // one incarnation of one producer
  std::int64_t sequence = 0;
  TopicPartition to;
  std::string value{};
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

/// All records of a partition, by offset, read after everything was healed.
using FinalLog = std::map<Offset, std::string>;

struct History {
  std::vector<Send> sends;
  std::vector<Polled> polled;
  std::vector<Commit> commits;
  std::vector<CommitRead> commit_reads;
  std::map<TopicPartition, FinalLog> final_logs;
  std::map<TopicPartition, Offset> log_starts;  // moved there legally
  bool idempotent = true;                       // every producer was
  std::uint64_t step = 0;

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
  }
};

}  // namespace cairn::simulation
