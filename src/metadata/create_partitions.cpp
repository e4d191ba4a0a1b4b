// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <fmt/format.h>

#include <cairn/metadata/topics.hpp>

#include "assignments.hpp"
#include "wire.hpp"

namespace cairn::metadata {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreatePartitionsResponse;
using WantedTopic = CreatePartitionsRequest::CreatePartitionsTopic;

ApiError check_count(const Topic& topic, std::int32_t count) {
  const std::int32_t now = topic.partition_count();
  if (count == now) {
    return error(ErrorCode::invalid_partitions,
                 fmt::format("Topic already has {} partition(s).", now));
  }
  if (count < now) {
    return error(ErrorCode::invalid_partitions,
                 fmt::format("The topic {} currently has {} partition(s); {} would not be an "
                             "increase.",
                             topic.name, now, count));
  }
  if (count - now > max_partitions_per_request) {
    return error(ErrorCode::policy_violation,
                 "Excessively large number of partitions per request.");
  }
  return {};
}

ApiError choose(const Image& image, const Topic& topic, const WantedTopic& wanted, Random& random,
                std::vector<Assignment>& assignments) {
  const std::int32_t first = topic.partition_count();
  const auto more = static_cast<std::size_t>(wanted.count - first);
  if (topic.partitions.empty()) return error(ErrorCode::unknown_server_error);
  const std::size_t factor = topic.partitions.begin()->second.replicas.size();
  if (!wanted.assignments) {
    Placed placed = place_partitions(image, static_cast<std::int32_t>(more),
                                     static_cast<std::int16_t>(factor), random);
    assignments = std::move(placed.assignments);
    return std::move(placed.error);
  }
  if (wanted.assignments->size() != more) {
    return error(ErrorCode::invalid_replica_assignment,
                 fmt::format("Attempted to add {} additional partition(s), but only {} "
                             "assignment(s) were specified.",
                             more, wanted.assignments->size()));
  }
  std::int32_t index = first;
  for (const auto& assignment : *wanted.assignments) {
    const std::vector<BrokerId> replicas = to_ids(assignment.broker_ids);
    ApiError wrong = check_assignment(image, replicas, factor);
    if (wrong.ok()) wrong = check_alive(image, replicas, index++);
    if (!wrong.ok()) return wrong;
    assignments.push_back(replicas);
  }
  return {};
}

}  // namespace

Decision<CreatePartitionsResponse> create_partitions(const Image& image,
                                                     const CreatePartitionsRequest& request,
                                                     Random& random) {
  Decision<CreatePartitionsResponse> decision;
  std::set<std::string> once, twice;
  for (const WantedTopic& wanted : request.topics) {
    if (!once.insert(wanted.name).second) twice.insert(wanted.name);
  }
  std::set<std::string> answered;
  for (const WantedTopic& wanted : request.topics) {
    if (!answered.insert(wanted.name).second) continue;
    auto& result = decision.response.results.emplace_back();
    result.name = wanted.name;
    const Topic* topic = image.topic(wanted.name);
    ApiError wrong;
    std::vector<Assignment> assignments;
    if (twice.contains(wanted.name)) {
      wrong = error(ErrorCode::invalid_request, "Duplicate topic name.");
    } else if (topic == nullptr) {
      wrong = error(ErrorCode::unknown_topic_or_partition);
    } else {
      wrong = check_count(*topic, wanted.count);
      if (wrong.ok()) wrong = choose(image, *topic, wanted, random, assignments);
    }
    result.error_code = wrong.code;
    result.error_message = to_message(wrong);
    if (!wrong.ok() || request.validate_only) continue;
    PartitionIndex index(topic->partition_count());
    for (const Assignment& replicas : assignments) {
      decision.records.push_back(new_partition(image, topic->id, index, replicas));
      ++index;
    }
  }
  return decision;
}

}  // namespace cairn::metadata
