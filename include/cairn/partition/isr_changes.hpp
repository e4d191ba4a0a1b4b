// SPDX-License-Identifier: Apache-2.0
// Tells the controller of every change of an ISR that this broker's leaders propose: all that wait
// go into one AlterPartition, one request is in flight, a partition has one proposal at a time.
// Also looks, every half replica.lag.time.max.ms, for followers that have fallen behind; partitions
// without followers are not looked at, and without any that has some there is no timer. Owner:
// Replication.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include <cairn/base/metrics.hpp>
#include <cairn/partition/controller_channel.hpp>
#include <cairn/replication/fetcher_session.hpp>
#include <cairn/replication/isr.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::partition {

class Partition;

class IsrChanges {
 public:
  struct Identity {
    BrokerId id;
    std::function<BrokerEpoch()> epoch;  // as the newest metadata says
  };

  IsrChanges(runtime::Shard& shard, ControllerChannel& controller, Identity self,
             Duration lag_time_max);
  IsrChanges(const IsrChanges&) = delete;
  IsrChanges& operator=(const IsrChanges&) = delete;

  /// Sends the proposal until its fate is known or the partition has dropped it.
  void submit(std::shared_ptr<Partition> partition, replication::IsrProposal proposal);
  /// Leads with followers from now on.
  void watch(std::shared_ptr<Partition> partition);
  void unwatch(const replication::ReplicaKey& key);
  void count(const replication::IsrProposal& committed);
  Duration lag_time_max() const { return lag_time_max_; }
  runtime::Task<> stop();

 private:
  struct Submitted {
    std::shared_ptr<Partition> partition;
    replication::IsrProposal proposal;
  };
  using Pending = std::map<replication::ReplicaKey, Submitted>;

  runtime::Task<> send_until_settled();
  runtime::Task<bool> send_once();
  bool settle(const Pending& sent, const protocol::AlterPartitionResponse& response);
  protocol::AlterPartitionRequest make_request(const Pending& of) const;
  runtime::Task<> look_for_laggards();

  runtime::Shard& shard_;
  ControllerChannel& controller_;
  Identity self_;
  Duration lag_time_max_;
  Pending pending_;
  std::map<replication::ReplicaKey, std::shared_ptr<Partition>> watched_;
  bool sending_ = false;
  bool looking_ = false;
  Counter& shrinks_;
  Counter& expands_;
  Counter& failed_;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::partition
