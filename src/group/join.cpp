// SPDX-License-Identifier: Apache-2.0
// JoinGroup: who may come in, under which member id, and whether that moves the group.
#include <cairn/base/log.hpp>
#include <cairn/base/uuid.hpp>

#include "replies.hpp"

namespace cairn::group {

struct GroupMachine::Joining {
  RequestId id;
  const Caller& caller;
  const protocol::JoinGroupRequest& request;
  Now now;

  const std::string& group_id() const { return request.group_id; }
  Milliseconds session_timeout() const { return Milliseconds(request.session_timeout_ms); }
  Milliseconds rebalance_timeout() const {
    const bool absent = request.rebalance_timeout_ms < 0;  // version 0 has none
    return Milliseconds(absent ? request.session_timeout_ms : request.rebalance_timeout_ms);
  }
  std::string why(std::string_view what) const {
    return fmt::format("{}; client reason: {}", what, request.reason.value_or("not provided"));
  }
};

namespace {

constexpr std::int16_t first_with_required_member_id = 4;
constexpr std::int16_t first_with_skip_assignment = 9;
constexpr std::size_t longest_member_id_stem = 32'000;  // a member id must fit a Kafka string

/// "<client id or instance id>-<uuid>", as Kafka names members.
std::string make_member_id(std::string_view stem, Random& random) {
  const Uuid id = Uuid::random(random);
  return fmt::format("{}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                     stem.substr(0, longest_member_id_stem), id.high >> 32,
                     (id.high >> 16) & 0xFFFF, id.high & 0xFFFF, id.low >> 48,
                     id.low & 0xFFFF'FFFF'FFFF);
}

bool same_protocols(const Member& member, const std::vector<MemberProtocol>& protocols) {
  return std::ranges::equal(member.protocols, protocols, [](const auto& a, const auto& b) {
    return a.name == b.name && a.metadata == b.metadata;
  });
}

}  // namespace

GroupMachine::Decision GroupMachine::join(RequestId id, const Caller& caller,
                                          const protocol::JoinGroupRequest& request, Now now,
                                          Random& random) {
  Decision out;
  const Joining joining{id, caller, request, now};
  const auto refuse = [&](ErrorCode why, const std::string& member_id) {
    out.answer(id, join_refused(why, member_id));
    return std::move(out);
  };
  if (request.group_id.empty()) return refuse(ErrorCode::invalid_group_id, request.member_id);
  if (joining.session_timeout() < config_.group_min_session_timeout ||
      joining.session_timeout() > config_.group_max_session_timeout) {
    return refuse(ErrorCode::invalid_session_timeout, request.member_id);
  }
  if (is_foreign(request.group_id)) {
    return refuse(ErrorCode::inconsistent_group_protocol, request.member_id);
  }
  ClassicGroup* group = find(request.group_id);
  const bool known_member = !request.member_id.empty();
  if (group) {
    if (!accepts(*group, request.member_id)) {
      remove_member(out, request.group_id, *group, request.member_id);
      return refuse(ErrorCode::group_max_size_reached, "");
    }
    known_member ? join_known(out, *group, joining) : join_new(out, *group, joining, random);
    return out;
  }
  if (known_member) return refuse(ErrorCode::unknown_member_id, request.member_id);
  ClassicGroup fresh(now.wall);
  if (!fresh.supports(request.protocol_type, request.protocols)) {
    return refuse(ErrorCode::inconsistent_group_protocol, "");
  }
  // The group exists from here on, whatever becomes of its first rebalance.
  out.records.push_back(group_metadata_record(request.group_id, fresh.stored()));
  group = &live_.emplace(request.group_id, std::move(fresh)).first->second;
  join_new(out, *group, joining, random);
  return out;
}

bool GroupMachine::accepts(const ClassicGroup& group, std::string_view member_id) const {
  const Member* member = group.find(member_id);
  const auto limit = static_cast<std::size_t>(config_.group_max_size);
  switch (group.state()) {
    case GroupState::empty:
      return true;
    case GroupState::preparing_rebalance:
      // Those who wait count, not the members: the limit may have been lowered, and then the last
      // to rejoin are turned away.
      return (member && member->awaiting_join) || group.awaiting_join() < limit;
    case GroupState::completing_rebalance:
    case GroupState::stable:
      return member || group.members().size() < limit;
  }
  return false;
}

void GroupMachine::join_new(Decision& out, ClassicGroup& group, const Joining& joining,
                            Random& random) {
  const auto& request = joining.request;
  if (!group.supports(request.protocol_type, request.protocols)) {
    return out.answer(joining.id, join_refused(ErrorCode::inconsistent_group_protocol));
  }
  const std::string member_id =
      make_member_id(request.group_instance_id.value_or(joining.caller.client_id), random);
  if (request.group_instance_id) {
    const bool returns = group.static_member(*request.group_instance_id) != nullptr;
    return returns ? replace_static_member(out, group, joining, member_id)
                   : add_member(out, group, joining, member_id);
  }
  if (joining.caller.version < first_with_required_member_id) {
    return add_member(out, group, joining, member_id);
  }
  // The client joins again with this id, so that a lost answer leaves no member behind (KIP-394).
  group.pending_joins.insert(member_id);
  arm_session(request.group_id, member_id, joining.now, joining.session_timeout());
  out.answer(joining.id, join_refused(ErrorCode::member_id_required, member_id));
}

void GroupMachine::join_known(Decision& out, ClassicGroup& group, const Joining& joining) {
  const auto& request = joining.request;
  const auto refuse = [&](ErrorCode why) {
    out.answer(joining.id, join_refused(why, request.member_id));
  };
  if (!group.supports(request.protocol_type, request.protocols)) {
    return refuse(ErrorCode::inconsistent_group_protocol);
  }
  if (group.pending_joins.contains(request.member_id)) {
    // Ids given out are dynamic members'; an instance id beside one is a client's mistake.
    if (request.group_instance_id) return refuse(ErrorCode::unknown_member_id);
    return add_member(out, group, joining, request.member_id);
  }
  if (const auto valid = group.validate(request.member_id, request.group_instance_id); !valid) {
    return refuse(valid.error().code);
  }
  join_member(out, group, *group.find(request.member_id), joining);
}

void GroupMachine::join_member(Decision& out, ClassicGroup& group, Member& member,
                               const Joining& joining) {
  const bool leads = group.is_leader(member.id);
  const bool unchanged = same_protocols(member, joining.request.protocols);
  switch (group.state()) {
    case GroupState::preparing_rebalance:
      return update_member(out, group, member, joining);
    case GroupState::completing_rebalance:
      // An unchanged member's answer was lost on the way: it gets it again.
      if (!unchanged) return update_member(out, group, member, joining);
      return out.answer(joining.id,
                        joined(group, member.id, leads ? WithMembers::yes : WithMembers::no));
    case GroupState::stable:
      // A leader rejoins to have partitions assigned anew: topics may have changed.
      if (leads || !unchanged) return update_member(out, group, member, joining);
      return out.answer(joining.id, joined(group, member.id, WithMembers::no));
    case GroupState::empty:
      return out.answer(joining.id, join_refused(ErrorCode::unknown_member_id, member.id));
  }
}

void GroupMachine::add_member(Decision& out, ClassicGroup& group, const Joining& joining,
                              const std::string& member_id) {
  const auto& request = joining.request;
  if (group.state() == GroupState::preparing_rebalance &&
      group.previous_state() == GroupState::empty) {
    group.new_member_added = true;
  }
  group.add({.id = member_id,
             .instance_id = request.group_instance_id,
             .client_id = joining.caller.client_id,
             .client_host = "/" + joining.caller.client_host,
             .rebalance_timeout = joining.rebalance_timeout(),
             .session_timeout = joining.session_timeout(),
             .protocols = request.protocols,
             .assignment = {},
             .is_new = true,
             .awaiting_join = joining.id,
             .awaiting_sync = {}},
            request.protocol_type);
  // It cannot heartbeat before it knows its id, and a client that has gone is not seen while its
  // request is parked: a long timeout clears away what was abandoned.
  arm_session(request.group_id, member_id, joining.now, config_.new_member_join_timeout);
  rebalance_or_complete(out, request.group_id, group, joining.now,
                        joining.why("adding new member " + member_id));
}

void GroupMachine::update_member(Decision& out, ClassicGroup& group, Member& member,
                                 const Joining& joining) {
  group.update(member, joining.request.protocols, joining.rebalance_timeout(),
               joining.session_timeout());
  // A join that is sent again leaves its older self on a connection that has most likely gone.
  if (const auto displaced = group.await_join(member, joining.id)) {
    out.answer(*displaced, join_refused(ErrorCode::rebalance_in_progress, member.id));
  }
  rebalance_or_complete(out, joining.group_id(), group, joining.now,
                        joining.why("updating metadata of member " + member.id));
}

void GroupMachine::replace_static_member(Decision& out, ClassicGroup& group, const Joining& joining,
                                         const std::string& new_id) {
  const auto& request = joining.request;
  const std::string old_leader = group.leader().value_or("");
  const Member old = group.replace_static(*request.group_instance_id, new_id);
  deadlines_.cancel({request.group_id, DeadlineKind::session, old.id});
  // Two processes with one instance id: the one that waits here under the old id is fenced.
  if (old.awaiting_join) {
    out.answer(*old.awaiting_join, join_refused(ErrorCode::fenced_instance_id, old.id));
  }
  if (old.awaiting_sync) {
    out.answer(*old.awaiting_sync, sync_refused(ErrorCode::fenced_instance_id));
  }
  Member& member = *group.find(new_id);
  group.update(member, request.protocols, joining.rebalance_timeout(), joining.session_timeout());
  arm_session(request.group_id, new_id, joining.now, member.session_timeout);
  if (group.state() == GroupState::stable && group.protocol() == group.select_protocol()) {
    return keep_generation(out, group, member, joining, old_leader);
  }
  group.await_join(member, joining.id);
  // In completing_rebalance the leader may be assigning to the old id: it must begin again.
  rebalance_or_complete(out, request.group_id, group, joining.now,
                        joining.why("static member " + *request.group_instance_id + " rejoins"));
}

/// A static member that comes back takes its assignment up again; only its new id is stored.
void GroupMachine::keep_generation(Decision& out, ClassicGroup& group, Member& member,
                                   const Joining& joining, const std::string& old_leader) {
  out.records.push_back(group_metadata_record(joining.group_id(), group.stored()));
  protocol::JoinGroupResponse reply;
  if (joining.caller.version >= first_with_skip_assignment) {
    const bool leads = group.is_leader(member.id);
    reply = joined(group, member.id, leads ? WithMembers::yes : WithMembers::no);
    reply.skip_assignment = leads;
  } else {
    reply = joined(group, member.id, WithMembers::no);
    reply.leader = old_leader;  // older clients that led would assign again and not be heard
  }
  out.answer(joining.id, std::move(reply), When::once_committed);
}

}  // namespace cairn::group
