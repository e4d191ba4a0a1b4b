// SPDX-License-Identifier: Apache-2.0
// Crosses to the controller's shard and back: `call` makes the controller's task there. The call's
// captures are values, or references to what outlives the request.
#pragma once

#include <type_traits>
#include <utility>

#include <cairn/broker/broker.hpp>
#include <cairn/controller/controller.hpp>

namespace cairn::broker {

template <class Call>
auto on_controller(Broker& broker, Call call) {
  return runtime::call_on(broker.shard, broker.controller_shard, std::move(call));
}

/// Asks the controller what `method` answers. For handlers that do no more than that.
template <class Response, class... Args>
runtime::Task<Response> ask_controller(
    Broker& broker, runtime::Task<Response> (controller::Controller::*method)(Args...),
    std::type_identity_t<Args>... args) {
  auto call = [&controller = broker.controller, method, ... args = std::move(args)]() mutable {
    return (controller.*method)(std::move(args)...);
  };
  auto answer = on_controller(broker, std::move(call));
  co_return co_await std::move(answer);
}

}  // namespace cairn::broker
