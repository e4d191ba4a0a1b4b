// SPDX-License-Identifier: Apache-2.0
#include "cluster.hpp"

#include <algorithm>

#include <cairn/protocol/messages/create_topics.hpp>
#include <cairn/protocol/messages/delete_topics.hpp>
#include <cairn/protocol/messages/init_producer_id.hpp>
#include <cairn/protocol/messages/list_offsets.hpp>
#include <cairn/protocol/messages/metadata.hpp>

#include "common/measure.hpp"

namespace cairn::bench {
namespace {

constexpr std::int16_t metadata_version = 9;
constexpr std::int16_t create_topics_version = 5;
constexpr std::int16_t delete_topics_version = 4;
constexpr std::int16_t init_producer_id_version = 4;
constexpr std::int16_t list_offsets_version = 5;
constexpr std::int64_t latest_offset = -1;
constexpr std::int64_t pause_ns = 5'000'000;
constexpr int most_pauses = 12000;  // a minute

void pause() { sleep_until_ns(now_ns() + pause_ns); }

ErrorCode request(Cluster& cluster, const std::string& name, std::int32_t partitions,
                  const Cluster::Configs& configs, const Cluster::Replicas& replicas) {
  protocol::CreateTopicsRequest create;
  auto& topic = create.topics.emplace_back();
  topic.name = name;
  topic.num_partitions = replicas.empty() ? partitions : -1;
  topic.replication_factor = replicas.empty() ? 1 : -1;
  for (std::int32_t i = 0; i < partitions && !replicas.empty(); ++i) {
    auto& assignment = topic.assignments.emplace_back();
    assignment.partition_index = i;
    assignment.broker_ids = replicas;
  }
  for (const auto& [key, value] : configs) {
    auto& config = topic.configs.emplace_back();
    config.name = key;
    config.value = value;
  }
  return cluster.call(create, create_topics_version).topics.at(0).error_code;
}

}  // namespace

Cluster::Cluster(const std::string& bootstrap)
    : address_(parse_host_port(bootstrap)), socket_(connect_to(address_.host, address_.port)) {}

Bytes Cluster::exchange(const Bytes& frame) {
  send_all(socket_.number(), frame);
  Bytes length(4);
  if (!receive_all(socket_.number(), length)) give_up("the server closed the connection");
  Bytes response(load_big_endian<std::uint32_t>(length.data()));
  if (!receive_all(socket_.number(), response)) give_up("the server closed the connection");
  return response;
}

void Cluster::create_topic(const std::string& name, std::int32_t partitions, const Configs& configs,
                           const Replicas& replicas) {
  for (int i = 0; i < most_pauses; ++i, pause()) {
    const ErrorCode code = request(*this, name, partitions, configs, replicas);
    if (code == ErrorCode::none) return wait_for_leaders(name, partitions);
    if (code != ErrorCode::topic_already_exists) give_up("create topic: " + to_string(code));
    if (i == 0) delete_topic(name);
  }
  give_up("topic " + name + " does not go away");
}

void Cluster::request_topic(const std::string& name, std::int32_t partitions,
                            const Configs& configs) {
  const ErrorCode code = request(*this, name, partitions, configs, {});
  if (code != ErrorCode::none) give_up("create topic: " + to_string(code));
}

/// Metadata names a leader before that broker has heard of it: ask the leader itself.
bool Cluster::leads_all(const std::string& name, std::int32_t partitions) {
  protocol::ListOffsetsRequest offsets;
  offsets.replica_id = -1;
  auto& topic = offsets.topics.emplace_back();
  topic.name = name;
  for (std::int32_t i = 0; i < partitions; ++i) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = i;
    partition.timestamp = latest_offset;
  }
  const auto response = call(offsets, list_offsets_version);
  return response.topics.size() == 1 &&
         std::ranges::all_of(response.topics[0].partitions, [](const auto& partition) {
           return partition.error_code == ErrorCode::none;
         });
}

bool Cluster::has_leaders(const std::string& name, std::int32_t partitions) {
  protocol::MetadataRequest metadata;
  metadata.allow_auto_topic_creation = false;
  metadata.topics->emplace_back().name = name;
  const auto response = call(metadata, metadata_version);
  if (response.topics.size() != 1) return false;
  const auto& topic = response.topics[0];
  return topic.error_code == ErrorCode::none &&
         topic.partitions.size() == static_cast<std::size_t>(partitions) &&
         std::ranges::all_of(topic.partitions, [](const auto& partition) {
           return partition.error_code == ErrorCode::none && partition.leader_id >= 0;
         });
}

void Cluster::wait_for_leaders(const std::string& name, std::int32_t partitions) {
  for (int i = 0; i < most_pauses; ++i, pause()) {
    if (has_leaders(name, partitions) && leads_all(name, partitions)) return;
  }
  give_up("topic " + name + " gets no leaders");
}

void Cluster::delete_topic(const std::string& name) {
  protocol::DeleteTopicsRequest request;
  request.topic_names = {name};
  request.timeout_ms = 60000;
  call(request, delete_topics_version);
}

ProducerIdentity Cluster::init_producer_id() {
  protocol::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  for (int i = 0; i < most_pauses; ++i, pause()) {
    const auto response = call(request, init_producer_id_version);
    if (response.error_code == ErrorCode::none) {
      return {response.producer_id, response.producer_epoch};
    }
  }
  give_up("no producer id is given out");
}

}  // namespace cairn::bench
