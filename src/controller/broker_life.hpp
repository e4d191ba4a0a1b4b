// SPDX-License-Identifier: Apache-2.0
// What the node's own broker wants of the active controller and what it was told last. Its
// registration, heartbeats and leave go over the network, or by a direct call where this very node
// is the active controller; which of the two may change from one heartbeat to the next.
//
//   registering --> fenced --wants to serve, caught up--> unfenced --wants to stop--> may stop
//
// Owner: Controller::Core.
#pragma once

#include <optional>

#include <cairn/controller/controller.hpp>
#include <cairn/runtime/event.hpp>

namespace cairn::controller {

struct BrokerLife {
  std::optional<LocalBroker> self;  // once it wants to be registered
  BrokerEpoch epoch = no_broker_epoch;
  bool want_fence = true;
  bool want_shut_down = false;
  std::vector<DirectoryId> failed_directories;  // of those it registered with
  bool fenced = true;                           // as the last answer said
  bool may_stop = false;
  std::uint64_t answers = 0;  // to heartbeats
  ErrorCode last_error = ErrorCode::none;
  runtime::Event changed;   // for the loop: do not wait for the interval
  runtime::Event answered;  // a heartbeat was
};

}  // namespace cairn::controller
