// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <fmt/format.h>

#include <cairn/metadata/topics.hpp>

#include "assignments.hpp"

namespace cairn::metadata {
namespace {

using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;

struct Wanted {
  std::optional<std::string> name;
  TopicId id;
};

std::vector<Wanted> wanted_topics(const DeleteTopicsRequest& request, std::int16_t version) {
  std::vector<Wanted> wanted;
  if (version < 6) {
    for (const std::string& name : request.topic_names) wanted.push_back({name, {}});
  } else {
    for (const auto& topic : request.topics) wanted.push_back({topic.name, topic.topic_id});
  }
  return wanted;
}

/// Which names and ids stand more than once, or mean a topic that is also meant by the other.
struct Repeated {
  std::set<std::string> names;
  std::set<TopicId> ids;
};

Repeated find_repeated(const std::vector<Wanted>& wanted) {
  Repeated repeated;
  std::set<std::string> names;
  std::set<TopicId> ids;
  for (const Wanted& one : wanted) {
    if (one.name && one.id.is_zero() && !names.insert(*one.name).second) {
      repeated.names.insert(*one.name);
    }
    if (!one.name && !one.id.is_zero() && !ids.insert(one.id).second) repeated.ids.insert(one.id);
  }
  return repeated;
}

ApiError check(const Image& image, const Wanted& wanted, const Repeated& repeated,
               const Topic*& topic) {
  if (wanted.name && !wanted.id.is_zero()) {
    return error(ErrorCode::invalid_request, "You may not specify both topic name and topic id.");
  }
  if (!wanted.name && wanted.id.is_zero()) {
    return error(ErrorCode::invalid_request, "Neither topic name nor id were specified.");
  }
  if (!wanted.name) {
    if (repeated.ids.contains(wanted.id)) {
      return error(ErrorCode::invalid_request, "Duplicate topic id.");
    }
    topic = image.topic(wanted.id);
    return topic != nullptr ? ApiError{} : error(ErrorCode::unknown_topic_id);
  }
  if (repeated.names.contains(*wanted.name)) {
    return error(ErrorCode::invalid_request, "Duplicate topic name.");
  }
  topic = image.topic(*wanted.name);
  return topic != nullptr ? ApiError{} : error(ErrorCode::unknown_topic_or_partition);
}

}  // namespace

Decision<DeleteTopicsResponse> delete_topics(const Image& image, const DeleteTopicsRequest& request,
                                             const config::ServerConfig& server,
                                             std::int16_t version) {
  Decision<DeleteTopicsResponse> decision;
  const std::vector<Wanted> wanted = wanted_topics(request, version);
  const Repeated repeated = find_repeated(wanted);
  std::set<TopicId> going;
  std::set<std::pair<std::optional<std::string>, TopicId>> answered;
  for (const Wanted& one : wanted) {
    if (!answered.insert({one.name, one.id}).second) continue;
    auto& result = decision.response.responses.emplace_back();
    result.name = one.name;
    result.topic_id = one.id;
    ApiError wrong;
    const Topic* topic = nullptr;
    if (!server.controller.delete_topic) {
      wrong = version < 3 ? error(ErrorCode::invalid_request,
                                  "This version does not support topic deletion.")
                          : error(ErrorCode::topic_deletion_disabled);
    } else {
      wrong = check(image, one, repeated, topic);
    }
    if (wrong.ok() && !going.insert(topic->id).second) {
      wrong = error(ErrorCode::invalid_request,
                    "The provided topic name maps to an ID that was already supplied.");
    }
    if (!wrong.ok()) {
      result.error_code = wrong.code;
      result.error_message = to_message(wrong);
      continue;
    }
    result.name = topic->name;
    result.topic_id = topic->id;
    protocol::RemoveTopicRecord record;
    record.topic_id = topic->id;
    decision.records.push_back({std::move(record), 0});
  }
  return decision;
}

}  // namespace cairn::metadata
