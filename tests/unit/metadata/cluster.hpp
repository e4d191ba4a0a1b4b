// SPDX-License-Identifier: Apache-2.0
// A small cluster as an Image, built the only way there is: by applying records. Decisions of a
// test are applied to it as the controller would. Owner: a test.
#pragma once

#include <gtest/gtest.h>

#include <cairn/metadata/features.hpp>
#include <cairn/metadata/replay.hpp>
#include <cairn/metadata/topics.hpp>

#include "tests/unit/config/testing.hpp"

namespace cairn::metadata::testing {

struct Cluster {
  Image image;
  config::ServerConfig server = config::testing::server();
  Random random{1};

  explicit Cluster(int brokers = 1, std::int16_t level = latest_metadata_version) {
    protocol::FeatureLevelRecord feature;
    feature.name = "metadata.version";
    feature.feature_level = level;
    apply_all({{std::move(feature), 0}});
    for (int id = 1; id <= brokers; ++id) add_broker(id);
  }

  void apply_all(const std::vector<Record>& records) {
    for (const Record& record : records) ASSERT_TRUE(apply(image, record)) << record_name(record);
  }

  void add_broker(int id, std::optional<std::string> rack = {}, bool fenced = false) {
    protocol::RegisterBrokerRecord record;
    record.broker_id = id;
    record.broker_epoch = 100 + id;
    record.incarnation_id = Uuid{7, static_cast<std::uint64_t>(id)};
    record.rack = std::move(rack);
    record.fenced = fenced;
    record.log_dirs = {Uuid{9, static_cast<std::uint64_t>(1000 + id)}};
    auto& end = record.end_points.emplace_back();
    end.name = "PLAINTEXT";
    end.host = "host" + std::to_string(id);
    end.port = 9092;
    for (const SupportedFeature& feature : supported_features()) {
      auto& has = record.features.emplace_back();
      has.name = feature.name;
      has.min_supported_version = feature.range.min;
      has.max_supported_version = feature.range.max;
    }
    apply_all({{std::move(record), 4}});
  }

  void fence(int id, bool fenced = true) {
    protocol::BrokerRegistrationChangeRecord change;
    change.broker_id = id;
    change.broker_epoch = 100 + id;
    change.fenced = fenced ? 1 : -1;
    apply_all({to_record(std::move(change))});
  }

  using Creatable = protocol::CreateTopicsRequest::CreatableTopic;
  static Creatable wanted(std::string name, std::int32_t partitions = -1,
                          std::int16_t replicas = -1) {
    Creatable topic;
    topic.name = std::move(name);
    topic.num_partitions = partitions;
    topic.replication_factor = replicas;
    return topic;
  }
  static Creatable assigned(std::string name, std::vector<std::vector<std::int32_t>> replicas) {
    Creatable topic = wanted(std::move(name));
    std::int32_t index = 0;
    for (auto& brokers : replicas) {
      auto& assignment = topic.assignments.emplace_back();
      assignment.partition_index = index++;
      assignment.broker_ids = std::move(brokers);
    }
    return topic;
  }
  static void set(Creatable& topic, std::string key, std::optional<std::string> value) {
    auto& entry = topic.configs.emplace_back();
    entry.name = std::move(key);
    entry.value = std::move(value);
  }

  /// Decides and applies.
  protocol::CreateTopicsResponse create(std::vector<Creatable> topics, bool validate_only = false) {
    protocol::CreateTopicsRequest request;
    request.topics = std::move(topics);
    request.validate_only = validate_only;
    auto decision = create_topics(image, request, server, random);
    apply_all(decision.records);
    return std::move(decision.response);
  }
  /// The only result, applied.
  protocol::CreateTopicsResponse::CreatableTopicResult create_one(Creatable topic) {
    auto response = create({std::move(topic)});
    return response.topics.at(0);
  }

  const Partition& partition(std::string_view topic, int index = 0) const {
    return *image.topic(topic)->partition(PartitionIndex(index));
  }
};

inline std::vector<BrokerId> ids(std::initializer_list<int> numbers) {
  std::vector<BrokerId> list;
  for (const int number : numbers) list.emplace_back(number);
  return list;
}

}  // namespace cairn::metadata::testing
