// SPDX-License-Identifier: Apache-2.0
// The in-sync replicas as their leader proposes them to the controller (AlterPartition), and what
// its answers mean (facts: kraft.md §4.4). Values only; LeaderState decides by them.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::replication {

/// A member and the incarnation that is meant: the controller refuses another (KIP-903, L6).
struct IsrMember {
  BrokerId id;
  BrokerEpoch epoch = no_broker_epoch;  // unknown: not checked

  bool operator==(const IsrMember&) const = default;
};

struct IsrProposal {
  Epoch leader_epoch;
  std::int32_t partition_epoch = 0;  // that it is based on
  std::vector<IsrMember> isr{};
  bool expands = false;

  bool operator==(const IsrProposal&) const = default;
};

/// The controller's answer to one proposal.
struct IsrAnswer {
  ErrorCode error = ErrorCode::none;
  Epoch leader_epoch = no_epoch;
  std::int32_t partition_epoch = -1;
  std::vector<BrokerId> isr{};
};

enum class IsrOutcome {
  committed,   // it is in force
  withdrawn,   // refused, certainly not applied: back to what is committed
  unknown,     // the metadata will tell
  send_again,  // nothing is known, and nothing else will tell
};

/// The epoch of a broker's registration if it may be in an ISR (neither fenced nor shutting down),
/// as far as the leader's metadata goes.
using EligibleEpoch = std::function<std::optional<BrokerEpoch>(BrokerId)>;

}  // namespace cairn::replication
