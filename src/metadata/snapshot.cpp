// SPDX-License-Identifier: Apache-2.0
#include <cairn/metadata/features.hpp>
#include <cairn/metadata/snapshot.hpp>

#include "wire.hpp"

namespace cairn::metadata {
namespace {

/// One entry of a map at each call.
template <class Map, class Emit>
auto entries_of(const Map& map, Emit emit) {
  return [at = map.begin(), end = map.end(), emit](std::vector<Record>& out) mutable {
    if (at == end) return false;
    emit(*at, out);
    ++at;
    return true;
  };
}

using TopicIterator = decltype(Image::topics)::Iterator;
using PartitionIterator = decltype(Topic::partitions)::Iterator;

/// A topic's record, then one partition at each call.
struct TopicSteps {
  TopicIterator at, end;
  std::int16_t metadata_version;
  std::optional<PartitionIterator> partition;

  bool operator()(std::vector<Record>& out) {
    if (at == end) return false;
    const Topic& topic = *at->second;
    if (!partition) {
      protocol::TopicRecord record;
      record.name = topic.name;
      record.topic_id = topic.id;
      record.unknown_tags = topic.unknown_tags;
      out.push_back({std::move(record), 0});
      partition = topic.partitions.begin();
    }
    if (*partition == topic.partitions.end()) {
      partition.reset();
      ++at;
      return true;
    }
    out.push_back(to_record(topic.id, (*partition)->first, (*partition)->second, metadata_version));
    ++*partition;
    return true;
  }
};

void add_feature(std::string_view name, std::int16_t level, std::vector<Record>& out) {
  protocol::FeatureLevelRecord record;
  record.name = name;
  record.feature_level = level;
  out.push_back({std::move(record), 0});
}

void add_config(const ConfigResource& resource, const Overrides& overrides,
                std::vector<Record>& out) {
  for (const auto& [key, value] : overrides) {
    protocol::ConfigRecord record;
    record.resource_type = static_cast<std::int8_t>(resource.type);
    record.resource_name = resource.name;
    record.name = key;
    record.value = value;
    out.push_back({std::move(record), 0});
  }
}

void add_quota(const QuotaEntity& entity, const std::map<std::string, double>& quotas,
               std::vector<Record>& out) {
  for (const auto& [key, value] : quotas) {
    protocol::ClientQuotaRecord record;
    for (const auto& [type, name] : entity) {
      auto& part = record.entity.emplace_back();
      part.entity_type = type;
      part.entity_name = name;
    }
    record.key = key;
    record.value = value;
    out.push_back({std::move(record), 0});
  }
}

}  // namespace

Record to_record(const Broker& broker, std::int16_t metadata_version) {
  const std::int16_t version = record_versions(metadata_version).register_broker;
  protocol::RegisterBrokerRecord record;
  record.broker_id = broker.id.value();
  record.incarnation_id = broker.incarnation;
  record.broker_epoch = broker.epoch.value();
  for (const Endpoint& endpoint : broker.endpoints) {
    auto& end = record.end_points.emplace_back();
    end.name = endpoint.listener;
    end.host = endpoint.host;
    end.port = endpoint.port;
    end.security_protocol = endpoint.security_protocol;
  }
  for (const auto& [name, range] : broker.features) {
    auto& feature = record.features.emplace_back();
    feature.name = name;
    feature.min_supported_version = range.min;
    feature.max_supported_version = range.max;
  }
  record.rack = broker.rack;
  record.fenced = broker.fenced;
  record.in_controlled_shutdown = broker.in_controlled_shutdown;
  if (version >= 3) record.log_dirs = broker.log_dirs;
  if (version >= 4) record.cordoned_log_dirs = broker.cordoned_log_dirs;
  record.unknown_tags = broker.unknown_tags;
  return {std::move(record), version};
}

Record to_record(const TopicId& topic, PartitionIndex index, const Partition& partition,
                 std::int16_t metadata_version) {
  const std::int16_t version = record_versions(metadata_version).partition;
  protocol::PartitionRecord record;
  record.partition_id = index.value();
  record.topic_id = topic;
  record.replicas = to_numbers(partition.replicas);
  record.isr = to_numbers(partition.isr);
  record.removing_replicas = to_numbers(partition.removing_replicas);
  record.adding_replicas = to_numbers(partition.adding_replicas);
  record.leader = partition.leader.value();
  record.leader_recovery_state = static_cast<std::int8_t>(partition.recovery_state);
  record.leader_epoch = partition.leader_epoch.value();
  record.partition_epoch = partition.partition_epoch;
  if (version >= 1) {
    record.directories = partition.directories;
    record.directories.resize(partition.replicas.size(), unassigned_directory);
  }
  if (version >= 2) {
    if (!partition.elr.empty()) record.eligible_leader_replicas = to_numbers(partition.elr);
    if (!partition.last_known_elr.empty()) {
      record.last_known_elr = to_numbers(partition.last_known_elr);
    }
  }
  record.unknown_tags = partition.unknown_tags;
  return {std::move(record), version};
}

SnapshotSource::SnapshotSource(std::shared_ptr<const Image> image) : image_(std::move(image)) {
  const Image& from = *image_;
  const std::int16_t level = from.metadata_version();
  parts_.push_back([level, done = false](std::vector<Record>& out) mutable {
    if (done || level == 0) return false;
    done = true;
    add_feature(metadata_version_feature, level, out);
    return true;
  });
  parts_.push_back(entries_of(from.features, [](const auto& entry, std::vector<Record>& out) {
    if (entry.first != metadata_version_feature) add_feature(entry.first, entry.second, out);
  }));
  parts_.push_back(entries_of(from.brokers, [level](const auto& entry, std::vector<Record>& out) {
    out.push_back(to_record(entry.second, level));
  }));
  const auto as_it_is = [](const auto& entry, std::vector<Record>& out) {
    out.push_back({entry.second, 0});
  };
  parts_.push_back(entries_of(from.controllers, as_it_is));
  parts_.push_back(TopicSteps{from.topics.begin(), from.topics.end(), level, {}});
  parts_.push_back(entries_of(from.configs, [](const auto& entry, std::vector<Record>& out) {
    add_config(entry.first, *entry.second, out);
  }));
  parts_.push_back(entries_of(from.quotas, [](const auto& entry, std::vector<Record>& out) {
    add_quota(entry.first, entry.second, out);
  }));
  parts_.push_back([next = from.next_producer_id](std::vector<Record>& out) mutable {
    if (next < 0) return false;
    protocol::ProducerIdsRecord record;
    record.broker_id = -1;
    record.broker_epoch = -1;
    record.next_producer_id = std::exchange(next, -1);
    out.push_back({std::move(record), 0});
    return true;
  });
  parts_.push_back(entries_of(from.acls, as_it_is));
  parts_.push_back(entries_of(from.scram, as_it_is));
  parts_.push_back(entries_of(from.tokens, as_it_is));
}

std::vector<Record> SnapshotSource::next(std::size_t limit) {
  std::vector<Record> records;
  while (records.size() < limit && part_ < parts_.size()) {
    if (!parts_[part_](records)) ++part_;
  }
  return records;
}

}  // namespace cairn::metadata
