// SPDX-License-Identifier: Apache-2.0
// All partitions of a data shard, kept as the metadata says: an Image is applied whole, in order;
// topics that appeared get logs, those that went lose them, leaders and configurations change.
// Keyed by topic id, so a topic made anew under an old name is another partition (L37). Owner: the
// node, one a data shard.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <cairn/metadata/image.hpp>
#include <cairn/partition/partition.hpp>
#include <cairn/replication/fetch_session.hpp>
#include <cairn/storage/log_directories.hpp>

namespace cairn::runtime {
class Network;
}

namespace cairn::partition {

class ControllerChannel;
class Replication;

/// Told, in order, of what happens to partitions: the group coordinator loads and unloads by it.
/// Called on the shard, between two images; must not wait.
class PartitionListener {
 public:
  virtual ~PartitionListener() = default;
  /// Leads in a new epoch, ready to be read and written.
  virtual void on_leading(const std::shared_ptr<Partition>& partition, Epoch epoch) = 0;
  /// No longer leads (deleted included).
  virtual void on_resigned(const std::shared_ptr<Partition>& partition) = 0;
};

class PartitionTable {
 public:
  PartitionTable(runtime::Shard& shard, storage::LogDirectories& directories,
                 const config::ServerConfig& config);
  PartitionTable(const PartitionTable&) = delete;
  PartitionTable& operator=(const PartitionTable&) = delete;
  ~PartitionTable();

  /// Lets the partitions replicate: followers fetch over `network`, leaders change their ISR
  /// through `controller`. Before load; without it this broker does neither.
  void connect(runtime::Network& network, ControllerChannel& controller);
  /// Opens the logs the image knows (LogDirectories::load). Once, before the first apply. After an
  /// unclean stop those still recover afterwards; each partition is there once its log is ready.
  runtime::Task<storage::StartResult<>> load(std::shared_ptr<const metadata::Image> image);
  /// Brings everything to the image. One at a time. A partition whose log cannot be opened is
  /// logged and answers KAFKA_STORAGE_ERROR.
  runtime::Task<> apply(std::shared_ptr<const metadata::Image> image);
  /// Ends all waits and flushes; afterwards LogDirectories::stop may close the logs.
  runtime::Task<> stop();
  /// Before load.
  void add_listener(PartitionListener& listener) { listeners_.push_back(&listener); }

  /// Null if this broker has no replica of it.
  std::shared_ptr<Partition> find(const TopicId& topic, PartitionIndex index) const;
  std::shared_ptr<Partition> find(std::string_view topic, PartitionIndex index) const;
  /// What to answer where find() gave null: kafka_storage_error if its log could not be opened,
  /// else not_leader_or_follower or unknown_topic_or_partition (unknown_topic_id by id).
  ErrorCode why_missing(const TopicId& topic, PartitionIndex index) const;
  ErrorCode why_missing(std::string_view topic, PartitionIndex index) const;
  /// The topic's name or id as of the image applied last; null or zero if unknown.
  const std::string* name_of(const TopicId& topic) const;
  TopicId id_of(std::string_view topic) const;

  void for_each(const std::function<void(const std::shared_ptr<Partition>&)>& visit) const;
  /// Topics with a partition here, in order of name.
  void for_each_topic(
      const std::function<void(const std::string&, const TopicTraffic&)>& visit) const;
  std::size_t size() const { return count_; }
  /// Replicas that should be here but have no log.
  std::size_t broken_count() const;
  /// The node's configuration with what the image sets for this broker and for all; another object
  /// after every change. Never null.
  const std::shared_ptr<const config::ServerConfig>& effective_config() const { return config_; }

  replication::FetchSessions& fetch_sessions() { return fetch_sessions_; }
  storage::LogDirectories& directories() { return directories_; }
  const std::shared_ptr<const metadata::Image>& image() const { return image_; }
  /// Null before connect.
  Replication* replication() { return replication_.get(); }

 private:
  struct Topic {
    std::string name;
    std::vector<std::shared_ptr<Partition>> partitions;  // by index; null: not on this broker
    std::vector<bool> broken;                            // its log could not be opened
    std::shared_ptr<TopicTraffic> traffic = std::make_shared<TopicTraffic>();
  };

  /// What a topic's configuration and the brokers' dynamic ones come to.
  struct Effective {
    storage::SharedLogOptions options;
    std::int32_t min_isr = 1;
    config::ThrottledReplicas throttled_leaders, throttled_followers;
  };

  Effective effective(const metadata::Image& image, std::string_view topic);
  void configure(Partition& partition, const Effective& wanted) const;
  std::vector<const Topic*> sorted_topics() const;
  void adopt_broker_configs(const metadata::Image& image);
  runtime::Task<> begin_change();
  void end_change();
  runtime::Task<> apply_changes(std::shared_ptr<const metadata::Image> image);
  runtime::Task<> adopt_recovered(storage::LogKey key);
  runtime::Task<> remove_topic(const metadata::Topic& topic);
  runtime::Task<> apply_topic(const metadata::Image& image, const metadata::TopicChange& change);
  runtime::Task<> apply_partition(const metadata::Topic& topic, PartitionIndex index,
                                  const metadata::Partition& state, const Effective& wanted);
  runtime::Task<> remove_partition(Topic& topic, const TopicId& id, std::size_t index, Gone why);
  void resign(const std::shared_ptr<Partition>& partition);
  void reconfigure(const metadata::Image& image, const metadata::Topic& topic);

  runtime::Shard& shard_;
  storage::LogDirectories& directories_;
  const config::ServerConfig& static_config_;
  std::shared_ptr<const config::ServerConfig> config_;
  std::optional<Effective> plain_;  // of topics without overrides, under config_
  std::shared_ptr<const metadata::Image> image_;
  std::unordered_map<TopicId, Topic> topics_;
  struct NameHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, TopicId, NameHash, std::equal_to<>> ids_;
  std::size_t count_ = 0;
  std::vector<PartitionListener*> listeners_;
  std::unique_ptr<Replication> replication_;
  replication::FetchSessions fetch_sessions_;
  bool changing_ = false;  // an image is applied, or a recovered log taken in
  bool stopping_ = false;
  runtime::Event change_ended_;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::partition
