// SPDX-License-Identifier: Apache-2.0
// Which partitions get another leader by the records of a decision, and what that costs: a leader
// that was out of sync may lack records that were acknowledged. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <cairn/metadata/image.hpp>
#include <cairn/metadata/record.hpp>

namespace cairn::metadata {

enum class ElectedFrom {
  isr,
  eligible,     // out of sync, but it has all that is committed (KIP-966)
  out_of_sync,  // unclean: records that only others had are lost
};

struct LeaderElection {
  std::string topic;
  PartitionIndex partition;
  BrokerId leader;
  ElectedFrom from;
};

/// Those that the records of a decision on `before` make. A partition that loses its leader and
/// gets none, or that is new, has no election.
std::vector<LeaderElection> elections(const Image& before, std::span<const Record> records);

}  // namespace cairn::metadata
