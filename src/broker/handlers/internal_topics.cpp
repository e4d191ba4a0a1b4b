// SPDX-License-Identifier: Apache-2.0
#include "internal_topics.hpp"

namespace cairn::broker {
namespace {

using Topic = protocol::CreateTopicsRequest::CreatableTopic;

void set(Topic& topic, const char* key, std::string value) {
  auto& entry = topic.configs.emplace_back();
  entry.name = key;
  entry.value = std::move(value);
}

}  // namespace

Topic auto_created_topic(const config::ServerConfig& config, const std::string& name) {
  Topic topic;
  topic.name = name;
  topic.num_partitions = -1;
  topic.replication_factor = -1;
  if (name == "__consumer_offsets") {
    topic.num_partitions = config.offsets.topic_num_partitions;
    topic.replication_factor = config.offsets.topic_replication_factor;
    set(topic, "compression.type", "producer");
    set(topic, "cleanup.policy", "compact");
    set(topic, "segment.bytes", std::to_string(config.offsets.topic_segment_bytes));
  } else if (name == "__transaction_state") {
    topic.num_partitions = config.transaction.topic_num_partitions;
    topic.replication_factor = config.transaction.topic_replication_factor;
    set(topic, "compression.type", "uncompressed");
    set(topic, "cleanup.policy", "compact");
    set(topic, "min.insync.replicas", std::to_string(config.transaction.topic_min_isr));
    set(topic, "segment.bytes", std::to_string(config.transaction.topic_segment_bytes));
    set(topic, "unclean.leader.election.enable", "false");
  }
  return topic;
}

}  // namespace cairn::broker
