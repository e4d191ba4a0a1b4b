// SPDX-License-Identifier: Apache-2.0
// OffsetFetch (key 9), versions 1-10. 2: null topics mean all, an error for the whole; 5: leader
// epoch; 7: require_stable (without transactions every offset is stable); 8: several groups; 9:
// member id and epoch of KIP-848 groups, which are not served; 10: topics by id.
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {
namespace {

using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using AskedGroup = OffsetFetchRequest::OffsetFetchRequestGroup;
using Fetched = OffsetFetchResponse::OffsetFetchResponseGroup;

constexpr std::int16_t first_with_whole_error = 2;
constexpr std::int16_t first_with_groups = 8;
constexpr std::int16_t first_fetch_with_topic_ids = 10;

/// The one group of the older versions, as the newer ones put it.
AskedGroup only_group(OffsetFetchRequest& request) {
  AskedGroup group;
  group.group_id = std::move(request.group_id);
  if (!request.topics) return group.topics.reset(), group;
  for (auto& topic : *request.topics) {
    auto& to = group.topics->emplace_back();
    to.name = std::move(topic.name);
    to.partition_indexes = std::move(topic.partition_indexes);
  }
  return group;
}

void refuse(auto& partitions, const std::vector<std::int32_t>& indexes, ErrorCode why) {
  for (const std::int32_t index : indexes) {
    auto& to = partitions.emplace_back();
    to.partition_index = index;
    to.committed_offset = no_offset.value();
    to.metadata = "";
    to.error_code = why;
  }
}

/// Names and ids both, as far as the metadata knows; topics of unknown id are answered at once.
std::vector<OffsetFetchResponse::OffsetFetchResponseTopics> resolve(const metadata::Image& image,
                                                                    AskedGroup& group,
                                                                    std::int16_t version) {
  std::vector<OffsetFetchResponse::OffsetFetchResponseTopics> unknown;
  if (!group.topics) return unknown;
  std::erase_if(*group.topics, [&](auto& topic) {
    const bool by_id = version >= first_fetch_with_topic_ids;
    const auto* found = by_id ? image.topic(topic.topic_id) : image.topic(topic.name);
    if (found) {
      topic.name = found->name;
      topic.topic_id = found->id;
    } else if (by_id) {
      auto& to = unknown.emplace_back();
      to.topic_id = topic.topic_id;
      refuse(to.partitions, topic.partition_indexes, ErrorCode::unknown_topic_id);
      return true;
    }
    return false;
  });
  return unknown;
}

/// Of all topics of a group, those that can be said by id.
void identify(const metadata::Image& image, Fetched& group) {
  std::erase_if(group.topics, [&](auto& topic) {
    if (!topic.topic_id.is_zero()) return false;
    const auto* found = image.topic(topic.name);
    if (found) topic.topic_id = found->id;
    return !found;
  });
}

OffsetFetchResponse as_only_group(Fetched group, AskedGroup asked, std::int16_t version) {
  OffsetFetchResponse reply;
  reply.error_code = group.error_code;
  if (group.error_code != ErrorCode::none && version < first_with_whole_error && asked.topics) {
    for (auto& topic : *asked.topics) {
      auto& to = reply.topics.emplace_back();
      to.name = std::move(topic.name);
      refuse(to.partitions, topic.partition_indexes, group.error_code);
    }
    return reply;
  }
  for (auto& topic : group.topics) {
    auto& to = reply.topics.emplace_back();
    to.name = std::move(topic.name);
    for (auto& partition : topic.partitions) {
      auto& one = to.partitions.emplace_back();
      one.partition_index = partition.partition_index;
      one.committed_offset = partition.committed_offset;
      one.committed_leader_epoch = partition.committed_leader_epoch;
      one.metadata = std::move(partition.metadata);
      one.error_code = partition.error_code;
    }
  }
  return reply;
}

}  // namespace

runtime::Task<OffsetFetchResponse> handle(Broker& broker, const RequestContext& context,
                                          OffsetFetchRequest request) {
  const auto image = broker.image();
  const bool one = context.version < first_with_groups;
  if (one) {
    AskedGroup asked = only_group(request);
    resolve(*image, asked, context.version);
    auto fetched = co_await broker.groups.fetch_offsets(asked);
    co_return as_only_group(std::move(fetched), std::move(asked), context.version);
  }
  OffsetFetchResponse reply;
  for (AskedGroup& asked : request.groups) {
    auto unknown = resolve(*image, asked, context.version);
    auto fetched = co_await broker.groups.fetch_offsets(std::move(asked));
    if (fetched.error_code == ErrorCode::none) {
      if (context.version >= first_fetch_with_topic_ids) identify(*image, fetched);
      std::ranges::move(unknown, std::back_inserter(fetched.topics));
    }
    reply.groups.push_back(std::move(fetched));
  }
  co_return reply;
}

}  // namespace cairn::broker
