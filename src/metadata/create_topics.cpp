// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include <cairn/config/describe.hpp>
#include <cairn/metadata/snapshot.hpp>
#include <cairn/metadata/topics.hpp>

#include "assignments.hpp"
#include "wire.hpp"

namespace cairn::metadata {
namespace {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using Creatable = CreateTopicsRequest::CreatableTopic;

ApiError check_name(std::string_view name) {
  constexpr auto code = ErrorCode::invalid_topic_exception;
  constexpr std::size_t longest = 249;
  if (name.empty()) return error(code, "Topic name is invalid: the empty string is not allowed");
  if (name == "." || name == "..") {
    return error(code, fmt::format("Topic name is invalid: '{}' is not allowed", name));
  }
  if (name.size() > longest) {
    return error(code, fmt::format("Topic name is invalid: the length of '{}' is longer than the "
                                   "max allowed length {}",
                                   name, longest));
  }
  const auto legal = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (!std::ranges::all_of(name, legal)) {
    return error(code, fmt::format("Topic name is invalid: '{}' contains one or more characters "
                                   "other than ASCII alphanumerics, '.', '_' and '-'",
                                   name));
  }
  return {};
}

bool may_collide(std::string_view name) { return name.find_first_of("._") != name.npos; }

std::string unified(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '.', '_');
  return text;
}

/// Names with '.' or '_' by the form their metrics have: two of one form may not exist.
class Collisions {
 public:
  explicit Collisions(const Image& image) : image_(image) {}

  /// A name that exists, or is being created, and looks the same in metrics; empty if none.
  std::string find_or_add(const std::string& name) {
    if (!may_collide(name)) return {};
    if (!loaded_) load();
    auto [at, fresh] = by_form_.try_emplace(unified(name), name);
    return fresh || at->second == name ? std::string() : at->second;
  }

 private:
  /// Walks all names: only once a request has a name that may collide.
  void load() {
    loaded_ = true;
    for (const auto& [name, id] : image_.topic_ids) {
      if (may_collide(name)) by_form_.try_emplace(unified(name), name);
    }
  }

  const Image& image_;
  bool loaded_ = false;
  std::map<std::string, std::string, std::less<>> by_form_;
};

struct TopicPlan {
  ApiError error;
  Overrides overrides;
  std::vector<std::vector<BrokerId>> assignments;
};

ApiError plan_configs(const config::ServerConfig& server, const Creatable& topic, TopicPlan& plan) {
  std::vector<config::Alteration> alterations;
  std::string nulls;
  for (const auto& entry : topic.configs) {
    if (!entry.value) nulls += (nulls.empty() ? "" : ",") + entry.name;
    alterations.push_back({entry.name, config::AlterOperation::set, entry.value});
  }
  if (!nulls.empty()) {
    return error(ErrorCode::invalid_config, "Null value not supported for topic configs: " + nulls);
  }
  if (alterations.empty()) return {};
  auto overrides = config::apply_alterations(ResourceType::topic, {}, alterations);
  if (!overrides) return error(overrides.error().code, overrides.error().message);
  if (auto valid = config::validate_topic(server, *overrides); !valid) {
    return error(valid.error().code, valid.error().message);
  }
  plan.overrides = *std::move(overrides);
  return {};
}

ApiError plan_manual(const Image& image, const Creatable& topic, TopicPlan& plan) {
  if (topic.replication_factor != -1) {
    return error(ErrorCode::invalid_request,
                 "A manual partition assignment was specified, but replication factor was not set "
                 "to -1.");
  }
  if (topic.num_partitions != -1) {
    return error(ErrorCode::invalid_request,
                 "A manual partition assignment was specified, but numPartitions was not set to "
                 "-1.");
  }
  std::map<std::int32_t, std::vector<BrokerId>> by_index;
  std::optional<std::size_t> replication_factor;
  for (const auto& assignment : topic.assignments) {
    if (by_index.contains(assignment.partition_index)) {
      return error(ErrorCode::invalid_replica_assignment,
                   fmt::format("Found multiple manual partition assignments for partition {}",
                               assignment.partition_index));
    }
    const std::vector<BrokerId> replicas = to_ids(assignment.broker_ids);
    ApiError wrong = check_assignment(image, replicas, replication_factor);
    if (wrong.ok()) wrong = check_alive(image, replicas, assignment.partition_index);
    if (!wrong.ok()) return wrong;
    replication_factor = replicas.size();
    by_index.emplace(assignment.partition_index, replicas);
  }
  for (auto& [index, replicas] : by_index) {
    if (index != static_cast<std::int32_t>(plan.assignments.size())) {
      return error(ErrorCode::invalid_replica_assignment,
                   "partitions should be a consecutive 0-based integer sequence");
    }
    plan.assignments.push_back(std::move(replicas));
  }
  return {};
}

ApiError plan_placed(const Image& image, const config::ServerConfig& server, const Creatable& topic,
                     Random& random, TopicPlan& plan) {
  if (topic.replication_factor < -1 || topic.replication_factor == 0) {
    return error(ErrorCode::invalid_replication_factor,
                 "Replication factor must be larger than 0, or -1 to use the default value.");
  }
  if (topic.num_partitions < -1 || topic.num_partitions == 0) {
    return error(ErrorCode::invalid_partitions,
                 "Number of partitions was set to an invalid non-positive value.");
  }
  const std::int32_t count =
      topic.num_partitions == -1 ? server.controller.num_partitions : topic.num_partitions;
  const auto factor = topic.replication_factor == -1
                          ? static_cast<std::int16_t>(server.controller.default_replication_factor)
                          : topic.replication_factor;
  Placed placed = place_partitions(image, count, factor, random);
  plan.assignments = std::move(placed.assignments);
  return std::move(placed.error);
}

std::int64_t partitions_wanted(const CreateTopicsRequest& request,
                               const config::ServerConfig& server) {
  std::int64_t total = 0;
  for (const Creatable& topic : request.topics) {
    if (!topic.assignments.empty()) {
      total += static_cast<std::int64_t>(topic.assignments.size());
    } else if (topic.num_partitions == -1) {
      total += server.controller.num_partitions;
    } else {
      total += std::max(topic.num_partitions, 0);
    }
  }
  return total;
}

std::set<std::string> names_that_stand_twice(const CreateTopicsRequest& request) {
  std::set<std::string> once, twice;
  for (const Creatable& topic : request.topics) {
    if (!once.insert(topic.name).second) twice.insert(topic.name);
  }
  return twice;
}

void add_records(const Image& image, const TopicId& id, const std::string& name,
                 const TopicPlan& plan, std::vector<Record>& records) {
  protocol::TopicRecord topic;
  topic.name = name;
  topic.topic_id = id;
  records.push_back({std::move(topic), 0});
  for (const auto& [key, value] : plan.overrides) {
    protocol::ConfigRecord entry;
    entry.resource_type = static_cast<std::int8_t>(ResourceType::topic);
    entry.resource_name = name;
    entry.name = key;
    entry.value = value;
    records.push_back({std::move(entry), 0});
  }
  PartitionIndex index(0);
  for (const auto& replicas : plan.assignments) {
    records.push_back(new_partition(image, id, index, replicas));
    ++index;
  }
}

void add_success(const config::ServerConfig& server, const TopicPlan& plan,
                 CreateTopicsResponse::CreatableTopicResult& result) {
  result.num_partitions = static_cast<std::int32_t>(plan.assignments.size());
  result.replication_factor = static_cast<std::int16_t>(plan.assignments.front().size());
  auto& configs = result.configs.emplace();
  for (config::Entry& entry : config::describe_topic(server, plan.overrides)) {
    auto& shown = configs.emplace_back();
    shown.name = std::move(entry.name);
    shown.value = std::move(entry.value);
    shown.read_only = entry.read_only;
    shown.config_source = static_cast<std::int8_t>(entry.source);
    shown.is_sensitive = entry.sensitive;
  }
}

ApiError plan_topic(const Image& image, const config::ServerConfig& server, const Creatable& topic,
                    Collisions& collisions, Random& random, TopicPlan& plan) {
  if (ApiError wrong = check_name(topic.name); !wrong.ok()) return wrong;
  if (topic.name == "__cluster_metadata") {
    return error(ErrorCode::invalid_request,
                 "Creation of internal topic __cluster_metadata is prohibited.");
  }
  if (image.topic_ids.contains(topic.name)) {
    return error(ErrorCode::topic_already_exists,
                 fmt::format("Topic '{}' already exists.", topic.name));
  }
  if (const std::string other = collisions.find_or_add(topic.name); !other.empty()) {
    return error(ErrorCode::invalid_topic_exception,
                 fmt::format("Topic '{}' collides with existing topic: {}", topic.name, other));
  }
  if (ApiError wrong = plan_configs(server, topic, plan); !wrong.ok()) return wrong;
  if (!topic.assignments.empty()) return plan_manual(image, topic, plan);
  return plan_placed(image, server, topic, random, plan);
}

}  // namespace

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" ||
         name == "__share_group_state";
}

Decision<CreateTopicsResponse> create_topics(const Image& image, const CreateTopicsRequest& request,
                                             const config::ServerConfig& server, Random& random) {
  Decision<CreateTopicsResponse> decision;
  const std::set<std::string> twice = names_that_stand_twice(request);
  const bool too_many = partitions_wanted(request, server) > max_partitions_per_request;
  Collisions collisions(image);
  std::set<std::string> answered;
  for (const Creatable& topic : request.topics) {
    if (!answered.insert(topic.name).second) continue;
    auto& result = decision.response.topics.emplace_back();
    result.name = topic.name;
    result.error_message.reset();
    result.configs.emplace();
    TopicPlan plan;
    ApiError wrong;
    if (twice.contains(topic.name)) {
      wrong = error(ErrorCode::invalid_request, "Duplicate topic name.");
    } else if (too_many) {
      wrong =
          error(ErrorCode::policy_violation, "Excessively large number of partitions per request.");
    } else {
      wrong = plan_topic(image, server, topic, collisions, random, plan);
    }
    if (!wrong.ok()) {
      result.error_code = wrong.code;
      result.error_message = to_message(wrong);
      continue;
    }
    result.topic_id = Uuid::random(random);
    add_success(server, plan, result);
    if (!request.validate_only) {
      add_records(image, result.topic_id, topic.name, plan, decision.records);
    }
  }
  return decision;
}

}  // namespace cairn::metadata
