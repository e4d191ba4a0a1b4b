// SPDX-License-Identifier: Apache-2.0
// When `consume --exit` has read what there was: each partition up to where it ended when the
// consumer began with it, as its leader says (an answer to a fetch may know less: the high
// watermark of a leader that has just been elected may lie below what was acknowledged). Owner: the
// command.
#pragma once

#include <map>

#include <cairn/client/consumer.hpp>

namespace cairn::cli {

class EndOfReading {
 public:
  explicit EndOfReading(client::Consumer& consumer) : consumer_(consumer) {}

  /// Asks where these end.
  runtime::Task<Result<>> note(client::Partitions partitions);
  /// After each poll of a member of a group: what it was assigned is noted, what it lost forgotten.
  runtime::Task<Result<>> look(bool poll_was_quiet);
  /// What came after the end that was noted is not asked for.
  void trim(client::PolledRecords& polled) const;
  bool reached() const;

 private:
  client::Consumer& consumer_;
  std::map<TopicPartition, Offset> ends_;
  int idle_polls_ = 0;  // quiet ones in a row as a member that the group gives no partition
};

}  // namespace cairn::cli
