// SPDX-License-Identifier: Apache-2.0
// The answer of each API when the controller cannot decide at all: the same error for everything
// the request named, as Kafka's clients expect it.
#pragma once

#include <cairn/base/result.hpp>
#include <cairn/controller/controller.hpp>

namespace cairn::controller {

protocol::CreateTopicsResponse refuse(const protocol::CreateTopicsRequest& request, Error error);
protocol::DeleteTopicsResponse refuse(const protocol::DeleteTopicsRequest& request, Error error);
protocol::CreatePartitionsResponse refuse(const protocol::CreatePartitionsRequest& request,
                                          Error error);
protocol::AlterConfigsResponse refuse(const protocol::AlterConfigsRequest& request, Error error);
protocol::IncrementalAlterConfigsResponse refuse(
    const protocol::IncrementalAlterConfigsRequest& request, Error error);
protocol::UpdateFeaturesResponse refuse(const protocol::UpdateFeaturesRequest& request,
                                        Error error);

protocol::ElectLeadersResponse refuse(const protocol::ElectLeadersRequest& request, Error error);
protocol::AlterPartitionReassignmentsResponse refuse(
    const protocol::AlterPartitionReassignmentsRequest& request, Error error);

/// Those with one error code for the whole.
template <class Request>
typename Request::Response refuse(const Request&, Error error) {
  typename Request::Response response;
  response.error_code = error.code;
  if constexpr (requires { response.error_message; }) response.error_message = error.why;
  return response;
}

}  // namespace cairn::controller
