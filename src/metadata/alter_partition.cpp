// SPDX-License-Identifier: Apache-2.0
// AlterPartition: a leader proposes an ISR; the controller checks that it still leads, that the
// epochs are those it knows, and that whoever is to join may (facts: kraft.md §4.4).
#include <algorithm>

#include <cairn/metadata/features.hpp>
#include <cairn/metadata/partitions.hpp>
#include <cairn/metadata/replay.hpp>

#include "assignments.hpp"
#include "wire.hpp"

namespace cairn::metadata {
namespace {

using protocol::AlterPartitionRequest;
using protocol::AlterPartitionResponse;
using WantedPartition = AlterPartitionRequest::PartitionData;

struct Member {
  BrokerId id;
  BrokerEpoch epoch;  // -1: not said
};

std::vector<Member> members(const WantedPartition& wanted, std::int16_t version) {
  std::vector<Member> isr;
  if (version >= 3) {
    for (const auto& broker : wanted.new_isr_with_epochs) {
      isr.push_back({BrokerId(broker.broker_id), BrokerEpoch(broker.broker_epoch)});
    }
  } else {
    for (const std::int32_t id : wanted.new_isr) isr.push_back({BrokerId(id), no_broker_epoch});
  }
  return isr;
}

ErrorCode check_epochs(const Partition& partition, BrokerId from, const WantedPartition& wanted) {
  // Ahead of us: we are the stale one, a controller that has been replaced.
  if (wanted.leader_epoch > partition.leader_epoch.value() ||
      wanted.partition_epoch > partition.partition_epoch) {
    return ErrorCode::not_controller;
  }
  if (wanted.leader_epoch < partition.leader_epoch.value()) return ErrorCode::fenced_leader_epoch;
  if (from != partition.leader) return ErrorCode::invalid_request;
  if (wanted.partition_epoch < partition.partition_epoch) return ErrorCode::invalid_update_version;
  return ErrorCode::none;
}

ErrorCode check_isr(const Image& image, const Partition& partition, const std::vector<Member>& isr,
                    LeaderRecoveryState recovery) {
  bool has_leader = false;
  for (const Member& member : isr) {
    if (!partition.has_replica(member.id)) return ErrorCode::invalid_request;
    has_leader = has_leader || member.id == partition.leader;
  }
  if (isr.empty() || !has_leader) return ErrorCode::invalid_request;
  if (recovery == LeaderRecoveryState::recovering) {
    if (isr.size() > 1) return ErrorCode::invalid_request;
    if (partition.recovery_state == LeaderRecoveryState::recovered) {
      return ErrorCode::invalid_request;
    }
  }
  for (const Member& member : isr) {
    const Broker* broker = image.broker(member.id);
    if (broker == nullptr || !broker->active()) return ErrorCode::ineligible_replica;
    if (member.epoch != no_broker_epoch && member.epoch != broker->epoch) {
      return ErrorCode::ineligible_replica;
    }
  }
  return ErrorCode::none;
}

void answer(const Partition& now, AlterPartitionResponse::PartitionData& result) {
  result.leader_id = now.leader.value();
  result.leader_epoch = now.leader_epoch.value();
  result.isr = to_numbers(now.isr);
  result.leader_recovery_state = static_cast<std::int8_t>(now.recovery_state);
  result.partition_epoch = now.partition_epoch;
}

struct Step {
  const Image& image;
  const config::ServerConfig& server;
  BrokerId from;
  std::int16_t version;
  std::vector<Record>& records;

  void alter(const Topic& topic, const WantedPartition& wanted,
             AlterPartitionResponse::PartitionData& result) const {
    const PartitionIndex index(wanted.partition_index);
    const Partition* partition = topic.partition(index);
    if (partition == nullptr) {
      result.error_code = ErrorCode::unknown_topic_or_partition;
      return;
    }
    const std::vector<Member> isr = members(wanted, version);
    const LeaderRecoveryState recovery(LeaderRecoveryState(wanted.leader_recovery_state));
    result.error_code = check_epochs(*partition, from, wanted);
    if (result.error_code == ErrorCode::none) {
      result.error_code = check_isr(image, *partition, isr, recovery);
    }
    if (result.error_code != ErrorCode::none) return;
    std::vector<BrokerId> ids;
    for (const Member& member : isr) ids.push_back(member.id);
    std::ranges::sort(ids);
    std::vector<BrokerId> present = partition->isr;
    std::ranges::sort(present);
    if (ids == present) ids = partition->isr;  // the order is not news

    const auto acceptable = [this](BrokerId id) { return image.is_active(id); };
    PartitionChange change(topic.id, index, *partition,
                           partition_rules(image, server, topic, acceptable));
    auto record = change.set_target_isr(std::move(ids)).set_recovery_state(recovery).build();
    if (!record) return answer(*partition, result);  // a lost reply's repetition: as it is
    Image after = image;
    const Result<> applied = apply(after, *record);
    ASSERT(applied, "a change made from an image applies to it");
    const Partition& now = *after.partition(topic.id, index);
    records.push_back(*std::move(record));
    if (now.leader != from) {
      // The change completed a reassignment that took the leader away: it is done all the same.
      result.error_code =
          now.leader == no_broker ? ErrorCode::invalid_request : ErrorCode::new_leader_elected;
    }
    if (result.error_code == ErrorCode::none) answer(now, result);
  }
};

}  // namespace

Decision<AlterPartitionResponse> alter_partition(const Image& image,
                                                 const config::ServerConfig& server,
                                                 const AlterPartitionRequest& request,
                                                 std::int16_t version) {
  Decision<AlterPartitionResponse> decision;
  const BrokerId from(request.broker_id);
  const Broker* broker = image.broker(from);
  if (broker == nullptr || broker->epoch.value() != request.broker_epoch) {
    decision.response.error_code = ErrorCode::stale_broker_epoch;
    return decision;
  }
  const Step step{image, server, from, version, decision.records};
  for (const auto& wanted_topic : request.topics) {
    auto& topic_result = decision.response.topics.emplace_back();
    topic_result.topic_id = wanted_topic.topic_id;
    const Topic* topic = image.topic(wanted_topic.topic_id);
    for (const auto& wanted : wanted_topic.partitions) {
      auto& result = topic_result.partitions.emplace_back();
      result.partition_index = wanted.partition_index;
      if (topic == nullptr) {
        result.error_code = ErrorCode::unknown_topic_id;
      } else {
        step.alter(*topic, wanted, result);
      }
    }
  }
  return decision;
}

}  // namespace cairn::metadata
