// SPDX-License-Identifier: Apache-2.0
// The node's own broker: it registers, unfences and leaves through the same decisions as any other,
// without a connection. Its session cannot run out: it lives and dies with this process.
#include <cairn/base/log.hpp>
#include <cairn/controller/controller.hpp>
#include <cairn/metadata/features.hpp>

#include "core.hpp"

namespace cairn::controller {

runtime::Task<Result<BrokerEpoch>> Controller::register_local(LocalBroker broker) {
  protocol::BrokerRegistrationRequest request;
  request.broker_id = core_->config.node_id.value();
  request.cluster_id = core_->identity.cluster_id;
  request.incarnation_id = core_->identity.incarnation;
  for (const metadata::Endpoint& endpoint : broker.endpoints) {
    auto& listener = request.listeners.emplace_back();
    listener.name = endpoint.listener;
    listener.host = endpoint.host;
    listener.port = endpoint.port;
    listener.security_protocol = endpoint.security_protocol;
  }
  for (const metadata::SupportedFeature& supported : metadata::supported_features()) {
    auto& feature = request.features.emplace_back();
    feature.name = supported.name;
    feature.min_supported_version = supported.range.min;
    feature.max_supported_version = supported.range.max;
  }
  request.rack = core_->config.rack;
  request.log_dirs = broker.log_dirs;
  request.previous_broker_epoch = broker.previous_epoch.value();
  const auto response = co_await register_broker(std::move(request));
  if (response.error_code != ErrorCode::none) {
    co_return fail(response.error_code, "the controller refused the broker's registration");
  }
  co_return BrokerEpoch(response.broker_epoch);
}

namespace {

protocol::BrokerHeartbeatRequest own_heartbeat(const metadata::Image& image, BrokerId id) {
  protocol::BrokerHeartbeatRequest request;
  request.broker_id = id.value();
  if (const metadata::Broker* broker = image.broker(id)) {
    request.broker_epoch = broker->epoch.value();
  }
  request.current_metadata_offset = image.offset.value();
  return request;
}

}  // namespace

runtime::Task<Result<>> Controller::unfence_local() {
  auto request = own_heartbeat(*image(), core_->config.node_id);
  if (image()->metadata_version() >= 30) request.cordoned_log_dirs.emplace();  // none is cordoned
  const auto response = co_await broker_heartbeat(std::move(request));
  if (response.error_code != ErrorCode::none) {
    co_return fail(response.error_code, "the controller refused the broker's heartbeat");
  }
  if (response.is_fenced) {
    co_return fail(ErrorCode::broker_not_available, "the controller keeps the broker fenced");
  }
  co_return Result<>{};
}

runtime::Task<Result<>> Controller::leave_local() {
  // The first moves leaderships away, the second finds that done.
  constexpr int most_heartbeats = 10;
  for (int i = 0; i < most_heartbeats; ++i) {
    auto request = own_heartbeat(*image(), core_->config.node_id);
    request.want_shut_down = true;
    const auto response = co_await broker_heartbeat(std::move(request));
    if (response.error_code != ErrorCode::none) {
      co_return fail(response.error_code, "the controller refused the broker's leave");
    }
    if (response.should_shut_down) co_return Result<>{};
  }
  co_return fail(ErrorCode::request_timed_out, "other brokers have not applied the leave yet");
}

}  // namespace cairn::controller
