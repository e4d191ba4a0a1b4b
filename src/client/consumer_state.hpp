// SPDX-License-Identifier: Apache-2.0
// The inside of a Consumer: subscription, positions, membership, fetches, commits. consumer.cpp has
// the poll loop, rebalance.cpp what happens between poll() and the membership, lookup.cpp where
// positions come from. Owner: Consumer.
#pragma once

#include <re2/re2.h>

#include "fetcher.hpp"
#include "list_offsets.hpp"
#include "membership.hpp"

namespace cairn::client {

class Consumer::State {
 public:
  State(runtime::Shard& shard, runtime::Network& network, ClientOptions client_options,
        ConsumerOptions options);

  Result<> subscribe(std::vector<std::string> topics, RebalanceListener* listener);
  Result<> subscribe_pattern(std::string pattern, RebalanceListener* listener);
  Result<> assign(Partitions partitions);
  runtime::Task<Result<std::vector<PolledRecords>>> poll(Duration timeout);
  void wakeup();
  runtime::Task<Result<>> commit(CommittedOffsets offsets);
  runtime::Task<Result<CommittedOffsets>> committed(Partitions partitions);
  runtime::Task<Result<std::map<TopicPartition, TimestampedOffset>>> look_up(
      std::map<TopicPartition, std::int64_t> timestamps);
  runtime::Task<Result<Partitions>> partitions_of(std::string topic);
  runtime::Task<Result<>> close();

  Cluster& cluster() { return cluster_; }
  Positions& positions() { return positions_; }
  const Membership* membership() const { return membership_ ? &*membership_ : nullptr; }

 private:
  void start();
  runtime::Task<> watch_metadata();

  // rebalance.cpp
  runtime::Task<Result<>> tend_membership();
  Result<> subscribe_any(RebalanceListener* listener);
  void match_pattern();
  runtime::Task<> prepare_join();
  runtime::Task<> apply_assignment(std::set<TopicPartition> to);
  runtime::Task<> drop_lost();
  runtime::Task<> commit_before_revoking();
  void commit_if_due();
  runtime::Task<> commit_in_background(CommittedOffsets offsets);

  // lookup.cpp
  void find_positions();
  runtime::Task<> resolve();
  runtime::Task<> resolve_committed(Partitions partitions);
  runtime::Task<> resolve_by_offset(std::map<TopicPartition, std::int64_t> wanted);
  void fail_lookup(const TopicPartition& partition, Error error);

  Cluster cluster_;
  ConsumerOptions options_;
  Positions positions_;
  CoordinatorLink link_;
  runtime::Event activity_;
  runtime::TaskGroup tasks_;
  Fetcher fetcher_;
  std::optional<Membership> membership_;  // while subscribed
  std::vector<std::string> topics_;       // subscribed
  std::unique_ptr<re2::RE2> pattern_;
  std::uint64_t matched_version_ = 0;  // of the metadata the pattern was matched with
  RebalanceListener* listener_ = nullptr;
  bool started_ = false;
  bool closed_ = false;
  bool woken_ = false;
  bool resolving_ = false;
  bool committing_ = false;
  std::optional<Instant> next_commit_;
  std::deque<Error> failures_;
};

}  // namespace cairn::client
