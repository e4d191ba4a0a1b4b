// SPDX-License-Identifier: Apache-2.0
// The node's own broker: it registers, unfences and leaves (facts: kraft.md §4.1, §4.2).
#include <cairn/base/log.hpp>
#include <cairn/controller/controller.hpp>

#include "core.hpp"
#include "self_description.hpp"

namespace cairn::controller {

using runtime::Task;

namespace {

constexpr Duration retry_interval = std::chrono::milliseconds(50);
constexpr Duration catch_up_interval = std::chrono::milliseconds(10);
constexpr Duration leaving_interval = std::chrono::milliseconds(50);
constexpr Duration local_interval = std::chrono::milliseconds(1);  // without a network
constexpr Duration look_interval = std::chrono::milliseconds(50);  // at the way to the controller
constexpr Duration leave_limit = std::chrono::seconds(10);
constexpr Duration leave_limit_unanswered = std::chrono::seconds(2);  // since the last answer

/// Trying again later cannot help.
bool is_final(ErrorCode code) {
  return code == ErrorCode::inconsistent_cluster_id || code == ErrorCode::invalid_registration ||
         code == ErrorCode::unsupported_version || code == ErrorCode::kafka_storage_error ||
         code == ErrorCode::cluster_authorization_failed;
}

/// Until the next heartbeat is due: after the pause, or as soon as another controller leads or the
/// connection to it is broken, for a broker without one is soon taken for dead.
template <class Core>
Task<> wait_for_next_heartbeat(Core& core, Duration pause) {
  const Instant due = core.now() + pause;
  const auto leader = core.node->leader();
  while (core.now() < due) {
    const Instant look = core.is_alone() ? due : std::min(due, core.now() + look_interval);
    if (co_await core.broker.changed.wait_until(core.shard.clock(), look)) co_return;
    if (core.stopping || core.node->leader() != leader) co_return;
    if (co_await runtime::cancelled()) co_return;
    if (core.active() || !leader) continue;
    const auto peer = core.peers.find(*leader, Lane::heartbeats);
    if (peer == nullptr || !peer->connected()) co_return;
  }
}

}  // namespace

protocol::BrokerRegistrationRequest Controller::Core::registration_of(
    const LocalBroker& self) const {
  protocol::BrokerRegistrationRequest request;
  request.broker_id = config.node_id.value();
  request.cluster_id = identity.cluster_id;
  request.incarnation_id = identity.incarnation;
  describe_self(request, self.endpoints);
  request.rack = config.rack;
  request.log_dirs = self.log_dirs;
  request.previous_broker_epoch = self.previous_epoch.value();
  return request;
}

Task<Result<BrokerEpoch>> Controller::Core::register_own(LocalBroker self) {
  broker.self = self;
  const Instant deadline = now() + config.broker.initial_registration_timeout;
  ErrorCode said = ErrorCode::none;
  for (bool first = true;; first = false) {
    if (!first && !co_await shard.clock().sleep_for(retry_interval)) {
      co_return fail(ErrorCode::request_timed_out, "stopped while the broker registered");
    }
    protocol::BrokerRegistrationRequest request = registration_of(self);
    Result<protocol::BrokerRegistrationResponse> response =
        active() ? co_await decide_registration(std::move(request))
                 : co_await call_active(Lane::heartbeats, std::move(request), heartbeat_timeout());
    const ErrorCode code = response ? response->error_code : response.error().code;
    if (code == ErrorCode::none) {
      broker.epoch = BrokerEpoch(response->broker_epoch);
      break;
    }
    if (std::exchange(said, code) != code && code != ErrorCode::not_controller) {
      logging::info("registering broker.id={}: {}", config.node_id, to_string(code));
    }
    if (is_final(code)) {
      co_return fail(code, "the controller refused the broker's registration");
    }
    if (stopping || abandoned || failed.is_set() || now() >= deadline) {
      co_return fail(code, "no controller has accepted the broker's registration in time");
    }
  }
  // Only an image with the registration in it is newer than whatever this broker knew before: an
  // older one may lack partitions of ours, whose logs would be taken for strays.
  while (committed.image()->offset < Offset(broker.epoch.value())) {
    if (stopping || abandoned || failed.is_set() || !co_await progress.wait()) {
      co_return fail(ErrorCode::request_timed_out, "stopped while the broker registered");
    }
  }
  publisher.open();
  co_await publisher.delivered(committed.image()->offset, std::nullopt);
  tasks.spawn(send_heartbeats());
  co_return broker.epoch;
}

Duration Controller::Core::heartbeat_timeout() const {
  return std::min<Duration>(config.controller.broker_session_timeout,
                            config.quorum.request_timeout);
}

protocol::BrokerHeartbeatRequest Controller::Core::own_heartbeat() const {
  protocol::BrokerHeartbeatRequest request;
  request.broker_id = config.node_id.value();
  request.broker_epoch = broker.epoch.value();
  request.current_metadata_offset = publisher.applied().value();
  request.want_fence = broker.want_fence;
  request.want_shut_down = broker.want_shut_down;
  request.offline_log_dirs = broker.failed_directories;
  // None is cordoned.
  if (committed.image()->metadata_version() >= 30) request.cordoned_log_dirs.emplace();
  return request;
}

/// Until the next one, unless something changes before.
Duration Controller::Core::heartbeat_pause(ErrorCode last) const {
  const Duration usual = config.broker.heartbeat_interval;
  if (last != ErrorCode::none) return std::min(retry_interval, usual);
  if (broker.want_shut_down) return active() ? local_interval : leaving_interval;
  if (broker.want_fence || !broker.fenced) return usual;
  return active() ? local_interval : catch_up_interval;
}

Task<> Controller::Core::send_heartbeats() {
  while (!stopping && !broker.may_stop) {
    protocol::BrokerHeartbeatRequest request = own_heartbeat();
    const bool wanted_shut_down = request.want_shut_down;
    Result<protocol::BrokerHeartbeatResponse> response =
        active() ? co_await decide_heartbeat(std::move(request))
                 : co_await call_active(Lane::heartbeats, std::move(request), heartbeat_timeout());
    const ErrorCode code = response ? response->error_code : response.error().code;
    if (code == ErrorCode::none) {
      broker.fenced = response->is_fenced;
      broker.may_stop = wanted_shut_down && response->should_shut_down;
    } else if (code != broker.last_error && code != ErrorCode::not_controller) {
      logging::warn("heartbeat of broker.id={} epoch={}: {}", config.node_id, broker.epoch,
                    to_string(code));
    }
    broker.last_error = code;
    if (code == ErrorCode::none) ++broker.answers;
    broker.answered.set();
    co_await wait_for_next_heartbeat(*this, heartbeat_pause(code));
    if (co_await runtime::cancelled()) co_return;
  }
}

Task<Result<BrokerEpoch>> Controller::register_local(LocalBroker broker) {
  return core_->register_own(std::move(broker));
}

Task<Result<>> Controller::unfence_local() {
  Core& core = *core_;
  core.broker.want_fence = false;
  core.broker.changed.set();
  while (core.broker.fenced) {
    if (core.stopping || core.abandoned || core.failed.is_set() ||
        !co_await core.broker.answered.wait()) {
      co_return fail(ErrorCode::broker_not_available, "stopped while the broker was fenced");
    }
  }
  co_return Result<>{};
}

void Controller::report_failed_directories(std::vector<DirectoryId> failed) {
  if (failed == core_->broker.failed_directories) return;
  core_->broker.failed_directories = std::move(failed);
  core_->broker.changed.set();
}

Task<Result<>> Controller::leave_local() {
  Core& core = *core_;
  if (core.broker.epoch == no_broker_epoch) co_return Result<>{};
  core.broker.want_shut_down = true;
  core.broker.changed.set();
  const Instant limit = core.now() + leave_limit;
  Instant silent_until = core.now() + leave_limit_unanswered;
  std::uint64_t answers = core.broker.answers;
  while (!core.broker.may_stop) {
    // Where all nodes stop at once, there is no quorum for long, though there was one at first.
    if (std::exchange(answers, core.broker.answers) != answers) {
      silent_until = core.now() + leave_limit_unanswered;
    }
    if (core.failed.is_set() || core.now() >= silent_until) {
      co_return fail(ErrorCode::request_timed_out, "no controller answers");
    }
    if (core.now() >= limit) {
      co_return fail(ErrorCode::request_timed_out, "its leaderships were not all moved");
    }
    co_await core.broker.answered.wait_until(core.shard.clock(), std::min(limit, silent_until));
    if (co_await runtime::cancelled()) {
      co_return fail(ErrorCode::request_timed_out, "cancelled");
    }
  }
  co_return Result<>{};
}

}  // namespace cairn::controller
