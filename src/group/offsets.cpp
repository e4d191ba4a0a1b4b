// SPDX-License-Identifier: Apache-2.0
// Committed offsets: commit, fetch, delete, expiry, and the end of a topic.
#include <cairn/base/mutant.hpp>

#include "replies.hpp"

namespace cairn::group {
namespace {

constexpr std::size_t most_tombstones_at_once =
    1'000;  // bounds one batch; the rest follows at once
constexpr std::int16_t first_with_group_not_found = 9;
constexpr std::int16_t consumer_member_type = 5;
constexpr std::string_view no_metadata;

/// The length Kafka measures: UTF-16 units of a text in UTF-8.
std::size_t java_length(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    units += (byte & 0xC0) != 0x80;
    units += byte >= 0xF0;
  }
  return units;
}

}  // namespace

Result<> GroupMachine::validate_commit(const protocol::OffsetCommitRequest& request,
                                       std::int16_t version) const {
  const std::int32_t generation = request.generation_id_or_member_epoch;
  const bool from_member =
      generation >= 0 || !request.member_id.empty() || request.group_instance_id.has_value();
  if (is_foreign(request.group_id)) {
    const auto& foreign = durable_.find(request.group_id)->second.foreign;
    const bool empty = std::ranges::none_of(
        foreign, [](const auto& one) { return one.second == consumer_member_type; });
    if (empty && !from_member) return {};
    return fail(ErrorCode::unknown_member_id, "the group's protocol is not served here");
  }
  const ClassicGroup* group = find(request.group_id);
  if (!group) {
    if (generation < 0) return {};  // an administrator, or a consumer that assigns itself
    return version >= first_with_group_not_found
               ? fail(ErrorCode::group_id_not_found, "there is no such group")
               : fail(ErrorCode::illegal_generation, "there is no such group");
  }
  if (generation < 0 && group->state() == GroupState::empty) return {};
  if (from_member) {
    TRY(group->validate(request.member_id, request.group_instance_id));
    if (generation != group->generation()) {
      return fail(ErrorCode::illegal_generation, "the generation has passed");
    }
  } else if (group->state() != GroupState::empty) {
    return fail(ErrorCode::unknown_member_id, "the group has members; only they may commit");
  }
  if (group->state() == GroupState::completing_rebalance) {
    return fail(ErrorCode::rebalance_in_progress, "the generation has no assignment yet");
  }
  return {};
}

GroupMachine::Decision GroupMachine::commit_offsets(RequestId id, std::int16_t version,
                                                    const protocol::OffsetCommitRequest& request,
                                                    Now now) {
  Decision out;
  protocol::OffsetCommitResponse reply;
  const auto valid = validate_commit(request, version);
  const std::int64_t timestamp = to_timestamp(now.wall);
  for (const auto& topic : request.topics) {
    auto& topic_reply = reply.topics.emplace_back();
    topic_reply.name = topic.name;
    topic_reply.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      auto& one = topic_reply.partitions.emplace_back();
      one.partition_index = partition.partition_index;
      one.error_code = code_of(valid);
      if (!valid) continue;
      const std::string_view metadata =
          partition.committed_metadata ? *partition.committed_metadata : no_metadata;
      if (java_length(metadata) > static_cast<std::size_t>(config_.offset_metadata_max_bytes)) {
        one.error_code = ErrorCode::offset_metadata_too_large;
        continue;
      }
      CommittedOffset offset{.offset = Offset(partition.committed_offset),
                             .leader_epoch = Epoch(partition.committed_leader_epoch),
                             .metadata = std::string(metadata),
                             .commit_timestamp = timestamp,
                             .topic_id = topic.topic_id};
      if (request.retention_time_ms != -1) {
        offset.expire_timestamp = timestamp + request.retention_time_ms;
      }
      out.records.push_back(offset_commit_record(
          request.group_id, {topic.name, PartitionIndex(partition.partition_index)}, offset));
    }
  }
  // A commit shows that its member lives.
  ClassicGroup* group = valid ? find(request.group_id) : nullptr;
  const Member* member = group ? group->find(request.member_id) : nullptr;
  if (member && group->state() != GroupState::completing_rebalance) {
    arm_session(request.group_id, request.member_id, now, member->session_timeout);
  }
  const When when = out.records.empty() ? When::at_once : When::once_committed;
  out.answer(id, std::move(reply), when);
  return out;
}

GroupMachine::FetchedGroup GroupMachine::fetch_offsets(
    const protocol::OffsetFetchRequest::OffsetFetchRequestGroup& request) const {
  FetchedGroup reply;
  reply.group_id = request.group_id;
  const auto found = durable_.find(request.group_id);
  const auto put = [](auto& partitions, PartitionIndex index, const CommittedOffset* offset) {
    auto& to = partitions.emplace_back();
    to.partition_index = index.value();
    to.committed_offset = offset ? offset->offset.value() : no_offset.value();
    to.committed_leader_epoch = (offset ? offset->leader_epoch : no_epoch).value();
    to.metadata = offset ? offset->metadata : "";
  };
  if (!request.topics) {
    if (found == durable_.end()) return reply;
    for (const auto& [topic, partitions] : found->second.offsets) {
      auto& to = reply.topics.emplace_back();
      to.name = topic;
      for (const auto& [index, offset] : partitions) put(to.partitions, index, &offset);
    }
    return reply;
  }
  for (const auto& topic : *request.topics) {
    auto& to = reply.topics.emplace_back();
    to.name = topic.name;
    to.topic_id = topic.topic_id;
    for (const std::int32_t index : topic.partition_indexes) {
      const CommittedOffset* offset = nullptr;
      if (found != durable_.end()) {
        offset = find_offset(found->second.offsets, topic.name, PartitionIndex(index));
      }
      // What was committed for a topic of this name that has been deleted is no one's.
      const bool other_topic = offset && !offset->topic_id.is_zero() && !topic.topic_id.is_zero() &&
                               offset->topic_id != topic.topic_id;
      put(to.partitions, PartitionIndex(index), other_topic ? nullptr : offset);
    }
  }
  return reply;
}

const CommittedOffset* GroupMachine::find_offset(const Offsets& offsets, std::string_view topic,
                                                 PartitionIndex partition) {
  const auto partitions = offsets.find(topic);
  if (partitions == offsets.end()) return nullptr;
  const auto offset = partitions->second.find(partition);
  return offset == partitions->second.end() ? nullptr : &offset->second;
}

GroupMachine::Decision GroupMachine::delete_offsets(
    RequestId id, const protocol::OffsetDeleteRequest& request) const {
  Decision out;
  protocol::OffsetDeleteResponse reply;
  const ClassicGroup* group = find(request.group_id);
  const auto stored = durable_.find(request.group_id);
  if (!group) {
    reply.error_code =
        is_foreign(request.group_id) ? ErrorCode::non_empty_group : ErrorCode::group_id_not_found;
  } else if (group->state() != GroupState::empty && !group->uses_consumer_protocol()) {
    reply.error_code = ErrorCode::non_empty_group;  // who works by its offsets cannot be known
  }
  if (reply.error_code != ErrorCode::none) {
    out.answer(id, std::move(reply));
    return out;
  }
  for (const auto& topic : request.topics) {
    auto& topic_reply = reply.topics.emplace_back();
    topic_reply.name = topic.name;
    const bool subscribed = group->is_subscribed(topic.name);
    for (const auto& partition : topic.partitions) {
      const PartitionIndex index(partition.partition_index);
      auto& one = topic_reply.partitions.emplace_back();
      one.partition_index = partition.partition_index;
      if (subscribed) {
        one.error_code = ErrorCode::group_subscribed_to_topic;
      } else if (stored != durable_.end() &&
                 find_offset(stored->second.offsets, topic.name, index)) {
        out.records.push_back(offset_commit_tombstone(request.group_id, {topic.name, index}));
      }
    }
  }
  const When when = out.records.empty() ? When::at_once : When::once_committed;
  out.answer(id, std::move(reply), when);
  return out;
}

/// One stride of the sweep: groups in order, until the batch is full or all have been seen.
void GroupMachine::sweep_offsets(Decision& out, Now now) {
  static const DurableGroup nothing;
  auto next = sweep_cursor_ ? live_.lower_bound(*sweep_cursor_) : live_.begin();
  sweep_cursor_.reset();
  for (; next != live_.end(); ++next) {
    const auto& [id, live] = *next;
    const auto stored = durable_.find(id);
    const DurableGroup& group = stored == durable_.end() ? nothing : stored->second;
    const bool nothing_left = expire_offsets_of(out, id, group, live, now);
    if (out.records.size() >= most_tombstones_at_once) {
      sweep_cursor_ = id;  // it may have more
      break;
    }
    if (nothing_left && live.state() == GroupState::empty && live.pending_joins.empty()) {
      out.records.push_back(group_metadata_tombstone(id));
    }
  }
  const Duration pause = sweep_cursor_ ? Duration(0) : config_.offsets_retention_check_interval;
  deadlines_.arm({"", DeadlineKind::retention, ""}, now.instant + pause);
}

/// Kafka's rule since KIP-211; true if no offset of the group is left.
bool GroupMachine::expire_offsets_of(Decision& out, const std::string& id,
                                     const DurableGroup& group, const ClassicGroup& live,
                                     Now now) const {
  if (group.offsets.empty()) return true;
  const bool empty = live.state() == GroupState::empty;
  const bool simple = !live.protocol_type();
  const bool knows_topics = live.state() == GroupState::stable && live.uses_consumer_protocol() &&
                            live.knows_subscriptions();
  if (!simple && !empty && !knows_topics && !MUTANT("L24")) return false;
  const std::int64_t time = to_timestamp(now.wall);
  const auto expired = [&](const CommittedOffset& offset) {
    if (offset.expire_timestamp != no_timestamp) return time >= offset.expire_timestamp;
    const auto since = !simple && empty ? live.state_timestamp().value_or(offset.commit_timestamp)
                                        : offset.commit_timestamp;
    return time - since >= config_.offsets_retention.count();
  };
  bool nothing_left = true;
  for (const auto& [topic, partitions] : group.offsets) {
    const bool subscribed = live.is_subscribed(topic);
    for (const auto& [partition, offset] : partitions) {
      if (subscribed || !expired(offset) || out.records.size() >= most_tombstones_at_once) {
        nothing_left = false;
        continue;
      }
      out.records.push_back(offset_commit_tombstone(id, {topic, partition}));
    }
  }
  return nothing_left;
}

void GroupMachine::topics_deleted(const std::vector<std::pair<std::string, TopicId>>& topics,
                                  Now now) {
  if (topics.empty()) return;
  for (const auto& [name, id] : topics) deleted_topics_[name] = id;
  deadlines_.arm({"", DeadlineKind::deleted_topics, ""}, now.instant);
}

void GroupMachine::remove_deleted_topics(Decision& out, Now now) {
  const auto is_gone = [](const CommittedOffset& offset, const TopicId& topic) {
    return offset.topic_id.is_zero() || offset.topic_id == topic;  // not a successor's of the name
  };
  for (const auto& [id, group] : durable_) {
    for (const auto& [topic, topic_id] : deleted_topics_) {
      const auto found = group.offsets.find(topic);
      if (found == group.offsets.end()) continue;
      for (const auto& [partition, offset] : found->second) {
        if (!is_gone(offset, topic_id) || out.records.size() >= most_tombstones_at_once) continue;
        out.records.push_back(offset_commit_tombstone(id, {topic, partition}));
      }
    }
  }
  // Done only when a look finds nothing: the log may refuse what was found now.
  if (out.records.empty()) return deleted_topics_.clear();
  deadlines_.arm({"", DeadlineKind::deleted_topics, ""}, now.instant);
}

}  // namespace cairn::group
