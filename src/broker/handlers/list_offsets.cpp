// SPDX-License-Identifier: Apache-2.0
// ListOffsets (key 2), versions 1-11. A timestamp of a record, or one of Kafka's marks: -1 latest,
// -2 earliest, -3 the largest timestamp (KIP-734), -4 earliest local (KIP-405), -5 latest tiered
// (KIP-1005), -6 earliest pending upload (KIP-1023). There is no tiered storage: -5 and -6 find
// nothing.
#include <set>

#include <cairn/partition/partition_table.hpp>

#include "data.hpp"

namespace cairn::broker {
namespace {

using namespace protocol;
using partition::Partition;
using storage::ReadBound;
using storage::TimestampHit;
using Asked = ListOffsetsRequest::ListOffsetsPartition;
using OffsetAnswer = ListOffsetsResponse::ListOffsetsPartitionResponse;

constexpr std::int16_t first_version_with_epoch = 4;

enum Mark : std::int64_t {
  latest = -1,
  earliest = -2,
  max_timestamp = -3,
  earliest_local = -4,
  latest_tiered = -5,
  earliest_pending_upload = -6,
};

std::int16_t first_version_of(std::int64_t timestamp) {
  switch (timestamp) {
    case max_timestamp:
      return 7;
    case earliest_local:
      return 8;
    case latest_tiered:
      return 9;
    case earliest_pending_upload:
      return 11;
    default:
      return timestamp < earliest_pending_upload ? INT16_MAX : 1;
  }
}

ReadBound bound_of(const ListOffsetsRequest& request) {
  if (request.replica_id >= 0) return ReadBound::log_end;
  return request.isolation_level == 1 ? ReadBound::last_stable : ReadBound::high_watermark;
}

TimestampHit log_start_of(const Partition& partition) {
  const storage::PartitionLog& log = partition.log();
  const Epoch epoch = log.epochs().epoch_of(log.log_start()).value_or(no_epoch);
  return {.offset = log.log_start(), .leader_epoch = epoch};
}

/// Finds one offset; a hit without an offset means that there is none.
runtime::Task<Result<TimestampHit>> look_up(std::shared_ptr<Partition> partition,
                                            std::int64_t timestamp, ReadBound bound) {
  switch (timestamp) {
    case latest: {
      CO_TRY(const Offset offset, partition->latest_offset(bound));
      co_return TimestampHit{.offset = offset, .leader_epoch = partition->leader_epoch()};
    }
    case earliest:
    case earliest_local:
      co_return log_start_of(*partition);
    case latest_tiered:
    case earliest_pending_upload:
      co_return TimestampHit{};
    default:
      break;
  }
  // What is asked by time must be below what "latest" would say, or a consumer could go back (L11).
  CO_TRY(const Offset visible, partition->latest_offset(bound));
  CO_TRY(auto hit, timestamp == max_timestamp
                       ? co_await partition->log().offset_of_max_timestamp()
                       : co_await partition->log().offset_for_timestamp(timestamp, bound));
  if (!hit || hit->offset >= visible) co_return TimestampHit{};
  co_return *hit;
}

runtime::Task<OffsetAnswer> answer_one(Broker& broker, std::int16_t version, std::string topic,
                                       Asked asked, ReadBound bound) {
  OffsetAnswer answer{.partition_index = asked.partition_index};
  const PartitionIndex index(asked.partition_index);
  const auto partition = broker.partitions.find(topic, index);
  if (!partition) {
    answer.error_code = broker.partitions.why_missing(topic, index);
    co_return answer;
  }
  if (version < first_version_of(asked.timestamp)) {
    answer.error_code = ErrorCode::unsupported_version;
    co_return answer;
  }
  if (auto leads = partition->check_leader(Epoch(asked.current_leader_epoch)); !leads) {
    answer.error_code = leads.error().code;
    co_return answer;
  }
  const auto hit = co_await look_up(partition, asked.timestamp, bound);
  if (!hit) {
    answer.error_code = hit.error().code;
    co_return answer;
  }
  answer.timestamp = hit->timestamp;
  answer.offset = hit->offset.value();
  if (version >= first_version_with_epoch) answer.leader_epoch = hit->leader_epoch.value();
  co_return answer;
}

}  // namespace

runtime::Task<ListOffsetsResponse> handle(Broker& broker, const RequestContext& context,
                                          ListOffsetsRequest request) {
  ListOffsetsResponse response;
  std::set<TopicPartition> seen, twice;
  for (const auto& topic : request.topics) {
    for (const Asked& asked : topic.partitions) {
      TopicPartition id{topic.name, PartitionIndex(asked.partition_index)};
      if (!seen.insert(id).second) twice.insert(std::move(id));
    }
  }
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const Asked& asked : topic.partitions) {
      if (twice.contains({topic.name, PartitionIndex(asked.partition_index)})) {
        answered.partitions.push_back(
            {.partition_index = asked.partition_index, .error_code = ErrorCode::invalid_request});
        continue;
      }
      answered.partitions.push_back(
          co_await answer_one(broker, context.version, topic.name, asked, bound_of(request)));
    }
  }
  co_return response;
}

}  // namespace cairn::broker
