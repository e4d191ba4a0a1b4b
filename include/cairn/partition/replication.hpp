// SPDX-License-Identifier: Apache-2.0
// What the partitions of a shard share to replicate: the newest metadata, the fetchers that follow
// other brokers, and the changes of ISRs. Owner: PartitionTable, once it is connected; stopped
// before the partitions are.
#pragma once

#include <memory>

#include <cairn/metadata/image.hpp>
#include <cairn/partition/isr_changes.hpp>
#include <cairn/partition/replica_fetchers.hpp>
#include <cairn/replication/throttle.hpp>

namespace cairn::partition {

class Replication {
 public:
  Replication(runtime::Shard& shard, runtime::Network& network, ControllerChannel& controller,
              const config::ServerConfig& config);

  /// Before the partitions apply it.
  void adopt(std::shared_ptr<const metadata::Image> image);
  /// The throttled rates from now on.
  void configure(const config::ReplicaConfig& config);
  runtime::Task<> stop();

  ReplicaFetchers& fetchers() { return fetchers_; }
  IsrChanges& isr_changes() { return isr_changes_; }
  /// Of what is sent to followers of throttled replicas.
  replication::Throttle& leader_throttle() { return leader_throttle_; }
  /// For ISR rules: the registration's epoch if the broker is neither fenced nor shutting down.
  const replication::EligibleEpoch& eligible() const { return eligible_; }
  /// The registration's epoch, fenced or not; no_broker_epoch if there is none.
  BrokerEpoch epoch_of(BrokerId id) const;

 private:
  runtime::Shard& shard_;
  std::shared_ptr<const metadata::Image> image_;
  replication::EligibleEpoch eligible_;
  ReplicaFetchers fetchers_;
  IsrChanges isr_changes_;
  replication::Throttle leader_throttle_;
};

}  // namespace cairn::partition
