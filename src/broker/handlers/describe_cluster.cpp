// SPDX-License-Identifier: Apache-2.0
// DescribeCluster (key 60), versions 0-2. 1: which kind of endpoints, and the answer says which
// were given; 2: fenced brokers on request. Broker listeners list brokers, controller listeners
// controllers.
#include <fmt/format.h>

#include "admin.hpp"
#include "on_controller.hpp"
#include "topic_view.hpp"

namespace cairn::broker {
namespace {

using protocol::DescribeClusterRequest;
using protocol::DescribeClusterResponse;

enum class EndpointType : std::int8_t { unknown = 0, broker = 1, controller = 2 };

std::string_view name_of(EndpointType type) {
  return type == EndpointType::broker ? "BROKER" : "CONTROLLER";
}

bool refused(EndpointType ours, const DescribeClusterRequest& request,
             DescribeClusterResponse& response) {
  const EndpointType wanted(static_cast<EndpointType>(request.endpoint_type));
  if (wanted != EndpointType::broker && wanted != EndpointType::controller) {
    response.error_code = ErrorCode::unsupported_endpoint_type;
    response.error_message = fmt::format("Unsupported endpoint type {}", request.endpoint_type);
  } else if (wanted != ours) {
    response.error_code = ErrorCode::mismatched_endpoint_type;
    response.error_message = fmt::format(
        "The request was sent to an endpoint of type {}, but we wanted an endpoint of "
        "type {}",
        name_of(ours), name_of(wanted));
  }
  return response.error_code != ErrorCode::none;
}

void add_brokers(const metadata::Image& image, const RequestContext& context, bool fenced_too,
                 DescribeClusterResponse& response) {
  for (const auto& [id, broker] : image.brokers) {
    const metadata::Endpoint* endpoint = broker.endpoint(context.listener_name);
    if (endpoint == nullptr || (broker.fenced && !fenced_too)) continue;
    auto& entry = response.brokers.emplace_back();
    entry.broker_id = id.value();
    entry.host = endpoint->host;
    entry.port = endpoint->port;
    entry.rack = broker.rack;
    entry.is_fenced = broker.fenced;
    if (response.controller_id < 0 && !broker.fenced) response.controller_id = id.value();
  }
}

void add_controllers(const metadata::Image& image, const RequestContext& context,
                     DescribeClusterResponse& response) {
  for (const auto& [id, controller] : image.controllers) {
    for (const auto& end : controller.end_points) {
      if (end.name != context.listener_name) continue;
      auto& entry = response.brokers.emplace_back();
      entry.broker_id = id.value();
      entry.host = end.host;
      entry.port = end.port;
    }
  }
}

}  // namespace

runtime::Task<DescribeClusterResponse> handle(Broker& broker, const RequestContext& context,
                                              DescribeClusterRequest request) {
  DescribeClusterResponse response;
  const auto ours = context.controller_listener ? EndpointType::controller : EndpointType::broker;
  if (refused(ours, request, response)) {
    // Version 0 cannot say which endpoints it wants.
    if (context.version == 0) response.error_code = ErrorCode::invalid_request;
    co_return response;
  }
  response.endpoint_type = request.endpoint_type;
  response.cluster_id = broker.cluster_id;
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = cluster_operations;
  }
  const auto image = broker.image();
  if (ours == EndpointType::broker) {
    add_brokers(*image, context, request.include_fenced_brokers, response);
    co_return response;
  }
  auto call = [&controller = broker.controller]() -> runtime::Task<BrokerId> {
    return controller.ask_active_controller();
  };
  auto asking = on_controller(broker, std::move(call));
  response.controller_id = (co_await std::move(asking)).value();
  add_controllers(*image, context, response);
  co_return response;
}

}  // namespace cairn::broker
