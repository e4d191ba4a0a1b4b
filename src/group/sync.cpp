// SPDX-License-Identifier: Apache-2.0
// SyncGroup, Heartbeat and LeaveGroup.
#include <map>

#include <cairn/base/log.hpp>

#include "replies.hpp"

namespace cairn::group {
namespace {

bool contradicts(const std::optional<std::string>& asked, const std::optional<std::string>& is) {
  return asked && asked != is;
}

ErrorCode check_sync(const ClassicGroup& group, const protocol::SyncGroupRequest& request) {
  if (const auto valid = group.validate(request.member_id, request.group_instance_id); !valid) {
    return valid.error().code;
  }
  if (request.generation_id != group.generation()) return ErrorCode::illegal_generation;
  if (contradicts(request.protocol_type, group.protocol_type()) ||
      contradicts(request.protocol_name, group.protocol())) {
    return ErrorCode::inconsistent_group_protocol;
  }
  return ErrorCode::none;
}

}  // namespace

GroupMachine::Decision GroupMachine::sync(RequestId id, const protocol::SyncGroupRequest& request,
                                          Now now) {
  Decision out;
  const auto refuse = [&](ErrorCode why) {
    out.answer(id, sync_refused(why));
    return std::move(out);
  };
  if (request.group_id.empty()) return refuse(ErrorCode::invalid_group_id);
  ClassicGroup* group = find(request.group_id);
  if (!group) return refuse(ErrorCode::unknown_member_id);
  const ErrorCode wrong = check_sync(*group, request);
  if (wrong != ErrorCode::none) return refuse(wrong);
  if (group->state() == GroupState::empty) return refuse(ErrorCode::unknown_member_id);
  if (group->state() == GroupState::preparing_rebalance) {
    return refuse(ErrorCode::rebalance_in_progress);
  }
  Member& member = *group->find(request.member_id);
  group->pending_syncs.erase(member.id);
  if (group->pending_syncs.empty()) deadlines_.cancel({request.group_id, DeadlineKind::sync, ""});
  if (group->state() == GroupState::stable) {
    out.answer(id, synced(*group, member), When::once_committed);
    return out;
  }
  if (const auto displaced = std::exchange(member.awaiting_sync, id)) {
    out.answer(*displaced, sync_refused(ErrorCode::rebalance_in_progress));
  }
  if (group->is_leader(member.id)) store_assignment(out, *group, request, now);
  return out;
}

/// Everyone who waits gets an assignment once the record is committed; a member the leader left out
/// gets an empty one.
void GroupMachine::store_assignment(Decision& out, ClassicGroup& group,
                                    const protocol::SyncGroupRequest& request, Now now) {
  std::map<std::string_view, const Bytes*> assignments;
  for (const auto& one : request.assignments) assignments[one.member_id] = &one.assignment;
  for (const auto& [member_id, unused] : group.members()) {
    Member& member = *group.find(member_id);
    const auto found = assignments.find(member_id);
    member.assignment = found == assignments.end() ? Bytes() : *found->second;
  }
  out.records.push_back(group_metadata_record(request.group_id, group.stored()));
  group.transition(GroupState::stable, now.wall);
  logging::info("group {} is stable generation={} leader={} members={}", request.group_id,
                group.generation(), request.member_id, group.members().size());
  for (const auto& [member_id, unused] : group.members()) {
    Member& member = *group.find(member_id);
    const auto waiting = std::exchange(member.awaiting_sync, std::nullopt);
    if (!waiting) continue;
    out.answer(*waiting, synced(group, member), When::once_committed);
    arm_session(request.group_id, member_id, now, member.session_timeout);
  }
}

GroupMachine::Decision GroupMachine::heartbeat(RequestId id,
                                               const protocol::HeartbeatRequest& request, Now now) {
  Decision out;
  const auto answer = [&](ErrorCode code) {
    protocol::HeartbeatResponse reply;
    reply.error_code = code;
    out.answer(id, std::move(reply));
    return std::move(out);
  };
  if (request.group_id.empty()) return answer(ErrorCode::invalid_group_id);
  ClassicGroup* group = find(request.group_id);
  if (!group) return answer(ErrorCode::unknown_member_id);
  const auto valid = group->validate(request.member_id, request.group_instance_id);
  if (!valid) return answer(valid.error().code);
  if (request.generation_id != group->generation()) return answer(ErrorCode::illegal_generation);
  if (group->state() == GroupState::empty) return answer(ErrorCode::unknown_member_id);
  arm_session(request.group_id, request.member_id, now,
              group->find(request.member_id)->session_timeout);
  return answer(group->state() == GroupState::preparing_rebalance ? ErrorCode::rebalance_in_progress
                                                                  : ErrorCode::none);
}

ErrorCode GroupMachine::leave_one(Decision& out, ClassicGroup& group, const std::string& group_id,
                                  const std::string& member_id,
                                  const std::optional<std::string>& instance_id) {
  if (member_id.empty()) {
    // An administrator removes a static member by its instance id alone (KIP-345).
    const std::string* current = instance_id ? group.static_member(*instance_id) : nullptr;
    if (!current) return ErrorCode::unknown_member_id;
    remove_member(out, group_id, group, std::string(*current));
    return ErrorCode::none;
  }
  if (!group.pending_joins.contains(member_id)) {
    const auto valid = group.validate(member_id, instance_id);
    if (!valid) return valid.error().code;
  }
  remove_member(out, group_id, group, member_id);
  return ErrorCode::none;
}

GroupMachine::Decision GroupMachine::leave(RequestId id, const protocol::LeaveGroupRequest& request,
                                           Now now) {
  Decision out;
  protocol::LeaveGroupResponse reply;
  if (request.group_id.empty()) {
    reply.error_code = ErrorCode::invalid_group_id;
    out.answer(id, std::move(reply));
    return out;
  }
  ClassicGroup* group = find(request.group_id);
  std::string reasons;
  for (const auto& leaver : request.members) {
    auto& one = reply.members.emplace_back();
    one.member_id = leaver.member_id;
    one.group_instance_id = leaver.group_instance_id;
    one.error_code = ErrorCode::unknown_member_id;
    if (group) {
      one.error_code =
          leave_one(out, *group, request.group_id, leaver.member_id, leaver.group_instance_id);
    }
    if (one.error_code != ErrorCode::none) continue;
    reasons += fmt::format(" {} ({})", leaver.group_instance_id.value_or(leaver.member_id),
                           leaver.reason.value_or("not provided"));
  }
  if (!reasons.empty() && group->state() != GroupState::empty) {
    rebalance_or_complete(out, request.group_id, *group, now, "members left:" + reasons);
  }
  const When when = out.records.empty() ? When::at_once : When::once_committed;
  out.answer(id, std::move(reply), when);
  return out;
}

}  // namespace cairn::group
