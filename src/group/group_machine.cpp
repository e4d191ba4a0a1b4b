// SPDX-License-Identifier: Apache-2.0
// The machine's durable state, its life after a load, its deadlines, and what it says of its
// groups.
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/group/group_machine.hpp>

#include "replies.hpp"

namespace cairn::group {

Result<> GroupMachine::apply(BytesView key, std::optional<BytesView> value, Offset logged_at) {
  TRY(auto parsed, parse_record(key, value));
  if (auto* committed = std::get_if<OffsetCommitted>(&parsed)) {
    apply_offset(std::move(*committed), logged_at);
  } else if (auto* stored = std::get_if<GroupStored>(&parsed)) {
    const bool tombstone = !stored->value;
    durable_[stored->group].metadata = std::move(stored->value);
    if (tombstone) forget_if_empty(stored->group);
  } else if (const auto* foreign = std::get_if<ForeignGroupRecord>(&parsed)) {
    DurableGroup& group = durable_[foreign->group];
    if (foreign->tombstone) {
      group.foreign.erase(to_bytes(key));
      forget_if_empty(foreign->group);
    } else {
      group.foreign[to_bytes(key)] = foreign->type;
    }
  } else {
    logging::warn("a group record has a type this version does not know type={} offset={}",
                  std::get<UnknownRecord>(parsed).type, logged_at);
  }
  return {};
}

void GroupMachine::apply_offset(OffsetCommitted committed, Offset logged_at) {
  DurableGroup& group = durable_[committed.group];
  const auto& [topic, partition] = committed.partition;
  if (!committed.offset) {
    if (const auto found = group.offsets.find(topic); found != group.offsets.end()) {
      found->second.erase(partition);
      if (found->second.empty()) group.offsets.erase(found);
    }
    // Its group goes with its own tombstone or at the next sweep, even if this was all it had.
    if (!group.metadata && group.offsets.empty() && group.foreign.empty()) {
      durable_.erase(committed.group);
    }
    return;
  }
  CommittedOffset& current = group.offsets[topic][partition];
  // Offsets of a transaction are applied when its marker is read: a later commit stands.
  if (current.logged_at > logged_at) return;
  const auto timestamp = committed.offset->commit_timestamp;
  current = std::move(*committed.offset);
  current.logged_at = logged_at;
  if (loaded_ && group.foreign.empty()) {
    live_.try_emplace(committed.group, from_timestamp(timestamp));
  }
}

void GroupMachine::forget_if_empty(const std::string& id) {
  const auto found = durable_.find(id);
  const DurableGroup& group = found->second;
  if (group.metadata || !group.offsets.empty() || !group.foreign.empty()) return;
  durable_.erase(found);
  const ClassicGroup* live = find(id);
  if (!live || live->state() != GroupState::empty || !live->pending_joins.empty()) return;
  live_.erase(live_.find(id));
  deadlines_.cancel_group(id);
}

ClassicGroup* GroupMachine::find(std::string_view group) {
  const auto found = live_.find(group);
  return found == live_.end() ? nullptr : &found->second;
}

const ClassicGroup* GroupMachine::find(std::string_view group) const {
  const auto found = live_.find(group);
  return found == live_.end() ? nullptr : &found->second;
}

bool GroupMachine::is_foreign(std::string_view group) const {
  const auto found = durable_.find(group);
  return found != durable_.end() && !found->second.foreign.empty();
}

GroupMachine::Decision GroupMachine::loaded(Now now) {
  Decision out;
  loaded_ = true;
  for (const auto& [id, stored] : durable_) {
    if (!stored.foreign.empty()) continue;
    ClassicGroup& group =
        live_.emplace(id, stored.metadata ? ClassicGroup(*stored.metadata) : ClassicGroup(now.wall))
            .first->second;
    for (const auto& [member_id, member] : group.members()) {
      arm_session(id, member_id, now, member.session_timeout);
    }
    if (group.members().size() > static_cast<std::size_t>(config_.group_max_size)) {
      prepare_rebalance(out, id, group, now, "it was loaded and is larger than group.max.size");
    }
  }
  deadlines_.arm({"", DeadlineKind::retention, ""},
                 now.instant + config_.offsets_retention_check_interval);
  return out;
}

GroupMachine::Decision GroupMachine::expire(Now now) {
  Decision out;
  const auto due = deadlines_.take_due(now.instant);
  if (!due) return out;
  if (due->kind == DeadlineKind::retention) return sweep_offsets(out, now), out;
  if (due->kind == DeadlineKind::deleted_topics) return remove_deleted_topics(out, now), out;
  ClassicGroup* group = find(due->group);
  if (!group) return out;
  if (due->kind == DeadlineKind::session) {
    expire_session(out, due->group, *group, due->member, now);
  } else if (due->kind == DeadlineKind::sync) {
    expire_sync(out, due->group, *group, now);
  } else if (group->state() == GroupState::preparing_rebalance) {
    const bool initial = group->previous_state() == GroupState::empty;
    initial ? end_initial_delay(out, due->group, *group, now)
            : complete_join(out, due->group, *group, now);
  }
  return out;
}

GroupMachine::Decision GroupMachine::refused(const Decision& decision, ErrorCode why, Now now) {
  constexpr Milliseconds pause(10'000);
  Decision out;
  for (const DeadlineKind kind : {DeadlineKind::retention, DeadlineKind::deleted_topics}) {
    const DeadlineKey key{"", kind, ""};
    if (deadlines_.armed(key)) deadlines_.arm(key, now.instant + pause);
  }
  for (const Record& record : decision.records) {
    const auto parsed = parse_record(record.key, record.value);
    const auto* stored = parsed ? std::get_if<GroupStored>(&*parsed) : nullptr;
    ClassicGroup* group = stored && stored->value ? find(stored->group) : nullptr;
    if (!group) continue;
    logging::warn("group {} could not be stored error={}", stored->group, to_string(why));
    if (stored->value->members.empty() || group->state() != GroupState::stable) continue;
    // Nobody may work by an assignment that a restart would not know: all join again.
    fail_syncs(out, stored->group, *group, why, now);
    prepare_rebalance(out, stored->group, *group, now, "its assignment could not be stored");
  }
  return out;
}

GroupMachine::Decision GroupMachine::delete_group(RequestId id, const std::string& group) const {
  Decision out;
  protocol::DeleteGroupsResponse::DeletableGroupResult reply;
  reply.group_id = group;
  const ClassicGroup* live = find(group);
  const auto stored = durable_.find(group);
  if (is_foreign(group)) {
    reply.error_code = ErrorCode::non_empty_group;
  } else if (!live && stored == durable_.end()) {
    reply.error_code = ErrorCode::group_id_not_found;
  } else if (live && live->state() != GroupState::empty) {
    reply.error_code = ErrorCode::non_empty_group;
  } else {
    if (stored != durable_.end()) {
      for (const auto& [topic, partitions] : stored->second.offsets) {
        for (const auto& [partition, offset] : partitions) {
          out.records.push_back(offset_commit_tombstone(group, {topic, partition}));
        }
      }
    }
    out.records.push_back(group_metadata_tombstone(group));
  }
  const When when = out.records.empty() ? When::at_once : When::once_committed;
  out.answer(id, std::move(reply), when);
  return out;
}

GroupMachine::DescribedGroup GroupMachine::describe(const std::string& id,
                                                    std::int16_t version) const {
  constexpr std::int16_t first_with_not_found = 6;
  DescribedGroup to;
  to.group_id = id;
  const ClassicGroup* group = find(id);
  if (!group) {
    to.group_state = "Dead";
    if (version >= first_with_not_found) {
      to.error_code = ErrorCode::group_id_not_found;
      to.error_message = is_foreign(id) ? fmt::format("Group {} is not a classic group.", id)
                                        : fmt::format("Group {} not found.", id);
    }
    return to;
  }
  const bool stable = group->state() == GroupState::stable;
  to.group_state = to_string(group->state());
  to.protocol_type = group->protocol_type().value_or("");
  if (stable) to.protocol_data = group->protocol().value_or("");
  for (const auto& [member_id, member] : group->members()) {
    auto& described = to.members.emplace_back();
    described.member_id = member_id;
    described.group_instance_id = member.instance_id;
    described.client_id = member.client_id;
    described.client_host = member.client_host;
    const Bytes* metadata = stable ? member.metadata(to.protocol_data) : nullptr;
    if (metadata) described.member_metadata = *metadata;
    described.member_assignment = member.assignment;
  }
  return to;
}

namespace {

bool passes(const std::vector<std::string>& filter, std::string_view name) {
  const auto same_letter = [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(a) == lower(b);
  };
  return filter.empty() || std::ranges::any_of(filter, [&](const std::string& wanted) {
           return std::ranges::equal(wanted, name, same_letter);
         });
}

}  // namespace

std::vector<GroupMachine::ListedGroup> GroupMachine::list(
    const std::vector<std::string>& states, const std::vector<std::string>& types) const {
  constexpr std::string_view type = "classic";
  std::vector<ListedGroup> groups;
  if (!passes(types, type)) return groups;
  for (const auto& [id, group] : live_) {
    if (!passes(states, to_string(group.state()))) continue;
    ListedGroup& listed = groups.emplace_back();
    listed.group_id = id;
    listed.protocol_type = group.protocol_type().value_or("");
    listed.group_state = to_string(group.state());
    listed.group_type = type;
  }
  return groups;
}

GroupMachine::Totals GroupMachine::totals() const {
  Totals totals;
  totals.groups = live_.size();
  for (const auto& [id, group] : live_) ++totals.by_state[group.state()];
  for (const auto& [id, group] : durable_) {
    totals.foreign_records += group.foreign.size();
    for (const auto& [topic, partitions] : group.offsets) totals.offsets += partitions.size();
  }
  return totals;
}

}  // namespace cairn::group
