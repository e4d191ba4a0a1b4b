// SPDX-License-Identifier: Apache-2.0
// Looks at a cluster for health.hpp: asks what there is to ask, once. What an older broker does not
// serve is left out. Owner: the command.
#pragma once

#include "health.hpp"

namespace cairn::cli {

/// Fails if no broker answers; a quorum that does not answer is part of the sighting.
runtime::Task<Result<Sighting>> look_at(client::Admin& admin);

/// The moves under way; none of a broker that knows no moves.
runtime::Task<Result<std::map<TopicPartition, client::Reassignment>>> moves_under_way(
    client::Admin& admin);
/// min.insync.replicas of each topic.
runtime::Task<Result<std::map<std::string, std::int32_t>>> min_isr_of(
    client::Admin& admin, std::vector<std::string> topics);

}  // namespace cairn::cli
