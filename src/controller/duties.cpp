// SPDX-License-Identifier: Apache-2.0
// What the active controller decides about brokers and controllers that also touches its soft
// state, and the registration of this controller with whoever is active.
#include <cairn/base/log.hpp>

#include "core.hpp"
#include "refusals.hpp"
#include "self_description.hpp"

namespace cairn::controller {

using metadata::Decision;
using metadata::Image;
using runtime::Task;

namespace {

constexpr Duration registration_retry = std::chrono::milliseconds(500);

}  // namespace

Task<protocol::BrokerRegistrationResponse> Controller::Core::decide_registration(
    protocol::BrokerRegistrationRequest request) {
  using Response = protocol::BrokerRegistrationResponse;
  std::function<Decision<Response>(const Image&)> decide = [&](const Image& image) {
    const metadata::BrokerContext context = broker_context();
    auto decision = metadata::register_broker(image, heartbeats, context, request);
    if (decision.response.error_code == ErrorCode::none) {
      const BrokerEpoch epoch(decision.response.broker_epoch);
      heartbeats.touch(BrokerId(request.broker_id), epoch, context.now, no_offset);
    }
    return decision;
  };
  auto performing = perform<Response>(std::move(decide));
  const Result<Response> response = co_await std::move(performing);
  co_return response ? *response : refuse(request, response.error());
}

Task<protocol::BrokerHeartbeatResponse> Controller::Core::decide_heartbeat(
    protocol::BrokerHeartbeatRequest request) {
  using Response = protocol::BrokerHeartbeatResponse;
  std::function<Decision<Response>(const Image&)> decide = [&](const Image& image) {
    const metadata::BrokerContext context = broker_context();
    const BrokerId id(request.broker_id);
    auto decision = metadata::broker_heartbeat(image, heartbeats, context, request);
    const metadata::Broker* before = image.broker(id);
    const bool leaves = before != nullptr && !before->fenced && decision.response.is_fenced;
    if (leaves) {
      heartbeats.forget(id);  // whoever comes as it from now on need not wait for its session
    } else if (decision.response.error_code == ErrorCode::none) {
      heartbeats.touch(id, BrokerEpoch(request.broker_epoch), context.now,
                       Offset(request.current_metadata_offset));
      const bool begins = request.want_shut_down && !decision.response.should_shut_down;
      if (begins && !decision.records.empty()) {
        const auto count = static_cast<std::int64_t>(decision.records.size());
        heartbeats.set_shutdown_offset(id, context.next_offset + (count - 1));
      }
    }
    return decision;
  };
  auto performing = perform<Response>(std::move(decide));
  const Result<Response> response = co_await std::move(performing);
  co_return response ? *response : refuse(request, response.error());
}

Task<protocol::ControllerRegistrationResponse> Controller::Core::decide_controller_registration(
    protocol::ControllerRegistrationRequest request) {
  using Response = protocol::ControllerRegistrationResponse;
  std::function<Decision<Response>(const Image&)> decide = [&](const Image& image) {
    return metadata::register_controller(image, request);
  };
  auto performing = perform<Response>(std::move(decide));
  const Result<Response> response = co_await std::move(performing);
  co_return response ? *response : refuse(request, response.error());
}

protocol::ControllerRegistrationRequest Controller::Core::own_controller_registration() const {
  protocol::ControllerRegistrationRequest request;
  request.controller_id = config.node_id.value();
  request.incarnation_id = identity.incarnation;
  describe_self(request, identity.controller_endpoints);
  return request;
}

bool Controller::Core::is_registered() const {
  const Image& image = active() ? latest() : *committed.image();
  const auto* known = image.controllers.find(config.node_id);
  return known != nullptr && known->incarnation_id == identity.incarnation;
}

/// A standby controller registers with the active one, again until it finds itself in the log.
Task<> Controller::Core::keep_registered() {
  while (!stopping && !failed.is_set()) {
    const bool can = committed.image()->metadata_version() >= 15;
    if (can && !is_registered() && !active()) {
      auto answer = co_await call_active(Lane::heartbeats, own_controller_registration(),
                                         heartbeat_timeout());
      if (answer && answer->error_code != ErrorCode::none &&
          answer->error_code != ErrorCode::not_controller) {
        logging::warn("registering controller.id={}: {}", config.node_id,
                      to_string(answer->error_code));
      }
    }
    // Once registered only a loss of that record, with its leader, would make it due again.
    const Duration pause = is_registered() ? 20 * registration_retry : registration_retry;
    if (!co_await shard.clock().sleep_for(pause)) co_return;
  }
}

}  // namespace cairn::controller
