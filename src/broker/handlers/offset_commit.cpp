// SPDX-License-Identifier: Apache-2.0
// OffsetCommit (key 8), versions 2-10. 2-4: retention time; 6: leader epoch; 7: static members;
// 10: topics by id. Partitions that do not exist are refused here, the rest go to the coordinator.
#include <cairn/coordinator/group_coordinator.hpp>

#include "group.hpp"

namespace cairn::broker {
namespace {

using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;

constexpr std::int16_t first_with_topic_ids = 10;

struct Checked {
  OffsetCommitRequest valid;           // what exists, with names and ids
  std::vector<std::size_t> positions;  // of valid.topics in the reply
  OffsetCommitResponse reply;          // every topic asked for, with the refused partitions
};

Checked check(const metadata::Image& image, OffsetCommitRequest request, std::int16_t version) {
  Checked checked;
  auto topics = std::move(request.topics);
  request.topics.clear();
  checked.valid = std::move(request);
  for (auto& asked : topics) {
    const bool by_id = version >= first_with_topic_ids;
    const auto* topic = by_id ? image.topic(asked.topic_id) : image.topic(asked.name);
    auto& reply = checked.reply.topics.emplace_back();
    reply.name = asked.name;
    reply.topic_id = asked.topic_id;
    auto valid = asked;
    valid.partitions.clear();
    if (topic) {
      valid.name = topic->name;
      valid.topic_id = topic->id;
    }
    for (auto& partition : asked.partitions) {
      if (topic && topic->partition(PartitionIndex(partition.partition_index))) {
        valid.partitions.push_back(std::move(partition));
        continue;
      }
      auto& refused = reply.partitions.emplace_back();
      refused.partition_index = partition.partition_index;
      refused.error_code =
          !topic && by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
    }
    if (valid.partitions.empty()) continue;
    checked.valid.topics.push_back(std::move(valid));
    checked.positions.push_back(checked.reply.topics.size() - 1);
  }
  return checked;
}

}  // namespace

runtime::Task<OffsetCommitResponse> handle(Broker& broker, const RequestContext& context,
                                           OffsetCommitRequest request) {
  Checked checked = check(*broker.image(), std::move(request), context.version);
  if (checked.valid.topics.empty()) co_return std::move(checked.reply);
  const Instant began = broker.now();
  auto committed = co_await broker.groups.commit_offsets(context.version, std::move(checked.valid));
  context.note_wait(broker.now() - began);
  for (std::size_t i = 0; i < committed.topics.size(); ++i) {
    auto& to = checked.reply.topics[checked.positions[i]].partitions;
    for (auto& partition : committed.topics[i].partitions) to.push_back(std::move(partition));
  }
  co_return std::move(checked.reply);
}

}  // namespace cairn::broker
