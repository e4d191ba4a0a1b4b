// SPDX-License-Identifier: Apache-2.0
// OffsetForLeaderEpoch (key 23), versions 2-4: where a leader epoch ended in this log, for
// consumers that look for truncation (KIP-320). Answered from the epoch cache alone.
#include <cairn/partition/partition_table.hpp>

#include "data.hpp"

namespace cairn::broker {

runtime::Task<protocol::OffsetForLeaderEpochResponse> handle(
    Broker& broker, const RequestContext&, protocol::OffsetForLeaderEpochRequest request) {
  protocol::OffsetForLeaderEpochResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.topic = topic.topic;
    for (const auto& asked : topic.partitions) {
      auto& answer = answered.partitions.emplace_back();
      answer.partition = asked.partition;
      const PartitionIndex index(asked.partition);
      const auto partition = broker.partitions.find(topic.topic, index);
      if (!partition) {
        answer.error_code = broker.partitions.why_missing(topic.topic, index);
        continue;
      }
      if (auto leads = partition->check_leader(Epoch(asked.current_leader_epoch)); !leads) {
        answer.error_code = leads.error().code;
        continue;
      }
      const log::EpochEnd end = partition->log().epoch_end(Epoch(asked.leader_epoch));
      answer.leader_epoch = end.epoch.value();
      answer.end_offset = end.end_offset.value();
    }
  }
  co_return response;
}

}  // namespace cairn::broker
