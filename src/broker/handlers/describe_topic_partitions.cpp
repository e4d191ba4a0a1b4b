// SPDX-License-Identifier: Apache-2.0
// DescribeTopicPartitions (key 75), version 0. Partitions with their eligible leader replicas, a
// page at a time: topics in order of name, and a cursor to the first partition that did not fit. No
// topics asked for means all.
#include <algorithm>
#include <set>

#include <cairn/metadata/topics.hpp>

#include "admin.hpp"
#include "topic_view.hpp"

namespace cairn::broker {
namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;
using DescribedTopic = DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic;
using PartitionResult = DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponsePartition;

struct Page {
  const metadata::Image& image;
  const std::string& listener;
  std::int32_t room;
  DescribeTopicPartitionsResponse& response;

  void set_cursor(const std::string& topic, std::int32_t partition) const {
    auto& cursor = response.next_cursor.emplace();
    cursor.topic_name = topic;
    cursor.partition_index = partition;
  }

  /// False when the page is full, and the cursor set.
  bool add(const std::string& name, std::int32_t first_partition, bool name_missing_ones) {
    if (room == 0) return set_cursor(name, first_partition), false;
    DescribedTopic result;
    result.name = name;
    result.is_internal = metadata::is_internal_topic(name);
    result.topic_authorized_operations = topic_operations;
    const metadata::Topic* topic = image.topic(name);
    if (topic == nullptr) {
      result.error_code = why_missing(name);
      if (name_missing_ones) response.topics.push_back(std::move(result));
      return true;
    }
    result.topic_id = topic->id;
    auto at = topic->partitions.lower_bound(PartitionIndex(first_partition));
    for (; at != topic->partitions.end() && room > 0; ++at, --room) {
      result.partitions.push_back(describe(at->first, at->second));
    }
    response.topics.push_back(std::move(result));
    if (at == topic->partitions.end()) return true;
    return set_cursor(name, at->first.value()), false;
  }

  PartitionResult describe(PartitionIndex index, const metadata::Partition& partition) const {
    PartitionView view = view_of(image, partition, listener, ErrorCode::listener_not_found);
    PartitionResult entry;
    entry.error_code = view.error;
    entry.partition_index = index.value();
    entry.leader_id = view.leader;
    entry.leader_epoch = partition.leader_epoch.value();
    entry.replica_nodes = std::move(view.replicas);
    entry.isr_nodes = std::move(view.isr);
    entry.eligible_leader_replicas = to_numbers(partition.elr);
    entry.last_known_elr = to_numbers(partition.last_known_elr);
    entry.offline_replicas = std::move(view.offline);
    return entry;
  }
};

}  // namespace

runtime::Task<DescribeTopicPartitionsResponse> handle(Broker& broker, const RequestContext& context,
                                                      DescribeTopicPartitionsRequest request) {
  DescribeTopicPartitionsResponse response;
  if (request.cursor && request.cursor->partition_index < 0) {
    for (const auto& topic : request.topics) {
      DescribedTopic& result = response.topics.emplace_back();
      result.error_code = ErrorCode::invalid_request;
      result.name = topic.name;
    }
    co_return response;
  }
  const auto image = broker.image();
  const std::int32_t most = broker.effective_config()->fetch.max_request_partitions;
  const std::int32_t room = std::clamp(request.response_partition_limit, 1, most);
  Page page{*image, context.listener_name, room, response};
  const std::string from = request.cursor ? request.cursor->topic_name : std::string();
  const std::int32_t from_partition = request.cursor ? request.cursor->partition_index : 0;
  const auto first_partition = [&](const std::string& name) {
    return name == from ? from_partition : 0;
  };
  if (request.topics.empty()) {
    for (auto at = image->topic_ids.lower_bound(from); at != image->topic_ids.end(); ++at) {
      if (!page.add(at->first, first_partition(at->first), false)) break;
    }
    co_return response;
  }
  std::set<std::string> names;
  for (const auto& topic : request.topics) names.insert(topic.name);
  for (auto at = names.lower_bound(from); at != names.end(); ++at) {
    if (!page.add(*at, first_partition(*at), true)) break;
  }
  co_return response;
}

}  // namespace cairn::broker
