// SPDX-License-Identifier: Apache-2.0
// Administration: topics, configuration, groups, offsets, the cluster. Each call is one question,
// tried again while the answer is one that passes, until api_timeout. Answers are in the order of
// the request, each with its own error. One shard. Owner: the application; stop() it before it
// dies.
#pragma once

#include <cairn/client/consumer.hpp>

namespace cairn::client {

/// What was said about one name. `message` is the broker's, or ours if it gave none.
struct Answered {
  std::string name;
  ErrorCode error = ErrorCode::none;
  std::string message;
};

using Configs = std::map<std::string, std::optional<std::string>>;

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;  // -1: the broker's default
  std::int16_t replication_factor = -1;
  std::map<std::int32_t, std::vector<BrokerId>> assignment;  // by hand: partition to replicas
  Configs configs;
};

enum class ResourceKind : std::int8_t { topic = 2, broker = 4, broker_logger = 8, group = 32 };

struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  // none: sensitive
  std::int8_t source = -1;  // Kafka's ConfigSource: 1 topic, 2 and 3 broker, 4, 5 default ..
  bool read_only = false;
  bool sensitive = false;
  std::int8_t type = 0;
  std::string documentation;
  bool is_default() const { return source == 5; }
};

struct GroupListing {
  std::string id;
  std::string protocol_type;
  std::string state;
  std::string type;
  BrokerId coordinator = no_broker;
};

struct GroupMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string host;
  Partitions partitions;  // empty if the protocol type is not "consumer"
};

struct GroupDescription {
  std::string id;
  ErrorCode error = ErrorCode::none;
  std::string message;
  std::string state;
  std::string protocol_type;
  std::string assignor;
  BrokerId coordinator = no_broker;
  std::vector<GroupMember> members;
};

struct ClusterDescription {
  std::string cluster_id;
  BrokerId controller = no_broker;  // a broker that passes on what the controller decides
  std::vector<BrokerNode> brokers;  // those that serve
  std::vector<BrokerNode> fenced;  // registered, but not serving; not told before DescribeCluster 2
};

/// A node that holds the metadata log, as the quorum's leader sees it. Times are the leader's, in
/// ms since 1970; no_timestamp if it does not know.
struct QuorumReplica {
  BrokerId id;
  DirectoryId directory;
  Offset log_end = no_offset;
  std::int64_t last_fetch = no_timestamp;
  std::int64_t last_caught_up = no_timestamp;
};

struct QuorumDescription {
  BrokerId leader = no_broker;
  Epoch epoch = no_epoch;
  Offset high_watermark = no_offset;
  std::vector<QuorumReplica> voters;
  std::vector<QuorumReplica> observers;
};

enum class Election : std::int8_t { preferred = 0, unclean = 1 };

/// A move under way. `replicas` holds all of them: those that stay, come and go.
struct Reassignment {
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> adding;
  std::vector<BrokerId> removing;
};
/// Where each partition shall be; none: its move is cancelled.
using Placements = std::map<TopicPartition, std::optional<std::vector<BrokerId>>>;
using PartitionAnswers = std::map<TopicPartition, Answered>;

class Admin {
 public:
  Admin(runtime::Shard& shard, runtime::Network& network, ClientOptions options);
  ~Admin();
  runtime::Task<> stop();
  Cluster& cluster();

  enum class Effect : std::uint8_t { real, validate_only };
  runtime::Task<Result<std::vector<Answered>>> create_topics(std::vector<NewTopic> topics,
                                                             Effect effect = Effect::real);
  runtime::Task<Result<std::vector<Answered>>> delete_topics(std::vector<std::string> topics);
  /// Raises the number of partitions.
  runtime::Task<Result<Answered>> create_partitions(std::string topic, std::int32_t total);
  /// All topics, internal ones too.
  runtime::Task<Result<std::vector<TopicMetadata>>> list_topics();
  /// Each with its own error.
  runtime::Task<Result<std::vector<TopicMetadata>>> describe_topics(std::vector<std::string> names);
  /// Removes the records below each offset; no_offset means all. The new log start, or the error.
  runtime::Task<Result<std::map<TopicPartition, Result<Offset>>>> delete_records(
      std::map<TopicPartition, Offset> before);

  /// All entries of a resource, or only the named ones.
  runtime::Task<Result<std::vector<ConfigEntry>>> describe_configs(
      ResourceKind kind, std::string name, std::vector<std::string> keys = {});
  /// The same of many topics in one question; a topic that is gone meanwhile is left out.
  runtime::Task<Result<std::map<std::string, std::vector<ConfigEntry>>>> describe_topic_configs(
      std::vector<std::string> topics, std::vector<std::string> keys);
  /// Sets the keys that have a value, and takes those that have none back to their default.
  runtime::Task<Result<Answered>> alter_configs(ResourceKind kind, std::string name,
                                                Configs changes);

  runtime::Task<Result<std::vector<GroupListing>>> list_groups();
  runtime::Task<Result<std::vector<GroupDescription>>> describe_groups(
      std::vector<std::string> groups);
  runtime::Task<Result<std::vector<Answered>>> delete_groups(std::vector<std::string> groups);
  /// All committed offsets of a group.
  runtime::Task<Result<CommittedOffsets>> group_offsets(std::string group);
  /// Sets offsets of a group that has no members on these topics.
  runtime::Task<Result<std::map<TopicPartition, ErrorCode>>> alter_group_offsets(
      std::string group, CommittedOffsets offsets);
  runtime::Task<Result<std::map<TopicPartition, ErrorCode>>> delete_group_offsets(
      std::string group, Partitions partitions);

  /// -1 the end, -2 the beginning, -3 the newest timestamp, else the first at or after.
  runtime::Task<Result<std::map<TopicPartition, Result<TimestampedOffset>>>> list_offsets(
      std::map<TopicPartition, std::int64_t> timestamps,
      Isolation isolation = Isolation::read_uncommitted);

  runtime::Task<Result<ClusterDescription>> describe_cluster();
  /// The quorum of controllers, as its leader sees it.
  runtime::Task<Result<QuorumDescription>> describe_quorum();
  /// Starts moves, or cancels them.
  runtime::Task<Result<PartitionAnswers>> alter_reassignments(Placements placements);
  /// The moves under way.
  runtime::Task<Result<std::map<TopicPartition, Reassignment>>> list_reassignments();
  /// Of these partitions, or of all. ELECTION_NOT_NEEDED is said of a partition that was named, and
  /// not at all where all were meant.
  runtime::Task<Result<PartitionAnswers>> elect_leaders(Election election,
                                                        std::optional<Partitions> partitions);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace cairn::client
