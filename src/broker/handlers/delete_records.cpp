// SPDX-License-Identifier: Apache-2.0
// DeleteRecords (key 21), versions 0-2: moves the log start of a partition; -1 means up to the high
// watermark. Answered once the new start is durable and every replica that lives has followed;
// segments below it go at the next retention.
#include <cairn/metadata/topics.hpp>
#include <cairn/partition/partition_table.hpp>

#include "data.hpp"

namespace cairn::broker {
namespace {

using Answer = protocol::DeleteRecordsResponse::DeleteRecordsPartitionResult;

runtime::Task<Answer> delete_one(Broker& broker, std::string topic, std::int32_t partition_index,
                                 Offset before) {
  Answer answer{.partition_index = partition_index, .low_watermark = -1};
  const PartitionIndex index(partition_index);
  const auto partition = broker.partitions.find(topic, index);
  if (metadata::is_internal_topic(topic)) {
    answer.error_code = ErrorCode::invalid_topic_exception;
  } else if (!partition) {
    answer.error_code = broker.partitions.why_missing(topic, index);
  } else if (auto leads = partition->check_leader(); !leads) {
    answer.error_code = leads.error().code;
  } else if (const auto start = co_await partition->delete_records(before); !start) {
    answer.error_code = start.error().code;
  } else {
    answer.low_watermark = start->value();
  }
  co_return answer;
}

/// What was deleted here goes at the followers with their next fetch.
runtime::Task<> wait_for_replicas(Broker& broker, const std::string& topic, Answer& answer,
                                  Instant deadline) {
  if (answer.error_code != ErrorCode::none) co_return;
  const PartitionIndex index(answer.partition_index);
  const auto partition = broker.partitions.find(topic, index);
  if (!partition) {
    answer.error_code = broker.partitions.why_missing(topic, index);
    co_return;
  }
  const auto low = co_await partition->wait_deleted(Offset(answer.low_watermark), deadline);
  if (low) {
    answer.low_watermark = low->value();
  } else {
    answer.error_code = low.error().code;
  }
}

}  // namespace

runtime::Task<protocol::DeleteRecordsResponse> handle(Broker& broker, const RequestContext&,
                                                      protocol::DeleteRecordsRequest request) {
  const Instant deadline = broker.now() + std::chrono::milliseconds(request.timeout_ms);
  protocol::DeleteRecordsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& asked : topic.partitions) {
      answered.partitions.push_back(
          co_await delete_one(broker, topic.name, asked.partition_index, Offset(asked.offset)));
    }
  }
  // The log start must not fall back after a crash (I27).
  co_await broker.partitions.directories().write_log_starts();
  for (auto& topic : response.topics) {
    for (Answer& answer : topic.partitions) {
      co_await wait_for_replicas(broker, topic.name, answer, deadline);
    }
  }
  co_return response;
}

}  // namespace cairn::broker
