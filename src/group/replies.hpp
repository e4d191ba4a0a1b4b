// SPDX-License-Identifier: Apache-2.0
// The answers of the classic protocol, built from a group's state. Pure; an answer is complete when
// made, except for what only the version of the request decides. Used by the group machine alone.
#pragma once

#include <cairn/group/group_machine.hpp>

namespace cairn::group {

/// The refusal of a join; `member_id` is what the client shall use next.
inline protocol::JoinGroupResponse join_refused(ErrorCode why, std::string member_id = "") {
  protocol::JoinGroupResponse reply;
  reply.error_code = why;
  reply.protocol_name.reset();
  reply.member_id = std::move(member_id);
  return reply;
}

inline protocol::SyncGroupResponse sync_refused(ErrorCode why) {
  protocol::SyncGroupResponse reply;
  reply.error_code = why;
  return reply;
}

enum class WithMembers { no, yes };

/// A member's answer in the group's generation; the leader gets everyone's metadata.
inline protocol::JoinGroupResponse joined(const ClassicGroup& group, const std::string& member_id,
                                          WithMembers with_members) {
  protocol::JoinGroupResponse reply;
  reply.generation_id = group.generation();
  reply.protocol_type = group.protocol_type();
  reply.protocol_name = group.protocol();
  reply.leader = group.leader().value_or("");
  reply.member_id = member_id;
  if (with_members == WithMembers::no) return reply;
  for (const auto& [id, member] : group.members()) {
    auto& to = reply.members.emplace_back();
    to.member_id = id;
    to.group_instance_id = member.instance_id;
    const Bytes* metadata = group.protocol() ? member.metadata(*group.protocol()) : nullptr;
    if (metadata) to.metadata = *metadata;
  }
  return reply;
}

inline protocol::SyncGroupResponse synced(const ClassicGroup& group, const Member& member) {
  protocol::SyncGroupResponse reply;
  reply.protocol_type = group.protocol_type();
  reply.protocol_name = group.protocol();
  reply.assignment = member.assignment;
  return reply;
}

}  // namespace cairn::group
