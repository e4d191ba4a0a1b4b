// SPDX-License-Identifier: Apache-2.0
// The settings a group machine decides by, as plain values in Kafka's words and defaults. The actor
// fills them from the server's configuration.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace cairn::group {

using Milliseconds = std::chrono::milliseconds;

struct GroupConfig {
  Milliseconds group_min_session_timeout{6'000};
  Milliseconds group_max_session_timeout{1'800'000};
  Milliseconds group_initial_rebalance_delay{3'000};
  std::int32_t group_max_size = std::numeric_limits<std::int32_t>::max();
  std::int32_t offset_metadata_max_bytes = 4'096;
  Milliseconds offsets_retention{std::chrono::minutes(10'080)};
  Milliseconds offsets_retention_check_interval{600'000};
  Milliseconds new_member_join_timeout{300'000};  // Kafka's constant: a first join nobody waits for
};

}  // namespace cairn::group
