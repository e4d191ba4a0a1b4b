// SPDX-License-Identifier: Apache-2.0
// A consumer's membership of its group, classic protocol: joins, assigns if it leads, synchronizes,
// keeps the membership alive with heartbeats that no processing delays, leaves. It never rebalances
// by itself: it says that it must, and the consumer's poll() lets it once the application has let
// go.
//
//   unjoined --begin_join--> joining --assigned--> stable --rebalance, unknown--> stable,
//   wants_join
//      ^                        |                    |
//      +---- leave, lost -------+--------------------+
//
// Invariant: heartbeats are sent in stable only; member id and generation change together.
// Owner: Consumer, which joins its tasks.
#pragma once

#include <cairn/group/assignor.hpp>

#include "coordinator_link.hpp"
#include "group_offsets.hpp"

namespace cairn::client {

class Membership {
 public:
  struct Joined {
    std::vector<TopicPartition> partitions;
  };

  /// `changed` is set whenever what the functions below say may have changed.
  Membership(CoordinatorLink& link, const ConsumerOptions& options, runtime::Event& changed);

  bool cooperative() const { return cooperative_; }
  CommitIdentity identity() const;
  std::string member_id() const { return member_id_; }
  std::int32_t generation() const { return generation_; }

  bool wants_join() const { return wants_join_ && state_ != State::joining; }
  bool joining() const { return state_ == State::joining; }
  bool stable() const { return state_ == State::stable; }
  /// Stable, its assignment taken, and nothing known that makes it join again.
  bool settled() const { return stable() && !joined_ && !wants_join_ && !lost_; }
  void request_join(const char* reason);

  /// Starts a join with this subscription; `owned` is what the member still has.
  void begin_join(std::vector<std::string> topics, std::vector<TopicPartition> owned);
  /// The assignment of a finished join, once.
  std::optional<Joined> take_joined();
  /// Set when the group has gone on without us: what we had may be another's by now.
  bool take_lost();
  /// What does not pass: fenced, not allowed, inconsistent.
  std::optional<Error> take_failure();

  /// The application polled: heartbeats go on for another max.poll.interval.ms.
  void polled(Instant now) { last_poll_ = now; }
  /// Leader only: the topics whose partition counts its last assignment rests on have changed.
  bool counts_changed() const;

  /// An answer elsewhere (commit) said that the membership is no more, or must rejoin.
  void noticed(ErrorCode code);

  /// A static member only goes quiet: its place is kept for the session's time.
  runtime::Task<> leave(const char* reason, Instant deadline);
  /// Ends the tasks.
  runtime::Task<> stop();

 private:
  enum class State : std::uint8_t { unjoined, joining, stable };
  enum class Step : std::uint8_t { done, again, failed };

  runtime::Task<> join();
  runtime::Task<Step> join_once();
  runtime::Task<Step> synchronize(std::vector<std::pair<std::string, Bytes>> assignments,
                                  std::string protocol);
  runtime::Task<Result<std::vector<std::pair<std::string, Bytes>>>> make_assignments(
      group::Members members, std::string protocol);
  Step on_join_error(Error error);
  runtime::Task<> heartbeat();
  runtime::Task<> send_heartbeat();
  void become_lost(bool forget_member);
  void become_failed(Error error);
  Bytes subscription_for(group::AssignorKind kind) const;

  CoordinatorLink& link_;
  Cluster& cluster_;
  const ConsumerOptions& options_;
  bool cooperative_;
  State state_ = State::unjoined;
  bool wants_join_ = true;
  bool lost_ = false;
  bool heartbeat_started_ = false;
  std::string reason_ = "first join";
  std::string member_id_;
  std::int32_t generation_ = -1;
  std::vector<std::string> topics_;
  std::vector<TopicPartition> owned_;
  std::optional<group::AssignorKind> assignor_;
  std::vector<TopicPartition> last_assignment_;
  group::PartitionCounts counts_;  // leader: what the last assignment rests on
  bool leading_ = false;
  std::optional<Joined> joined_;
  std::optional<Error> failure_;
  Instant last_poll_{};
  runtime::Event& changed_;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::client
