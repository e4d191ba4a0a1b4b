// SPDX-License-Identifier: Apache-2.0
// The cluster's metadata at one offset of the metadata log: topics, partitions, brokers,
// controllers, features, configurations, producer ids, quotas, ACLs, SCRAM credentials, tokens. An
// Image is a value of persistent maps: a copy costs a few pointers, a change what it touches. It is
// published as shared_ptr<const Image> and never changes after that. Only replay.hpp changes one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/config/describe.hpp>
#include <cairn/metadata/persistent_map.hpp>
#include <cairn/metadata/record.hpp>

namespace cairn::metadata {

/// What stands for a directory that is not one (reserved ids of Kafka).
inline constexpr DirectoryId migrating_directory{0, 0};
inline constexpr DirectoryId unassigned_directory{0, 1};
inline constexpr DirectoryId lost_directory{0, 2};

enum class LeaderRecoveryState : std::int8_t { recovered = 0, recovering = 1 };

struct Partition {
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;
  std::vector<BrokerId> removing_replicas;
  std::vector<BrokerId> adding_replicas;
  std::vector<BrokerId> elr;  // eligible leader replicas, KIP-966
  std::vector<BrokerId> last_known_elr;
  std::vector<DirectoryId> directories;  // parallel to replicas; empty below metadata.version 17
  BrokerId leader = no_broker;
  Epoch leader_epoch{0};
  std::int32_t partition_epoch = 0;
  LeaderRecoveryState recovery_state = LeaderRecoveryState::recovered;
  protocol::UnknownTags unknown_tags;

  bool has_replica(BrokerId id) const;
  bool in_isr(BrokerId id) const;
  bool operator==(const Partition&) const = default;
};

struct Topic {
  std::string name;
  TopicId id;
  PersistentMap<PartitionIndex, Partition> partitions;
  protocol::UnknownTags unknown_tags;

  const Partition* partition(PartitionIndex index) const { return partitions.find(index); }
  std::int32_t partition_count() const { return static_cast<std::int32_t>(partitions.size()); }
};

struct Endpoint {
  std::string listener;  // the listener's name
  std::string host;
  std::uint16_t port = 0;
  std::int16_t security_protocol = 0;  // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL

  bool operator==(const Endpoint&) const = default;
};

struct FeatureRange {
  std::int16_t min = 0, max = 0;
  bool contains(std::int16_t level) const { return min <= level && level <= max; }
  bool operator==(const FeatureRange&) const = default;
};

/// A registered broker (its RegisterBroker record and the changes since).
struct Broker {
  BrokerId id;
  BrokerEpoch epoch;
  Uuid incarnation;
  std::vector<Endpoint> endpoints;
  std::map<std::string, FeatureRange, std::less<>> features;
  std::optional<std::string> rack;
  bool fenced = true;
  bool in_controlled_shutdown = false;
  std::vector<DirectoryId> log_dirs;
  std::optional<std::vector<DirectoryId>> cordoned_log_dirs;  // none until reported
  protocol::UnknownTags unknown_tags;

  /// May lead and be in an ISR.
  bool active() const { return !fenced && !in_controlled_shutdown; }
  /// Null if the broker has no listener of that name.
  const Endpoint* endpoint(std::string_view listener) const;
};

using config::Overrides;
using config::ResourceType;

struct ConfigResource {
  ResourceType type = ResourceType::unknown;
  std::string name;  // empty with type broker: the default of all brokers
  auto operator<=>(const ConfigResource&) const = default;
};

/// Type and name of a quota's entity, such as {{"user", "a"}, {"client-id", none: the default}}.
using QuotaEntity = std::map<std::string, std::optional<std::string>>;
struct ScramKey {
  std::int8_t mechanism = 0;  // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
  std::string user;
  auto operator<=>(const ScramKey&) const = default;
};

struct Image {
  /// Of the last record that is in; -1 and no_epoch while empty.
  Offset offset = no_offset;
  Epoch epoch = no_epoch;
  std::int64_t timestamp = no_timestamp;

  PersistentMap<std::string, std::int16_t> features;  // finalized; metadata.version among them
  PersistentMap<BrokerId, Broker> brokers;
  PersistentMap<BrokerId, protocol::RegisterControllerRecord> controllers;
  PersistentMap<TopicId, std::shared_ptr<const Topic>> topics;
  PersistentMap<std::string, TopicId> topic_ids;  // by name
  PersistentMap<ConfigResource, std::shared_ptr<const Overrides>> configs;
  PersistentMap<QuotaEntity, std::map<std::string, double>> quotas;
  std::int64_t next_producer_id = -1;  // -1: no block was ever given out
  PersistentMap<Uuid, protocol::AccessControlEntryRecord> acls;
  PersistentMap<ScramKey, protocol::UserScramCredentialRecord> scram;
  PersistentMap<std::string, protocol::DelegationTokenRecord> tokens;

  /// 0 while no bootstrap record was replayed.
  std::int16_t metadata_version() const { return feature("metadata.version"); }
  std::int16_t feature(std::string_view name) const;

  /// Null if there is none.
  const Topic* topic(const TopicId& id) const;
  const Topic* topic(std::string_view name) const;
  const Partition* partition(const TopicId& id, PartitionIndex index) const;
  const Broker* broker(BrokerId id) const { return brokers.find(id); }
  bool is_active(BrokerId id) const;

  /// Never null: what is set for a topic, a broker, a group, … (an empty map if nothing is).
  std::shared_ptr<const Overrides> overrides(ResourceType type, std::string_view name) const;
};

/// A topic that was created, deleted or changed (partitions, leaders, configuration).
struct TopicChange {
  std::shared_ptr<const Topic> before;  // null: created
  std::shared_ptr<const Topic> after;   // null: deleted
  bool config_changed = false;
};

/// What lies between two images: topics first deleted, then created or changed, each in order of
/// id; a name that was deleted and created again is two entries. `before` may be null (nothing
/// yet).
struct Changes {
  std::vector<TopicChange> topics;
  std::vector<ConfigResource> configs;  // resources whose overrides changed, of any type
  bool brokers = false;                 // any registration changed
  bool features = false;
};
Changes difference(const Image* before, const Image& after);

}  // namespace cairn::metadata
