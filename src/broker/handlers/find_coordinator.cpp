// SPDX-License-Identifier: Apache-2.0
// FindCoordinator (key 10), versions 0-6. 0: groups alone; 1: key types, messages; 4: several keys.
// The first look-up of a group creates `__consumer_offsets`, as in Kafka, but waits for it where
// Kafka answers COORDINATOR_NOT_AVAILABLE at once. Transactions and share groups are not served:
// their keys are refused with UNSUPPORTED_VERSION and a message that says so.
#include <cairn/base/log.hpp>
#include <cairn/coordinator/group_coordinator.hpp>
#include <cairn/group/placement.hpp>

#include "forward.hpp"
#include "group.hpp"

namespace cairn::broker {
namespace {

using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;
using Coordinator = FindCoordinatorResponse::Coordinator;

constexpr std::int16_t first_with_several_keys = 4;
enum class KeyType : std::int8_t { group = 0, transaction = 1, share = 2 };

Coordinator refused(std::string key, ErrorCode code, std::string message) {
  Coordinator reply;
  reply.key = std::move(key);
  reply.node_id = no_broker.value();
  reply.port = -1;
  reply.error_code = code;
  reply.error_message = std::move(message);
  return reply;
}

protocol::CreateTopicsRequest offsets_topic_request(const config::ServerConfig& config) {
  protocol::CreateTopicsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(config.socket.request_timeout.count());
  auto& topic = request.topics.emplace_back();
  topic.name = coordinator::offsets_topic;
  topic.num_partitions = config.offsets.topic_num_partitions;
  topic.replication_factor = config.offsets.topic_replication_factor;
  const auto set = [&topic](const char* key, std::string value) {
    auto& entry = topic.configs.emplace_back();
    entry.name = key;
    entry.value = std::move(value);
  };
  set("cleanup.policy", "compact");
  set("compression.type", "producer");
  set("segment.bytes", std::to_string(config.offsets.topic_segment_bytes));
  return request;
}

/// After it the newest image has the topic, or the controller could not create it.
runtime::Task<> create_offsets_topic(Broker& broker) {
  auto creating = create_at_controller(broker, offsets_topic_request(broker.config));
  const auto reply = co_await std::move(creating);
  for (const auto& topic : reply.topics) {
    if (topic.error_code == ErrorCode::none ||
        topic.error_code == ErrorCode::topic_already_exists) {
      continue;
    }
    logging::warn("the topic {} could not be created error={} reason={}", topic.name,
                  to_string(topic.error_code), topic.error_message.value_or(""));
  }
}

/// Null if nobody leads the group's partition.
const metadata::Broker* coordinator_of(const metadata::Image& image, const std::string& key) {
  const auto* topic = image.topic(coordinator::offsets_topic);
  if (!topic || topic->partition_count() == 0) return nullptr;
  const auto* partition = topic->partition(group::partition_for(key, topic->partition_count()));
  return partition ? image.broker(partition->leader) : nullptr;
}

/// A coordinator that loads is mostly ready in a moment: its clients need not look it up again.
constexpr Duration load_patience = std::chrono::milliseconds(100);

runtime::Task<> wait_for_load(Broker& broker, std::string key, Instant deadline) {
  constexpr Duration step = std::chrono::milliseconds(2);
  while (!broker.groups.is_ready_for(key) && broker.now() < deadline) {
    const auto image = broker.image();
    const metadata::Broker* leader = coordinator_of(*image, key);
    if (leader == nullptr || leader->id != broker.node_id()) co_return;
    if (!co_await broker.shard.clock().sleep_for(step)) co_return;
  }
}

Coordinator find_group(const Broker& broker, const RequestContext& context, std::string key) {
  const auto image = broker.image();
  const auto unavailable = [&key] {
    return refused(std::move(key), ErrorCode::coordinator_not_available,
                   "The coordinator is not available.");
  };
  const metadata::Broker* leader = coordinator_of(*image, key);
  const auto* endpoint = leader ? leader->endpoint(context.listener_name) : nullptr;
  if (!endpoint || leader->fenced) return unavailable();
  // Of another broker only the broker itself knows; it answers COORDINATOR_LOAD_IN_PROGRESS.
  if (leader->id == broker.node_id() && !broker.groups.is_ready_for(key)) return unavailable();
  Coordinator reply;
  reply.key = std::move(key);
  reply.node_id = leader->id.value();
  reply.host = endpoint->host;
  reply.port = endpoint->port;
  return reply;
}

Coordinator find(const Broker& broker, const RequestContext& context, std::int8_t type,
                 std::string key) {
  switch (KeyType(type)) {
    case KeyType::group:
      return find_group(broker, context, std::move(key));
    case KeyType::transaction:
      return refused(std::move(key), ErrorCode::unsupported_version,
                     "This broker does not serve transactions yet.");
    case KeyType::share:
      return refused(std::move(key), ErrorCode::unsupported_version,
                     "This broker does not serve share groups yet.");
  }
  return refused(
      std::move(key), ErrorCode::invalid_request,
      "This most likely occurs because of a request being malformed by the client library or "
      "the message was sent to an incompatible broker. See the broker logs for more "
      "details.");
}

}  // namespace

runtime::Task<FindCoordinatorResponse> handle(Broker& broker, const RequestContext& context,
                                              FindCoordinatorRequest request) {
  const bool several = context.version >= first_with_several_keys;
  if (!several) request.coordinator_keys = {std::move(request.key)};
  const bool for_groups = KeyType(request.key_type) == KeyType::group;
  if (for_groups && !broker.image()->topic(coordinator::offsets_topic)) {
    co_await create_offsets_topic(broker);
  }
  FindCoordinatorResponse reply;
  const Instant deadline = broker.now() + load_patience;  // of all keys together
  for (std::string& key : request.coordinator_keys) {
    if (for_groups) co_await wait_for_load(broker, key, deadline);
    reply.coordinators.push_back(find(broker, context, request.key_type, std::move(key)));
  }
  if (!several) {
    Coordinator only = std::move(reply.coordinators.front());
    reply.coordinators.clear();
    reply.error_code = only.error_code;
    const bool found = only.error_code == ErrorCode::none;
    reply.error_message = found ? "NONE" : std::move(only.error_message);
    reply.node_id = only.node_id;
    reply.host = std::move(only.host);
    reply.port = only.port;
  }
  co_return reply;
}

}  // namespace cairn::broker
