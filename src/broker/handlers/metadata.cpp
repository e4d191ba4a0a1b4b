// SPDX-License-Identifier: Apache-2.0
// Metadata (key 3), versions 0-13.
//   0: an empty list means all topics, and unreachable replicas are left out; from 1 null means
//   all, empty none. 1: controller, racks, internal topics; 2: cluster id; 4: auto-creation can be
//   refused; 5: offline replicas; 7: leader epochs; 8: authorized operations (of the cluster up to
//   10); 10: topic ids; 12: topics by id; 13: one error for the whole.
// A topic that does not exist is created if the request and auto.create.topics.enable allow it.
// Kafka answers UNKNOWN_TOPIC_OR_PARTITION at that moment; here the answer waits and describes the
// new topic.
#include <algorithm>
#include <set>

#include <cairn/metadata/topics.hpp>

#include "admin.hpp"
#include "forward.hpp"
#include "internal_topics.hpp"
#include "topic_view.hpp"

namespace cairn::broker {
namespace {

using protocol::MetadataRequest;
using protocol::MetadataResponse;
using TopicResult = MetadataResponse::MetadataResponseTopic;

constexpr std::int16_t first_with_topic_ids_asked = 12;

struct Reader {
  const metadata::Image& image;
  const RequestContext& context;
  bool operations;

  TopicResult describe(const metadata::Topic& topic) const {
    TopicResult result;
    result.name = topic.name;
    result.topic_id = topic.id;
    result.is_internal = metadata::is_internal_topic(topic.name);
    if (operations) result.topic_authorized_operations = topic_operations;
    const ErrorCode unreachable =
        context.version >= 6 ? ErrorCode::listener_not_found : ErrorCode::leader_not_available;
    result.partitions.reserve(topic.partitions.size());
    for (const auto& [index, partition] : topic.partitions) {
      PartitionView view = view_of(image, partition, context.listener_name, unreachable);
      if (context.version == 0) hide_unreachable(image, context.listener_name, view);
      auto& entry = result.partitions.emplace_back();
      entry.error_code = view.error;
      entry.partition_index = index.value();
      entry.leader_id = view.leader;
      entry.leader_epoch = partition.leader_epoch.value();
      entry.replica_nodes = std::move(view.replicas);
      entry.isr_nodes = std::move(view.isr);
      entry.offline_replicas = std::move(view.offline);
    }
    return result;
  }

  TopicResult missing(const std::string& name, ErrorCode code) const {
    TopicResult result;
    result.error_code = code;
    result.name = name;
    result.is_internal = metadata::is_internal_topic(name);
    if (operations) result.topic_authorized_operations = topic_operations;
    return result;
  }
};

bool asks_for_all(const MetadataRequest& request, std::int16_t version) {
  return !request.topics || (version == 0 && request.topics->empty());
}

/// Names must be there, and ids not, in versions that cannot ask by id.
bool malformed(const MetadataRequest& request, std::int16_t version) {
  if (!request.topics || version >= first_with_topic_ids_asked) return false;
  return std::ranges::any_of(
      *request.topics, [](const auto& topic) { return !topic.name || !topic.topic_id.is_zero(); });
}

MetadataResponse refuse(const MetadataRequest& request, ErrorCode code) {
  MetadataResponse response;
  response.error_code = code;
  for (const auto& topic : *request.topics) {
    auto& result = response.topics.emplace_back();
    result.error_code = code;
    result.name = topic.name.value_or("");
    result.topic_id = topic.topic_id;
  }
  return response;
}

void add_cluster(const Broker& broker, const metadata::Image& image, const RequestContext& context,
                 const MetadataRequest& request, MetadataResponse& response) {
  for (const auto& [id, registered] : image.brokers) {
    const metadata::Endpoint* endpoint = reachable(image, id, context.listener_name);
    if (endpoint == nullptr) continue;
    auto& entry = response.brokers.emplace_back();
    entry.node_id = id.value();
    entry.host = endpoint->host;
    entry.port = endpoint->port;
    entry.rack = registered.rack;
    // Requests for the controller are forwarded, so any broker that is alive will do.
    if (response.controller_id < 0) response.controller_id = id.value();
  }
  response.cluster_id = broker.cluster_id;
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = cluster_operations;
  }
}

/// Names that are asked for and do not exist, each once, in order of the request.
std::vector<std::string> missing_names(const MetadataRequest& request,
                                       const metadata::Image& image) {
  std::vector<std::string> names;
  std::set<std::string_view> seen;
  for (const auto& topic : *request.topics) {
    if (!topic.name || !topic.topic_id.is_zero() || image.topic(*topic.name) != nullptr) continue;
    if (why_missing(*topic.name) != ErrorCode::unknown_topic_or_partition) continue;
    if (seen.insert(*topic.name).second) names.push_back(*topic.name);
  }
  return names;
}

runtime::Task<std::map<std::string, ErrorCode>> create_missing(Broker& broker,
                                                               std::vector<std::string> names) {
  protocol::CreateTopicsRequest creation;
  for (const std::string& name : names) {
    creation.topics.push_back(auto_created_topic(broker.config, name));
  }
  auto creating = create_at_controller(broker, std::move(creation));
  const protocol::CreateTopicsResponse created = co_await std::move(creating);
  std::map<std::string, ErrorCode> errors;
  for (const auto& topic : created.topics) {
    if (topic.error_code == ErrorCode::topic_already_exists) continue;
    errors[topic.name] = topic.error_code;
  }
  co_return errors;
}

void add_asked(const Reader& reader, const MetadataRequest& request,
               const std::map<std::string, ErrorCode>& creation_errors,
               MetadataResponse& response) {
  std::set<std::string> names;  // a name that stands twice is answered once
  std::set<TopicId> ids;
  for (const auto& asked : *request.topics) {
    const bool by_id = !asked.topic_id.is_zero();
    if (!by_id && !asked.name) continue;  // asks for nothing
    if (by_id ? !ids.insert(asked.topic_id).second
              : !names.insert(asked.name.value_or("")).second) {
      continue;
    }
    const metadata::Topic* topic =
        by_id ? reader.image.topic(asked.topic_id) : reader.image.topic(asked.name.value_or(""));
    if (topic != nullptr) {
      if (by_id && !names.insert(topic->name).second) continue;
      response.topics.push_back(reader.describe(*topic));
    } else if (by_id) {
      TopicResult& result = response.topics.emplace_back();
      result.error_code = ErrorCode::unknown_topic_id;
      result.name.reset();
      result.topic_id = asked.topic_id;
    } else {
      const std::string name = asked.name.value_or("");
      ErrorCode code = why_missing(name);
      const auto failed = creation_errors.find(name);
      if (failed != creation_errors.end() && failed->second != ErrorCode::none) {
        code = failed->second;
      }
      response.topics.push_back(reader.missing(name, code));
    }
  }
}

}  // namespace

runtime::Task<MetadataResponse> handle(Broker& broker, const RequestContext& context,
                                       MetadataRequest request) {
  if (malformed(request, context.version)) co_return refuse(request, ErrorCode::invalid_request);
  const bool all = asks_for_all(request, context.version);
  std::map<std::string, ErrorCode> creation_errors;
  if (!all && broker.config.auto_create_topics && request.allow_auto_topic_creation) {
    std::vector<std::string> names = missing_names(request, *broker.image());
    if (!names.empty()) creation_errors = co_await create_missing(broker, std::move(names));
  }
  MetadataResponse response;
  const auto image = broker.image();  // after the wait: what was created is in it
  add_cluster(broker, *image, context, request, response);
  const Reader reader{*image, context, request.include_topic_authorized_operations};
  if (all) {
    for (const auto& [name, id] : image->topic_ids) {
      response.topics.push_back(reader.describe(*image->topic(id)));
    }
  } else {
    add_asked(reader, request, creation_errors, response);
  }
  co_return response;
}

}  // namespace cairn::broker
