// SPDX-License-Identifier: Apache-2.0
// OffsetDelete (key 47), version 0. Partitions that do not exist are refused here: what was
// committed for them goes with their topic.
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {

runtime::Task<protocol::OffsetDeleteResponse> handle(Broker& broker, const RequestContext&,
                                                     protocol::OffsetDeleteRequest request) {
  protocol::OffsetDeleteResponse reply;
  if (request.group_id.empty()) {
    reply.error_code = ErrorCode::invalid_group_id;
    co_return reply;
  }
  const auto image = broker.image();
  std::erase_if(request.topics, [&](auto& topic) {
    const auto* known = image->topic(topic.name);
    protocol::OffsetDeleteResponse::OffsetDeleteResponseTopic refused;
    refused.name = topic.name;
    std::erase_if(topic.partitions, [&](const auto& partition) {
      if (known && known->partition(PartitionIndex(partition.partition_index))) return false;
      auto& one = refused.partitions.emplace_back();
      one.partition_index = partition.partition_index;
      one.error_code = ErrorCode::unknown_topic_or_partition;
      return true;
    });
    if (!refused.partitions.empty()) reply.topics.push_back(std::move(refused));
    return topic.partitions.empty();
  });
  auto deleted = co_await broker.groups.delete_offsets(std::move(request));
  if (deleted.error_code != ErrorCode::none) co_return deleted;
  for (auto& topic : deleted.topics) {
    auto& known = reply.topics;
    const auto entry =
        std::ranges::find(known, topic.name, [](const auto& one) { return one.name; });
    if (entry == known.end()) {
      known.push_back(std::move(topic));
    } else {
      std::ranges::move(topic.partitions, std::back_inserter(entry->partitions));
    }
  }
  co_return reply;
}

}  // namespace cairn::broker
