// SPDX-License-Identifier: Apache-2.0
// The live membership of one group under the classic protocol: soft state, rebuilt from the group's
// last record after a load. It answers questions and keeps its own counts; GroupMachine decides.
//
//   empty -> preparing_rebalance      the first member joins
//   preparing_rebalance -> completing_rebalance   all have joined, or the rebalance timeout passed
//   preparing_rebalance -> empty      nobody was left to join
//   completing_rebalance -> stable    the leader's assignment is stored
//   completing_rebalance, stable -> preparing_rebalance   a member came, went or changed
//
// Invariant: the leader is a member unless there are none; all members share one protocol type and
// at least one protocol.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/result.hpp>
#include <cairn/base/time.hpp>
#include <cairn/group/config.hpp>
#include <cairn/group/decision.hpp>
#include <cairn/protocol/messages/join_group.hpp>
#include <cairn/protocol/records/group/group_metadata_value.hpp>

namespace cairn::group {

enum class GroupState { empty, preparing_rebalance, completing_rebalance, stable };

/// Kafka's names: "Empty", "PreparingRebalance", "CompletingRebalance", "Stable".
std::string_view to_string(GroupState state);

using MemberProtocol = protocol::JoinGroupRequest::JoinGroupRequestProtocol;

struct Member {
  std::string id;
  std::optional<std::string> instance_id;  // of a static member
  std::string client_id;
  std::string client_host;  // "/127.0.0.1", as Kafka shows it
  Milliseconds rebalance_timeout{};
  Milliseconds session_timeout{};
  std::vector<MemberProtocol> protocols;  // best first
  Bytes assignment;
  bool is_new = false;  // has not been through a whole join yet
  std::optional<RequestId> awaiting_join;
  std::optional<RequestId> awaiting_sync;

  /// The member's metadata for a protocol; null if it does not support it.
  const Bytes* metadata(std::string_view protocol) const;
};

class ClassicGroup {
 public:
  using Members = std::map<std::string, Member, std::less<>>;

  /// A group nobody has joined yet.
  explicit ClassicGroup(WallTime now);
  /// The group as its last record describes it.
  explicit ClassicGroup(const protocol::GroupMetadataValue& stored);

  GroupState state() const { return state_; }
  GroupState previous_state() const { return previous_state_; }
  std::int32_t generation() const { return generation_; }
  const std::optional<std::string>& protocol_type() const { return protocol_type_; }
  const std::optional<std::string>& protocol() const { return protocol_; }
  const std::optional<std::string>& leader() const { return leader_; }
  const Members& members() const { return members_; }
  /// When it entered its state, ms since 1970; nothing if its record was too old to say.
  std::optional<std::int64_t> state_timestamp() const { return state_timestamp_; }

  Member* find(std::string_view member_id);
  const Member* find(std::string_view member_id) const;
  /// The member id of a static member; null if there is none of that instance id.
  const std::string* static_member(std::string_view instance_id) const;
  bool is_leader(std::string_view member_id) const { return leader_ && *leader_ == member_id; }
  bool uses_consumer_protocol() const;
  Milliseconds rebalance_timeout() const;  // the longest of its members'

  /// UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID if the instance id is now another member's.
  Result<> validate(std::string_view member_id,
                    const std::optional<std::string>& instance_id) const;
  bool supports(std::string_view protocol_type, const std::vector<MemberProtocol>& protocols) const;

  /// REQUIRES: supports() of its protocols; no member of its id or instance id.
  Member& add(Member member, std::string_view protocol_type);
  /// Takes the member out; nothing if there is none. Another member leads if it led.
  std::optional<Member> remove(std::string_view member_id);
  /// The static member under a new id; returns what it was, with the requests it waited on.
  Member replace_static(const std::string& instance_id, const std::string& new_id);
  void update(Member& member, std::vector<MemberProtocol> protocols, Milliseconds rebalance_timeout,
              Milliseconds session_timeout);
  /// Parks a join; returns the one it displaces.
  std::optional<RequestId> await_join(Member& member, RequestId request);
  /// Unparks the member's join, if it waits on one.
  std::optional<RequestId> take_join(Member& member);

  std::size_t awaiting_join() const { return awaiting_join_; }
  /// All members are back, and so is everyone who was given a member id and told to use it.
  bool all_joined() const { return awaiting_join_ == members_.size() && pending_joins.empty(); }
  bool can_rebalance() const { return state_ != GroupState::preparing_rebalance; }
  std::vector<std::string> not_rejoined_dynamic_members() const;
  /// Makes sure the leader is one who has rejoined; false if no one has.
  bool elect_joined_leader();

  /// The protocol most members prefer of those that all support. REQUIRES: members.
  std::string select_protocol() const;
  /// Counts the generation up and selects its protocol: completing_rebalance, or empty.
  void begin_generation(WallTime now);
  void transition(GroupState to, WallTime now);

  /// False if it knows what its members subscribe to and the topic is not among it.
  bool is_subscribed(std::string_view topic) const;
  bool knows_subscriptions() const { return subscribed_topics_.has_value(); }

  /// The record of the group as it stands.
  protocol::GroupMetadataValue stored() const;

  std::set<std::string, std::less<>> pending_joins;  // got a member id, have not joined with it yet
  std::set<std::string, std::less<>> pending_syncs;  // joined this generation, have not synced yet
  bool new_member_added = false;  // while the first rebalance of an empty group gathers members
  Milliseconds initial_delay{};   // the delay it is in, and what the rebalance timeout leaves
  Milliseconds initial_remaining{};

 private:
  std::optional<std::set<std::string, std::less<>>> compute_subscribed_topics() const;
  void count_protocols(const Member& member, int by);

  GroupState state_ = GroupState::empty;
  GroupState previous_state_ = GroupState::empty;
  std::int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;
  std::optional<std::string> protocol_;
  std::optional<std::string> leader_;
  std::optional<std::int64_t> state_timestamp_;
  Members members_;
  std::map<std::string, std::string, std::less<>> static_members_;  // instance id -> member id
  std::map<std::string, std::size_t, std::less<>> supporters_;      // protocol -> members
  std::size_t awaiting_join_ = 0;
  std::optional<std::set<std::string, std::less<>>> subscribed_topics_;
};

}  // namespace cairn::group
