// SPDX-License-Identifier: Apache-2.0
// Where the replicas of new partitions go: spread over racks and brokers, leaders evenly, fenced
// brokers never leading. Pure: brokers and a Random come in, assignments go out. The rule is
// Kafka's striped placement (a choice, not a contract: peers replay what was chosen).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/random.hpp>
#include <cairn/base/result.hpp>

namespace cairn::metadata {

struct UsableBroker {
  BrokerId id;
  std::optional<std::string> rack;
  bool fenced = false;
};

using Assignment = std::vector<BrokerId>;  // the first is the preferred leader

/// `count` assignments of `replication_factor` distinct brokers. Errors: invalid_replication_factor
/// when there are too few brokers, or none that is not fenced.
Result<std::vector<Assignment>> place(std::vector<UsableBroker> brokers, std::int32_t count,
                                      std::int16_t replication_factor, Random& random);

}  // namespace cairn::metadata
