// SPDX-License-Identifier: Apache-2.0
// A group's committed offsets: written and read through its coordinator, tried again while the
// failure is one that passes. Owner: none; free functions over a CoordinatorLink, which outlives
// the call.
#pragma once

#include <cairn/client/consumer.hpp>

#include "coordinator_link.hpp"

namespace cairn::client {

/// In whose name offsets are committed; the default is "nobody's", for groups without members.
struct CommitIdentity {
  std::int32_t generation = -1;
  std::string member_id;
  std::optional<std::string> instance_id;
};

/// The outcome for each partition. Fails as a whole only when no coordinator answered.
runtime::Task<Result<std::map<TopicPartition, ErrorCode>>> commit_offsets(CoordinatorLink& link,
                                                                          CommitIdentity identity,
                                                                          CommittedOffsets offsets,
                                                                          Instant deadline);

/// Those of the partitions that have one; of all partitions if none are given.
runtime::Task<Result<CommittedOffsets>> fetch_offsets(CoordinatorLink& link,
                                                      std::optional<Partitions> partitions,
                                                      Instant deadline);

}  // namespace cairn::client
