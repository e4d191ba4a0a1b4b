// SPDX-License-Identifier: Apache-2.0
// What the log says of this node's place in the quorum: each change once. A quorum that finds no
// leader tries again and again; of that only the beginning is worth a line.
#pragma once

#include <cairn/raft/node.hpp>

namespace cairn::controller {

class RoleReport {
 public:
  /// After every step of the node.
  void look(const raft::Node& node);

 private:
  Epoch epoch_ = no_epoch;
  std::uint32_t said_ = 0;  // roles of this epoch, a bit each, since a leader was last heard
};

}  // namespace cairn::controller
