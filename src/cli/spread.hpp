// SPDX-License-Identifier: Apache-2.0
// Where the replicas of a topic go if they are to lie evenly on given brokers, each partition's on
// as many racks as there are, and its preferred leaders evenly too, with few replicas moved.
// Pure: the same question has the same answer. Owner: `cairn cluster reassign`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::cli {

struct SpreadTarget {
  BrokerId id;
  std::optional<std::string> rack;  // counts only if every target has one
};

/// The replicas of each partition in turn, the preferred leader first.
using Replicas = std::vector<BrokerId>;

class Spread {
 public:
  explicit Spread(std::vector<SpreadTarget> targets);

  /// Places one topic evenly. Where that leaves a choice, what was placed before decides, so that
  /// many small topics do not gather on a few brokers. invalid_replication_factor if there are
  /// fewer targets than replicas to place, or none are.
  Result<std::vector<Replicas>> place(const std::vector<Replicas>& current,
                                      std::size_t replication_factor);

  struct Load {
    std::size_t replicas = 0;
    std::size_t leaders = 0;
  };

 private:
  std::map<BrokerId, std::string> racks_;  // each its own where not all have one
  std::map<BrokerId, Load> before_;
};

}  // namespace cairn::cli
