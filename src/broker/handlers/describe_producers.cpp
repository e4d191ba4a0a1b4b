// SPDX-License-Identifier: Apache-2.0
// DescribeProducers (key 61), version 0: the producers a partition's leader remembers (KIP-664).
#include <cairn/partition/partition_table.hpp>

#include "data.hpp"

namespace cairn::broker {
namespace {

using ProducersAnswer = protocol::DescribeProducersResponse::PartitionResponse;

void describe(const partition::Partition& partition, ProducersAnswer& answer) {
  for (const log::ProducerEntry& entry : partition.log().producers().entries()) {
    auto& producer = answer.active_producers.emplace_back();
    producer.producer_id = entry.id.value();
    producer.producer_epoch = entry.epoch.value();
    producer.last_sequence = entry.last_sequence();
    producer.last_timestamp = entry.last_timestamp;
    producer.coordinator_epoch = entry.coordinator_epoch;
    producer.current_txn_start_offset = entry.transaction_first_offset.value_or(no_offset).value();
  }
}

}  // namespace

runtime::Task<protocol::DescribeProducersResponse> handle(
    Broker& broker, const RequestContext&, protocol::DescribeProducersRequest request) {
  protocol::DescribeProducersResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const std::int32_t asked : topic.partition_indexes) {
      ProducersAnswer& answer = answered.partitions.emplace_back();
      answer.partition_index = asked;
      answer.error_message.reset();
      const auto partition = broker.partitions.find(topic.name, PartitionIndex(asked));
      if (!partition) {
        answer.error_code = broker.partitions.why_missing(topic.name, PartitionIndex(asked));
      } else if (auto leads = partition->check_leader(); !leads) {
        answer.error_code = leads.error().code;
      } else {
        describe(*partition, answer);
      }
    }
  }
  co_return response;
}

}  // namespace cairn::broker
