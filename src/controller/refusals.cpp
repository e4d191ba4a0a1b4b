// SPDX-License-Identifier: Apache-2.0
#include "refusals.hpp"

#include <cairn/metadata/partitions.hpp>

namespace cairn::controller {
namespace {

template <class Result>
void set(Result& result, const Error& error) {
  result.error_code = error.code;
  result.error_message = error.why;
}

template <class Response, class Request>
Response refuse_resources(const Request& request, const Error& error) {
  Response response;
  for (const auto& resource : request.resources) {
    auto& result = response.responses.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    set(result, error);
  }
  return response;
}

}  // namespace

protocol::CreateTopicsResponse refuse(const protocol::CreateTopicsRequest& request, Error error) {
  protocol::CreateTopicsResponse response;
  for (const auto& topic : request.topics) {
    auto& result = response.topics.emplace_back();
    result.name = topic.name;
    result.configs.emplace();
    set(result, error);
  }
  return response;
}

protocol::DeleteTopicsResponse refuse(const protocol::DeleteTopicsRequest& request, Error error) {
  protocol::DeleteTopicsResponse response;
  for (const std::string& name : request.topic_names) {
    auto& result = response.responses.emplace_back();
    result.name = name;
    set(result, error);
  }
  for (const auto& topic : request.topics) {
    auto& result = response.responses.emplace_back();
    result.name = topic.name;
    result.topic_id = topic.topic_id;
    set(result, error);
  }
  return response;
}

protocol::CreatePartitionsResponse refuse(const protocol::CreatePartitionsRequest& request,
                                          Error error) {
  protocol::CreatePartitionsResponse response;
  for (const auto& topic : request.topics) {
    auto& result = response.results.emplace_back();
    result.name = topic.name;
    set(result, error);
  }
  return response;
}

protocol::AlterConfigsResponse refuse(const protocol::AlterConfigsRequest& request, Error error) {
  return refuse_resources<protocol::AlterConfigsResponse>(request, error);
}

protocol::IncrementalAlterConfigsResponse refuse(
    const protocol::IncrementalAlterConfigsRequest& request, Error error) {
  return refuse_resources<protocol::IncrementalAlterConfigsResponse>(request, error);
}

protocol::UpdateFeaturesResponse refuse(const protocol::UpdateFeaturesRequest& request,
                                        Error error) {
  protocol::UpdateFeaturesResponse response;
  set(response, error);
  for (const auto& update : request.feature_updates) {
    auto& result = response.results.emplace_back();
    result.feature = update.feature;
    set(result, error);
  }
  return response;
}

protocol::ElectLeadersResponse refuse(const protocol::ElectLeadersRequest& request, Error error) {
  return metadata::refuse_election(request, {error.code, error.why});
}

protocol::AlterPartitionReassignmentsResponse refuse(
    const protocol::AlterPartitionReassignmentsRequest& request, Error error) {
  protocol::AlterPartitionReassignmentsResponse response;
  set(response, error);
  for (const auto& topic : request.topics) {
    auto& results = response.responses.emplace_back();
    results.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& result = results.partitions.emplace_back();
      result.partition_index = partition.partition_index;
      set(result, error);
    }
  }
  return response;
}

}  // namespace cairn::controller
