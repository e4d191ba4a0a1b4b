// SPDX-License-Identifier: Apache-2.0
// The rebalance of a classic group: gather the joins, begin a generation, wait for its syncs.
#include <cairn/base/log.hpp>

#include "replies.hpp"

namespace cairn::group {

void GroupMachine::arm_session(const std::string& id, const std::string& member_id, Now now,
                               Milliseconds timeout) {
  deadlines_.arm({id, DeadlineKind::session, member_id}, now.instant + timeout);
}

void GroupMachine::rebalance_or_complete(Decision& out, const std::string& id, ClassicGroup& group,
                                         Now now, std::string_view why) {
  if (group.can_rebalance()) {
    prepare_rebalance(out, id, group, now, why);
  } else {
    complete_join_if_all_joined(out, id, group, now);
  }
}

void GroupMachine::prepare_rebalance(Decision& out, const std::string& id, ClassicGroup& group,
                                     Now now, std::string_view why) {
  if (group.state() == GroupState::completing_rebalance) {
    fail_syncs(out, id, group, ErrorCode::rebalance_in_progress, now);
  }
  deadlines_.cancel({id, DeadlineKind::sync, ""});
  const bool first = group.state() == GroupState::empty;
  logging::info("group {} prepares a rebalance state={} generation={} reason={}", id,
                to_string(group.state()), group.generation(), why);
  group.transition(GroupState::preparing_rebalance, now.wall);
  if (!first) return complete_join_or_wait(out, id, group, now);
  // Members of a new group start one by one: wait a little, so that it rebalances once (KIP-134).
  group.new_member_added = false;
  group.initial_delay = config_.group_initial_rebalance_delay;
  group.initial_remaining =
      std::max(group.rebalance_timeout() - group.initial_delay, Milliseconds(0));
  deadlines_.arm({id, DeadlineKind::join, ""}, now.instant + group.initial_delay);
}

void GroupMachine::complete_join_or_wait(Decision& out, const std::string& id, ClassicGroup& group,
                                         Now now) {
  if (group.all_joined()) return complete_join(out, id, group, now);
  deadlines_.arm({id, DeadlineKind::join, ""}, now.instant + group.rebalance_timeout());
}

void GroupMachine::complete_join_if_all_joined(Decision& out, const std::string& id,
                                               ClassicGroup& group, Now now) {
  const bool initial = group.previous_state() == GroupState::empty;  // that one waits its delay out
  if (group.state() != GroupState::preparing_rebalance || initial || !group.all_joined()) return;
  complete_join(out, id, group, now);
}

void GroupMachine::end_initial_delay(Decision& out, const std::string& id, ClassicGroup& group,
                                     Now now) {
  if (!group.new_member_added || group.initial_remaining == Milliseconds(0)) {
    return complete_join(out, id, group, now);
  }
  group.new_member_added = false;
  const Milliseconds passed = group.initial_delay;
  group.initial_delay = std::min(config_.group_initial_rebalance_delay, group.initial_remaining);
  group.initial_remaining = std::max(group.initial_remaining - passed, Milliseconds(0));
  deadlines_.arm({id, DeadlineKind::join, ""}, now.instant + group.initial_delay);
}

void GroupMachine::complete_join(Decision& out, const std::string& id, ClassicGroup& group,
                                 Now now) {
  deadlines_.cancel({id, DeadlineKind::join, ""});
  for (const std::string& absent : group.not_rejoined_dynamic_members()) {
    logging::info("group {} removes member {}: it did not rejoin within the rebalance timeout", id,
                  absent);
    remove_member(out, id, group, absent);
  }
  if (!group.elect_joined_leader() && !group.members().empty()) {
    // Only static members are left and none has come back: their sessions decide.
    deadlines_.arm({id, DeadlineKind::join, ""}, now.instant + group.rebalance_timeout());
    return;
  }
  group.begin_generation(now.wall);
  logging::info("group {} has generation {} with {} members", id, group.generation(),
                group.members().size());
  if (group.state() == GroupState::empty) {
    out.records.push_back(group_metadata_record(id, group.stored()));
  } else {
    answer_joins(out, id, group, now);
  }
}

void GroupMachine::answer_joins(Decision& out, const std::string& id, ClassicGroup& group,
                                Now now) {
  for (const auto& [member_id, unused] : group.members()) {
    Member& member = *group.find(member_id);
    if (const auto request = group.take_join(member)) {
      const bool leads = group.is_leader(member_id);
      out.answer(*request, joined(group, member_id, leads ? WithMembers::yes : WithMembers::no));
    }
    arm_session(id, member_id, now, member.session_timeout);
    member.is_new = false;
    group.pending_syncs.insert(member_id);
  }
  deadlines_.arm({id, DeadlineKind::sync, ""}, now.instant + group.rebalance_timeout());
}

void GroupMachine::fail_syncs(Decision& out, const std::string& id, ClassicGroup& group,
                              ErrorCode why, Now now) {
  for (const auto& [member_id, unused] : group.members()) {
    Member& member = *group.find(member_id);
    member.assignment.clear();
    const auto request = std::exchange(member.awaiting_sync, std::nullopt);
    if (!request) continue;
    out.answer(*request, sync_refused(why));
    arm_session(id, member_id, now, member.session_timeout);
  }
}

void GroupMachine::remove_member(Decision& out, const std::string& id, ClassicGroup& group,
                                 const std::string& member_id) {
  deadlines_.cancel({id, DeadlineKind::session, member_id});
  const auto removed = group.remove(member_id);
  if (!removed) return;
  if (removed->awaiting_join) {
    out.answer(*removed->awaiting_join, join_refused(ErrorCode::unknown_member_id));
  }
  if (removed->awaiting_sync) {
    out.answer(*removed->awaiting_sync, sync_refused(ErrorCode::unknown_member_id));
  }
}

void GroupMachine::expire_sync(Decision& out, const std::string& id, ClassicGroup& group, Now now) {
  if (group.pending_syncs.empty() || !group.can_rebalance() || group.state() == GroupState::empty) {
    return;
  }
  const auto late = group.pending_syncs;
  for (const std::string& member_id : late) {
    logging::info("group {} removes member {}: it did not ask for its assignment", id, member_id);
    remove_member(out, id, group, member_id);
  }
  prepare_rebalance(out, id, group, now, "members did not sync within the rebalance timeout");
}

void GroupMachine::expire_session(Decision& out, const std::string& id, ClassicGroup& group,
                                  const std::string& member_id, Now now) {
  if (group.pending_joins.contains(member_id)) {
    group.remove(member_id);
    return complete_join_if_all_joined(out, id, group, now);
  }
  const Member* member = group.find(member_id);
  if (!member) return;
  // Whoever waits for us is alive, save a new member: its client may be gone for good.
  if (!member->is_new && (member->awaiting_join || member->awaiting_sync)) return;
  logging::info("group {} removes member {}: its session expired", id, member_id);
  remove_member(out, id, group, member_id);
  if (group.state() == GroupState::empty) return;
  rebalance_or_complete(out, id, group, now, "the session of member " + member_id + " expired");
}

}  // namespace cairn::group
