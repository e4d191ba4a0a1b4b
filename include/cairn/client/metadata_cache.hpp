// SPDX-License-Identifier: Apache-2.0
// What a client believes of the cluster: brokers, topics, leaders. Applied from Metadata responses
// and nothing else; a leader of an older epoch never replaces a newer one. Pure. Owner: Cluster.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>
#include <cairn/protocol/messages/metadata.hpp>
#include <cairn/runtime/network.hpp>

namespace cairn::client {

struct BrokerNode {
  BrokerId id;
  runtime::Endpoint endpoint;
  std::optional<std::string> rack;
};

struct PartitionMetadata {
  PartitionIndex index;
  BrokerId leader = no_broker;
  Epoch leader_epoch = no_epoch;
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;
  std::vector<BrokerId> offline;
};

struct TopicMetadata {
  std::string name;
  TopicId id;
  bool internal = false;
  ErrorCode error = ErrorCode::none;
  std::vector<PartitionMetadata> partitions;  // in order of index; without gaps if error is none
};

class MetadataCache {
 public:
  enum class Scope : std::uint8_t { some_topics, all_topics };

  /// Takes over a response. With all_topics, topics it does not name are forgotten.
  void apply(const protocol::MetadataResponse& response, Scope scope);
  void forget(const std::string& topic) { topics_.erase(topic); }

  const std::map<BrokerId, BrokerNode>& brokers() const { return brokers_; }
  const BrokerNode* broker(BrokerId id) const;
  const std::map<std::string, TopicMetadata>& topics() const { return topics_; }
  const TopicMetadata* topic(const std::string& name) const;
  /// Nothing if no known topic has the id.
  const std::string* name_of(TopicId id) const;
  const PartitionMetadata* partition(const TopicPartition& partition) const;
  /// no_broker if there is none, or it is not known.
  BrokerId leader(const TopicPartition& partition) const;
  /// Adopts a leader that a Produce or Fetch response named (KIP-951). False if it is not news.
  bool adopt_leader(const TopicPartition& partition, BrokerId leader, Epoch epoch,
                    std::optional<BrokerNode> node);

  BrokerId controller() const { return controller_; }
  const std::string& cluster_id() const { return cluster_id_; }

 private:
  std::map<BrokerId, BrokerNode> brokers_;
  std::map<std::string, TopicMetadata> topics_;
  std::map<TopicId, std::string> names_;
  BrokerId controller_ = no_broker;
  std::string cluster_id_;
};

}  // namespace cairn::client
