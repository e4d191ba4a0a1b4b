// SPDX-License-Identifier: Apache-2.0
// Reads ahead for a consumer: at most one fetch under way with each broker, for the partitions that
// have a position and nothing buffered; what arrives is handed out in order of arrival.
// Invariant: what a partition has buffered begins at its position, or is thrown away (a seek, a new
// assignment). Owner: Consumer, whose TaskGroup joins the fetches.
#pragma once

#include <deque>

#include "fetch_session.hpp"
#include "positions.hpp"
#include "record_stream.hpp"

namespace cairn::client {

class Fetcher {
 public:
  /// `arrived` is set when something can be taken, or sent.
  Fetcher(Cluster& cluster, const ConsumerOptions& options, Positions& positions,
          runtime::TaskGroup& tasks, runtime::Event& arrived);

  /// Sends to every broker that has no fetch under way what can be read from it. Returns when a
  /// partition that waits out a failure can be tried again.
  std::optional<Instant> send();
  /// Up to `most` records, and moves the positions behind them. Fails, once each, with what went
  /// wrong with a partition.
  Result<std::vector<PolledRecords>> take(std::size_t most);
  /// What to do when an offset is out of range.
  Result<> reset(const TopicPartition& partition);

 private:
  struct Arrived {
    TopicPartition partition;
    RecordStream stream;
    Offset end;
  };
  using Answer = transport::Answer<protocol::FetchResponse>;
  using PartitionAnswer = protocol::FetchResponse::PartitionData;

  /// What can be read from a broker now.
  struct Plan {
    FetchWants wants;
    /// Partitions of this broker are left out because they have something buffered: do not let them
    /// wait behind a fetch that waits for records of the others.
    bool others_buffered = false;
  };

  std::map<BrokerId, Plan> collect(Instant now, std::optional<Instant>& next) const;
  BrokerId source_of(const TopicPartition& partition, const Progress& progress, Instant now) const;
  runtime::Task<> fetch(BrokerId broker, Plan plan);
  runtime::Task<Result<Answer>> exchange(BrokerId broker, const Plan& plan);
  void on_answer(BrokerId broker, const FetchWants& wants, Answer answer);
  void on_partition(const TopicPartition& partition, const FetchWant& want, PartitionAnswer& answer,
                    const std::shared_ptr<const void>& frame);
  void on_error(const TopicPartition& partition, Progress& progress, Error error);
  void wait_out(const FetchWants& wants);

  Cluster& cluster_;
  const ConsumerOptions& options_;
  Positions& positions_;
  runtime::TaskGroup& tasks_;
  runtime::Event& arrived_;
  std::map<BrokerId, FetchSession> sessions_;
  std::set<BrokerId> busy_;
  std::deque<Arrived> buffered_;
  std::set<TopicPartition> has_buffered_;
  std::deque<Error> failures_;
};

}  // namespace cairn::client
