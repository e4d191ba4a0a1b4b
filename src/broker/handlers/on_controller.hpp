// SPDX-License-Identifier: Apache-2.0
// Crosses to the controller's shard and back: `call` makes the controller's task there. The call's
// captures are values, or references to what outlives the request.
#pragma once

#include <utility>

#include <cairn/broker/broker.hpp>
#include <cairn/controller/controller.hpp>

namespace cairn::broker {

template <class Call>
auto on_controller(Broker& broker, Call call) {
  return runtime::call_on(broker.shard, broker.controller_shard, std::move(call));
}

}  // namespace cairn::broker
