// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/base/log.hpp>
#include <cairn/group/classic_group.hpp>
#include <cairn/group/consumer_protocol.hpp>

namespace cairn::group {

std::string_view to_string(GroupState state) {
  switch (state) {
    case GroupState::empty:
      return "Empty";
    case GroupState::preparing_rebalance:
      return "PreparingRebalance";
    case GroupState::completing_rebalance:
      return "CompletingRebalance";
    case GroupState::stable:
      return "Stable";
  }
  return "Dead";
}

const Bytes* Member::metadata(std::string_view protocol) const {
  const auto found = std::ranges::find(protocols, protocol, &MemberProtocol::name);
  return found == protocols.end() ? nullptr : &found->metadata;
}

ClassicGroup::ClassicGroup(WallTime now) : state_timestamp_(to_timestamp(now)) {}

ClassicGroup::ClassicGroup(const protocol::GroupMetadataValue& stored)
    : state_(stored.members.empty() ? GroupState::empty : GroupState::stable),
      previous_state_(state_),
      generation_(stored.generation),
      protocol_(stored.protocol),
      leader_(stored.leader) {
  if (!stored.protocol_type.empty()) protocol_type_ = stored.protocol_type;
  if (stored.current_state_timestamp != no_timestamp) {
    state_timestamp_ = stored.current_state_timestamp;
  }
  for (const auto& from : stored.members) {
    if (members_.contains(from.member_id)) continue;
    Member member;
    member.id = from.member_id;
    member.instance_id = from.group_instance_id;
    member.client_id = from.client_id;
    member.client_host = from.client_host;
    member.rebalance_timeout = Milliseconds(from.rebalance_timeout);
    member.session_timeout = Milliseconds(from.session_timeout);
    member.assignment = from.assignment;
    if (from.rebalance_timeout == -1) member.rebalance_timeout = member.session_timeout;
    MemberProtocol& only = member.protocols.emplace_back();
    only.name = stored.protocol.value_or("");
    only.metadata = from.subscription;
    count_protocols(member, 1);
    if (member.instance_id) static_members_[*member.instance_id] = member.id;
    if (!leader_) leader_ = member.id;
    const std::string id = member.id;
    members_.emplace(id, std::move(member));
  }
  if (leader_ && !members_.contains(*leader_)) {
    leader_ = members_.empty() ? std::nullopt : std::optional(members_.begin()->first);
  }
  subscribed_topics_ = compute_subscribed_topics();
}

Member* ClassicGroup::find(std::string_view member_id) {
  const auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

const Member* ClassicGroup::find(std::string_view member_id) const {
  const auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

const std::string* ClassicGroup::static_member(std::string_view instance_id) const {
  const auto found = static_members_.find(instance_id);
  return found == static_members_.end() ? nullptr : &found->second;
}

bool ClassicGroup::uses_consumer_protocol() const {
  return protocol_type_ == consumer_protocol_type;
}

Milliseconds ClassicGroup::rebalance_timeout() const {
  Milliseconds longest{};
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

Result<> ClassicGroup::validate(std::string_view member_id,
                                const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const std::string* current = static_member(*instance_id);
    if (!current) return fail(ErrorCode::unknown_member_id, "no member has this group.instance.id");
    if (*current != member_id) {
      return fail(ErrorCode::fenced_instance_id, "the group.instance.id is another member's now");
    }
  }
  if (!find(member_id)) return fail(ErrorCode::unknown_member_id, "the group has no such member");
  return {};
}

bool ClassicGroup::supports(std::string_view protocol_type,
                            const std::vector<MemberProtocol>& protocols) const {
  if (state_ == GroupState::empty) return !protocol_type.empty() && !protocols.empty();
  if (protocol_type_ != protocol_type) return false;
  return std::ranges::any_of(protocols, [this](const MemberProtocol& protocol) {
    const auto found = supporters_.find(protocol.name);
    return (found == supporters_.end() ? 0 : found->second) == members_.size();
  });
}

void ClassicGroup::count_protocols(const Member& member, int by) {
  std::set<std::string_view> names;  // a member that names a protocol twice supports it once
  for (const MemberProtocol& protocol : member.protocols) names.insert(protocol.name);
  for (const std::string_view name : names) {
    std::size_t& count = supporters_.try_emplace(std::string(name)).first->second;
    count += static_cast<std::size_t>(by);
    if (count == 0) supporters_.erase(std::string(name));
  }
}

Member& ClassicGroup::add(Member member, std::string_view protocol_type) {
  ASSERT(!members_.contains(member.id), "a member is added once");
  if (members_.empty()) protocol_type_ = protocol_type;
  if (!leader_) leader_ = member.id;
  if (member.instance_id) {
    ASSERT(!static_members_.contains(*member.instance_id), "an instance id is one member's");
    static_members_[*member.instance_id] = member.id;
  }
  count_protocols(member, 1);
  if (member.awaiting_join) ++awaiting_join_;
  pending_joins.erase(member.id);
  const std::string id = member.id;
  return members_.emplace(id, std::move(member)).first->second;
}

std::optional<Member> ClassicGroup::remove(std::string_view member_id) {
  std::optional<Member> removed;
  if (const auto found = members_.find(member_id); found != members_.end()) {
    removed = std::move(found->second);
    members_.erase(found);
    count_protocols(*removed, -1);
    if (removed->awaiting_join) --awaiting_join_;
    if (removed->instance_id) static_members_.erase(*removed->instance_id);
    if (leader_ == removed->id) {
      leader_ = members_.empty() ? std::nullopt : std::optional(members_.begin()->first);
    }
  }
  if (const auto pending = pending_joins.find(member_id); pending != pending_joins.end()) {
    pending_joins.erase(pending);
  }
  if (const auto pending = pending_syncs.find(member_id); pending != pending_syncs.end()) {
    pending_syncs.erase(pending);
  }
  return removed;
}

Member ClassicGroup::replace_static(const std::string& instance_id, const std::string& new_id) {
  const auto owner = static_members_.find(instance_id);
  ASSERT(owner != static_members_.end(), "only a known instance id is replaced");
  const auto found = members_.find(owner->second);
  Member old = std::move(found->second);
  members_.erase(found);
  if (old.awaiting_join) --awaiting_join_;
  pending_syncs.erase(old.id);
  Member fresh = old;
  fresh.id = new_id;
  fresh.is_new = false;
  fresh.awaiting_join.reset();
  fresh.awaiting_sync.reset();
  if (leader_ == old.id) leader_ = new_id;
  owner->second = new_id;
  members_.emplace(new_id, std::move(fresh));
  return old;
}

void ClassicGroup::update(Member& member, std::vector<MemberProtocol> protocols,
                          Milliseconds rebalance_timeout, Milliseconds session_timeout) {
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  count_protocols(member, 1);
  member.rebalance_timeout = rebalance_timeout;
  member.session_timeout = session_timeout;
}

std::optional<RequestId> ClassicGroup::await_join(Member& member, RequestId request) {
  const std::optional<RequestId> displaced = take_join(member);
  member.awaiting_join = request;
  ++awaiting_join_;
  return displaced;
}

std::optional<RequestId> ClassicGroup::take_join(Member& member) {
  if (member.awaiting_join) --awaiting_join_;
  return std::exchange(member.awaiting_join, std::nullopt);
}

std::vector<std::string> ClassicGroup::not_rejoined_dynamic_members() const {
  std::vector<std::string> ids;
  for (const auto& [id, member] : members_) {
    if (!member.awaiting_join && !member.instance_id) ids.push_back(id);
  }
  return ids;
}

bool ClassicGroup::elect_joined_leader() {
  if (!leader_) return false;
  if (find(*leader_)->awaiting_join) return true;
  for (const auto& [id, member] : members_) {
    if (!member.awaiting_join) continue;
    leader_ = id;
    return true;
  }
  return false;
}

std::string ClassicGroup::select_protocol() const {
  ASSERT(!members_.empty(), "protocols are selected by members");
  std::map<std::string, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    const auto choice = std::ranges::find_if(member.protocols, [this](const auto& protocol) {
      const auto found = supporters_.find(protocol.name);
      return found != supporters_.end() && found->second == members_.size();
    });
    ASSERT(choice != member.protocols.end(), "all members share a protocol");
    ++votes[choice->name];
  }
  // An equal vote falls to the first by name: any rule does that every replay repeats.
  return std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; })->first;
}

void ClassicGroup::begin_generation(WallTime now) {
  ++generation_;
  pending_syncs.clear();
  if (members_.empty()) {
    protocol_.reset();
    leader_.reset();
  } else {
    protocol_ = select_protocol();
  }
  subscribed_topics_ = compute_subscribed_topics();
  transition(members_.empty() ? GroupState::empty : GroupState::completing_rebalance, now);
}

void ClassicGroup::transition(GroupState to, WallTime now) {
  const bool legal = (to == GroupState::preparing_rebalance && can_rebalance()) ||
                     (to == GroupState::stable && state_ == GroupState::completing_rebalance) ||
                     (state_ == GroupState::preparing_rebalance && to != GroupState::stable);
  ASSERT(legal, "a group moves only along the arrows of its header");
  previous_state_ = state_;
  state_ = to;
  state_timestamp_ = to_timestamp(now);
}

bool ClassicGroup::is_subscribed(std::string_view topic) const {
  if (!subscribed_topics_) return uses_consumer_protocol();
  return subscribed_topics_->contains(topic);
}

std::optional<std::set<std::string, std::less<>>> ClassicGroup::compute_subscribed_topics() const {
  if (!uses_consumer_protocol()) return std::nullopt;
  std::set<std::string, std::less<>> topics;
  for (const auto& [id, member] : members_) {
    const Bytes* metadata = protocol_ ? member.metadata(*protocol_) : nullptr;
    if (!metadata) return std::nullopt;
    auto names = subscribed_topics(*metadata);
    if (!names) {
      logging::warn("a member's subscription is not of the consumer protocol member={} reason={}",
                    id, names.error().why);
      return std::nullopt;
    }
    topics.insert(names->begin(), names->end());
  }
  return topics;
}

protocol::GroupMetadataValue ClassicGroup::stored() const {
  protocol::GroupMetadataValue value;
  value.protocol_type = protocol_type_.value_or("");
  value.generation = generation_;
  value.protocol = protocol_;
  value.leader = leader_;
  value.current_state_timestamp = state_timestamp_.value_or(no_timestamp);
  for (const auto& [id, member] : members_) {
    auto& to = value.members.emplace_back();
    to.member_id = id;
    to.group_instance_id = member.instance_id;
    to.client_id = member.client_id;
    to.client_host = member.client_host;
    to.rebalance_timeout = static_cast<std::int32_t>(member.rebalance_timeout.count());
    to.session_timeout = static_cast<std::int32_t>(member.session_timeout.count());
    if (const Bytes* metadata = member.metadata(protocol_.value_or("")))
      to.subscription = *metadata;
    to.assignment = member.assignment;
  }
  return value;
}

}  // namespace cairn::group
