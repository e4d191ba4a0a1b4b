// SPDX-License-Identifier: Apache-2.0
// Between the quorum node and the wire: sends what it wants said and brings back the answers as
// values. A request that gets no answer comes back as a failure; nothing is sent twice. Used on the
// controller's shard. Owner: Controller::Core, whose task group runs the exchanges.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <cairn/raft/output.hpp>
#include <cairn/runtime/task_group.hpp>

#include "peers.hpp"

namespace cairn::controller {

struct QuorumAnswer {
  std::uint64_t number = 0;  // of the Send
  BrokerId from;
  std::optional<raft::Response> response;  // none: no answer came
  std::shared_ptr<const void> owner;       // of the views in it
  bool refused = false;                    // nothing listens at the node's address
};

class QuorumLink {
 public:
  using Take = std::function<void(QuorumAnswer)>;

  QuorumLink(runtime::Shard& shard, Peers& peers, Take take)
      : shard_(shard), peers_(peers), take_(std::move(take)) {}

  /// One task an exchange; it ends with a call of `take`.
  void send(runtime::TaskGroup& tasks, raft::Send send, Duration timeout);
  /// Exchanges that have not ended.
  int open() const { return open_; }

 private:
  runtime::Task<> exchange(raft::Send send, Instant deadline);

  runtime::Shard& shard_;
  Peers& peers_;
  Take take_;
  int open_ = 0;
};

}  // namespace cairn::controller
