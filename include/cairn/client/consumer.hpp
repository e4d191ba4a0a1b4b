// SPDX-License-Identifier: Apache-2.0
// Consumes records: from partitions it is given, or as a member of a group. poll() is where
// everything the application can notice happens (rebalances, automatic commits, records);
// heartbeats and fetches run beside it. A consumer that is not polled for max.poll.interval.ms
// leaves its group. One shard, one caller at a time. Owner: the application; close() it before it
// dies.
#pragma once

#include <map>
#include <memory>
#include <set>

#include <cairn/client/cluster.hpp>
#include <cairn/record/record.hpp>

namespace cairn::client {

/// Told within poll() and close(). Positions are those before the change.
class RebalanceListener {
 public:
  virtual ~RebalanceListener() = default;
  virtual runtime::Task<> assigned(std::vector<TopicPartition> partitions) = 0;
  /// About to be given up: the last moment to commit them.
  virtual runtime::Task<> revoked(std::vector<TopicPartition> partitions) = 0;
  /// Gone already: another member may have them.
  virtual runtime::Task<> lost(std::vector<TopicPartition> partitions) = 0;
};

/// Some consecutive records of a partition. The views live as long as `backing`.
struct PolledRecords {
  TopicPartition partition;
  std::vector<record::RecordView> records;
  Offset next_offset;             // where reading goes on
  Epoch leader_epoch = no_epoch;  // of the last record; goes into a commit
  Offset high_watermark;          // the partition's, when this was fetched
  std::shared_ptr<const void> backing;
};

struct CommittedOffset {
  Offset offset = no_offset;
  Epoch leader_epoch = no_epoch;
  std::string metadata;
};

struct TimestampedOffset {
  Offset offset = no_offset;  // no_offset: no such record
  std::int64_t timestamp = no_timestamp;
  Epoch leader_epoch = no_epoch;
};

using Partitions = std::vector<TopicPartition>;
using CommittedOffsets = std::map<TopicPartition, CommittedOffset>;

class Consumer {
 public:
  Consumer(runtime::Shard& shard, runtime::Network& network, ClientOptions client_options,
           ConsumerOptions consumer_options);
  ~Consumer();

  /// Topics, or all whose whole name matches a pattern (RE2). Needs a group; the listener, if any,
  /// outlives the consumer. invalid_group_id, invalid_regular_expression.
  Result<> subscribe(std::vector<std::string> topics, RebalanceListener* listener = nullptr);
  Result<> subscribe_pattern(std::string pattern, RebalanceListener* listener = nullptr);
  /// Exactly these partitions, without a group's management (offsets can still be committed).
  Result<> assign(Partitions partitions);

  /// Records as soon as there are some, else nothing after `timeout`. Fails for what does not pass:
  /// offset_out_of_range (with offset_reset none), corrupt_message, authorization,
  /// fenced_instance_id, unknown_topic_or_partition and the like.
  runtime::Task<Result<std::vector<PolledRecords>>> poll(Duration timeout);
  /// Makes a poll() under way, or the next, return at once.
  void wakeup();

  std::set<TopicPartition> assignment() const;
  /// Whether assignment() is what was agreed on: not before a group is joined, nor while it is
  /// about to be joined again. Always so without a subscription.
  bool settled() const;
  void seek(const TopicPartition& partition, Offset offset);
  void seek_to(const TopicPartition& partition, OffsetReset where);
  /// Nothing while it has still to be looked up.
  std::optional<Offset> position(const TopicPartition& partition) const;
  void pause(const TopicPartition& partition);
  void resume(const TopicPartition& partition);
  std::set<TopicPartition> paused() const;
  /// Where the partition's readable records end, as last told; no_offset if never.
  Offset end_of(const TopicPartition& partition) const;

  /// Commits the positions of all assigned partitions.
  runtime::Task<Result<>> commit();
  runtime::Task<Result<>> commit(CommittedOffsets offsets);
  runtime::Task<Result<CommittedOffsets>> committed(Partitions partitions);

  /// The first record at or after each timestamp (ms).
  runtime::Task<Result<std::map<TopicPartition, TimestampedOffset>>> offsets_for_times(
      std::map<TopicPartition, std::int64_t> timestamps);
  runtime::Task<Result<std::map<TopicPartition, TimestampedOffset>>> beginning_offsets(
      Partitions partitions);
  runtime::Task<Result<std::map<TopicPartition, TimestampedOffset>>> end_offsets(
      Partitions partitions);
  /// The partitions of a topic; waits until it is known.
  runtime::Task<Result<Partitions>> partitions_of(std::string topic);

  /// Automatic commit if that is on, leaves the group (a static member stays), ends.
  runtime::Task<Result<>> close();

  /// The group's member id and generation, for display; empty and -1 outside a group.
  std::string member_id() const;
  std::int32_t generation() const;
  Cluster& cluster();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace cairn::client
