// SPDX-License-Identifier: Apache-2.0
// The group coordinator of one partition of `__consumer_offsets`, as a value: no clock, no I/O.
// Durable state (offsets, the last record of each group) changes only in apply(), live and in
// replay. Soft state (memberships in motion, parked joins and syncs, deadlines) changes only by the
// inputs below and starts from the records after loaded(). Owned by the coordinator module's actor,
// which executes each Decision before it brings the next input.
//
// Kafka's error codes and answers, as its 4.3 classic groups give them; KIP-848, share and streams
// groups are not served: their records are counted and kept, their group ids refused.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <cairn/base/random.hpp>
#include <cairn/group/classic_group.hpp>
#include <cairn/group/config.hpp>
#include <cairn/group/deadlines.hpp>
#include <cairn/group/decision.hpp>
#include <cairn/group/records.hpp>
#include <cairn/protocol/messages/delete_groups.hpp>
#include <cairn/protocol/messages/describe_groups.hpp>
#include <cairn/protocol/messages/heartbeat.hpp>
#include <cairn/protocol/messages/join_group.hpp>
#include <cairn/protocol/messages/leave_group.hpp>
#include <cairn/protocol/messages/list_groups.hpp>
#include <cairn/protocol/messages/offset_commit.hpp>
#include <cairn/protocol/messages/offset_delete.hpp>
#include <cairn/protocol/messages/offset_fetch.hpp>
#include <cairn/protocol/messages/sync_group.hpp>

namespace cairn::group {

/// Who asks, and in which version of its request.
struct Caller {
  std::string client_id;
  std::string client_host;  // "127.0.0.1"
  std::int16_t version = 0;
};

using Offsets = std::map<std::string, std::map<PartitionIndex, CommittedOffset>, std::less<>>;

/// What the records of a group add up to.
struct DurableGroup {
  std::optional<protocol::GroupMetadataValue> metadata;
  Offsets offsets;                        // by topic
  std::map<Bytes, std::int16_t> foreign;  // live keys of groups that are not served

  bool operator==(const DurableGroup&) const = default;
};

class GroupMachine {
 public:
  using Reply = std::variant<protocol::JoinGroupResponse, protocol::SyncGroupResponse,
                             protocol::HeartbeatResponse, protocol::LeaveGroupResponse,
                             protocol::OffsetCommitResponse, protocol::OffsetDeleteResponse,
                             protocol::DeleteGroupsResponse::DeletableGroupResult>;
  using Decision = group::Decision<Reply>;
  using ListedGroup = protocol::ListGroupsResponse::ListedGroup;
  using DescribedGroup = protocol::DescribeGroupsResponse::DescribedGroup;
  using FetchedGroup = protocol::OffsetFetchResponse::OffsetFetchResponseGroup;

  explicit GroupMachine(const GroupConfig& config) : config_(config) {}

  // ---- durable state
  /// Folds one record in; `logged_at` is its offset. CORRUPT_MESSAGE stops the load.
  Result<> apply(BytesView key, std::optional<BytesView> value, Offset logged_at);
  const std::map<std::string, DurableGroup, std::less<>>& durable() const { return durable_; }

  // ---- inputs
  /// All records are applied: memberships begin from them, sessions run from now.
  Decision loaded(Now now);
  Decision join(RequestId id, const Caller& caller, const protocol::JoinGroupRequest& request,
                Now now, Random& random);
  Decision sync(RequestId id, const protocol::SyncGroupRequest& request, Now now);
  Decision heartbeat(RequestId id, const protocol::HeartbeatRequest& request, Now now);
  /// Versions below 3 name one member: it stands in `members` here too.
  Decision leave(RequestId id, const protocol::LeaveGroupRequest& request, Now now);
  /// Topics carry name and id both; the caller has checked that they exist.
  Decision commit_offsets(RequestId id, std::int16_t version,
                          const protocol::OffsetCommitRequest& request, Now now);
  Decision delete_offsets(RequestId id, const protocol::OffsetDeleteRequest& request) const;
  Decision delete_group(RequestId id, const std::string& group) const;
  /// Their offsets are removed soon, by way of expire().
  void topics_deleted(const std::vector<std::pair<std::string, TopicId>>& topics, Now now);
  /// The earliest deadline that is due, if one is. Call again while next_deadline() is due.
  Decision expire(Now now);
  std::optional<Instant> next_deadline() const { return deadlines_.earliest(); }
  /// The log refused the records of `decision`; whoever waits on it is told by the actor.
  Decision refused(const Decision& decision, ErrorCode why, Now now);

  // ---- questions; their answers are good once what was applied before them is committed
  FetchedGroup fetch_offsets(
      const protocol::OffsetFetchRequest::OffsetFetchRequestGroup& request) const;
  DescribedGroup describe(const std::string& group, std::int16_t version) const;
  /// Filters in any case of letters; an empty one lets everything pass.
  std::vector<ListedGroup> list(const std::vector<std::string>& states,
                                const std::vector<std::string>& types) const;

  struct Totals {
    std::size_t groups = 0;
    std::size_t offsets = 0;
    std::size_t foreign_records = 0;
    std::map<GroupState, std::size_t> by_state;
  };
  Totals totals() const;

 private:
  struct Joining;  // one JoinGroup on its way through join.cpp

  ClassicGroup* find(std::string_view group);
  const ClassicGroup* find(std::string_view group) const;
  bool is_foreign(std::string_view group) const;
  void apply_offset(OffsetCommitted committed, Offset logged_at);
  void forget_if_empty(const std::string& group);

  // join.cpp
  bool accepts(const ClassicGroup& group, std::string_view member_id) const;
  void join_new(Decision& out, ClassicGroup& group, const Joining& joining, Random& random);
  void join_known(Decision& out, ClassicGroup& group, const Joining& joining);
  void join_member(Decision& out, ClassicGroup& group, Member& member, const Joining& joining);
  void add_member(Decision& out, ClassicGroup& group, const Joining& joining,
                  const std::string& member_id);
  void update_member(Decision& out, ClassicGroup& group, Member& member, const Joining& joining);
  void replace_static_member(Decision& out, ClassicGroup& group, const Joining& joining,
                             const std::string& new_id);
  void keep_generation(Decision& out, ClassicGroup& group, Member& member, const Joining& joining,
                       const std::string& old_leader);

  // sync.cpp
  void store_assignment(Decision& out, ClassicGroup& group,
                        const protocol::SyncGroupRequest& request, Now now);
  ErrorCode leave_one(Decision& out, ClassicGroup& group, const std::string& group_id,
                      const std::string& member_id, const std::optional<std::string>& instance_id);

  // rebalance.cpp; `id` is the group's
  void rebalance_or_complete(Decision& out, const std::string& id, ClassicGroup& group, Now now,
                             std::string_view why);
  void prepare_rebalance(Decision& out, const std::string& id, ClassicGroup& group, Now now,
                         std::string_view why);
  void complete_join_or_wait(Decision& out, const std::string& id, ClassicGroup& group, Now now);
  void complete_join_if_all_joined(Decision& out, const std::string& id, ClassicGroup& group,
                                   Now now);
  void complete_join(Decision& out, const std::string& id, ClassicGroup& group, Now now);
  void answer_joins(Decision& out, const std::string& id, ClassicGroup& group, Now now);
  void end_initial_delay(Decision& out, const std::string& id, ClassicGroup& group, Now now);
  void expire_sync(Decision& out, const std::string& id, ClassicGroup& group, Now now);
  void expire_session(Decision& out, const std::string& id, ClassicGroup& group,
                      const std::string& member_id, Now now);
  void fail_syncs(Decision& out, const std::string& id, ClassicGroup& group, ErrorCode why,
                  Now now);
  void remove_member(Decision& out, const std::string& id, ClassicGroup& group,
                     const std::string& member_id);
  void arm_session(const std::string& id, const std::string& member_id, Now now,
                   Milliseconds timeout);

  // offsets.cpp
  static const CommittedOffset* find_offset(const Offsets& offsets, std::string_view topic,
                                            PartitionIndex partition);
  Result<> validate_commit(const protocol::OffsetCommitRequest& request,
                           std::int16_t version) const;
  void sweep_offsets(Decision& out, Now now);
  bool expire_offsets_of(Decision& out, const std::string& id, const DurableGroup& group,
                         const ClassicGroup& live, Now now) const;
  void remove_deleted_topics(Decision& out, Now now);

  GroupConfig config_;
  std::map<std::string, DurableGroup, std::less<>> durable_;
  std::map<std::string, ClassicGroup, std::less<>> live_;
  Deadlines deadlines_;
  std::map<std::string, TopicId, std::less<>> deleted_topics_;  // whose offsets still stand
  std::optional<std::string> sweep_cursor_;  // the group the retention sweep goes on behind
  bool loaded_ = false;
};

}  // namespace cairn::group
