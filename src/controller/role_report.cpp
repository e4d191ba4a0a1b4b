// SPDX-License-Identifier: Apache-2.0
#include "role_report.hpp"

#include <cairn/base/log.hpp>

namespace cairn::controller {
namespace {

void say(const raft::Node& node) {
  const Epoch epoch = node.epoch();
  if (node.is_leader()) {
    logging::info("leads the metadata quorum epoch={} end={}", epoch, node.log_end());
  } else if (const auto* follower = std::get_if<raft::Follower>(&node.role())) {
    logging::info("follows controller {} epoch={} end={}", follower->leader, epoch, node.log_end());
  } else if (std::holds_alternative<raft::Resigned>(node.role())) {
    logging::info("leads the metadata quorum no longer epoch={} end={}", epoch, node.log_end());
  } else if (std::holds_alternative<raft::Candidate>(node.role())) {
    logging::info("asks for votes epoch={} end={}", epoch, node.log_end());
  } else if (std::holds_alternative<raft::Prospective>(node.role())) {
    logging::info("hears of no leader, asks whether it would be voted for epoch={} end={}", epoch,
                  node.log_end());
  }
}

}  // namespace

void RoleReport::look(const raft::Node& node) {
  if (node.epoch() != epoch_) {
    epoch_ = node.epoch();
    said_ = 0;
  }
  const std::uint32_t bit = 1U << node.role().index();
  const auto* follower = std::get_if<raft::Follower>(&node.role());
  if (follower != nullptr && !follower->has_fetched) return;  // it may be gone
  if ((said_ & bit) == 0) say(node);
  const bool has_leader = follower != nullptr || node.is_leader();
  said_ = has_leader ? bit : said_ | bit;
}

}  // namespace cairn::controller
