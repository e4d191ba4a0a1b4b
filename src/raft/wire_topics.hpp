// SPDX-License-Identifier: Apache-2.0
// The one partition inside the arrays of the quorum's messages: added on the way out, found on the
// way in. Invariant: nothing but __cluster_metadata-0 passes. Shared by the two halves of wire.hpp.
#pragma once

#include <cairn/raft/wire.hpp>

namespace cairn::raft {

template <class Wire>
auto& add_partition(Wire& wire) {
  auto& topic = wire.topics.emplace_back();
  topic.topic_name = metadata_topic_name;
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = 0;
  return partition;
}

template <class Topics>
auto only_partition(const Topics& topics)
    -> Result<const std::remove_cvref_t<decltype(topics[0].partitions[0])>*> {
  if (topics.size() != 1 || topics[0].partitions.size() != 1) {
    return fail(ErrorCode::invalid_request, "a message of the quorum names one partition");
  }
  const auto& partition = topics[0].partitions[0];
  if (topics[0].topic_name != metadata_topic_name || partition.partition_index != 0) {
    return fail(ErrorCode::unknown_topic_or_partition, "only the metadata log has a quorum");
  }
  return &partition;
}

}  // namespace cairn::raft
