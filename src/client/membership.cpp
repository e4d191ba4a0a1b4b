// SPDX-License-Identifier: Apache-2.0
#include "membership.hpp"

#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/protocol/messages/heartbeat.hpp>
#include <cairn/protocol/messages/join_group.hpp>
#include <cairn/protocol/messages/leave_group.hpp>
#include <cairn/protocol/messages/sync_group.hpp>

namespace cairn::client {

namespace {

std::int32_t to_ms(Duration duration) {
  const auto ms = std::chrono::duration_cast<milliseconds>(duration).count();
  return static_cast<std::int32_t>(
      std::min<std::int64_t>(ms, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

Membership::Membership(CoordinatorLink& link, const ConsumerOptions& options,
                       runtime::Event& changed)
    : link_(link),
      cluster_(link.cluster()),
      options_(options),
      cooperative_(std::ranges::all_of(options.assignors, group::is_cooperative)),
      changed_(changed),
      tasks_(cluster_.shard().context()) {}

CommitIdentity Membership::identity() const {
  return {generation_, member_id_, options_.group_instance_id};
}

void Membership::request_join(const char* reason) {
  wants_join_ = true;
  reason_ = reason;
  changed_.set();
}

void Membership::begin_join(std::vector<std::string> topics, std::vector<TopicPartition> owned) {
  topics_ = std::move(topics);
  std::ranges::sort(topics_);
  owned_ = std::move(owned);
  wants_join_ = false;
  state_ = State::joining;
  if (!std::exchange(heartbeat_started_, true)) tasks_.spawn(heartbeat());
  tasks_.spawn(join());
}

std::optional<Membership::Joined> Membership::take_joined() {
  return std::exchange(joined_, std::nullopt);
}
bool Membership::take_lost() { return std::exchange(lost_, false); }
std::optional<Error> Membership::take_failure() { return std::exchange(failure_, std::nullopt); }

bool Membership::counts_changed() const {
  if (!leading_ || state_ != State::stable) return false;
  return std::ranges::any_of(counts_, [&](const auto& entry) {
    const TopicMetadata* topic = cluster_.metadata().topic(entry.first);
    const auto count = topic ? static_cast<std::int32_t>(topic->partitions.size()) : 0;
    return count != entry.second;
  });
}

void Membership::noticed(ErrorCode code) {
  using enum ErrorCode;
  switch (code) {
    case rebalance_in_progress:
      request_join("the group rebalances");
      break;
    case illegal_generation:
      become_lost(false);
      break;
    case unknown_member_id:
      become_lost(true);
      break;
    case fenced_instance_id:
      become_failed(error_of(code));
      break;
    default:
      link_.noticed(code);
      break;
  }
}

runtime::Task<> Membership::join() {
  Backoff backoff(cluster_.options());
  Step step = Step::again;
  while (!tasks_.stopping()) {
    step = co_await join_once();
    if (step != Step::again) break;
    if (!co_await cluster_.shard().clock().sleep_for(backoff.next(cluster_.shard().random())))
      break;
  }
  if (state_ == State::joining) {
    state_ = step == Step::done ? State::stable : State::unjoined;
    if (step != Step::done) wants_join_ = true;
  }
  changed_.set();
}

runtime::Task<Membership::Step> Membership::join_once() {
  protocol::JoinGroupRequest request;
  request.group_id = options_.group_id;
  request.session_timeout_ms = to_ms(options_.session_timeout);
  request.rebalance_timeout_ms = to_ms(options_.max_poll_interval);
  request.member_id = member_id_;
  request.group_instance_id = options_.group_instance_id;
  request.protocol_type = std::string(group::consumer_protocol_type);
  request.reason = reason_;
  for (const auto kind : options_.assignors) {
    request.protocols.push_back({std::string(group::name_of(kind)), subscription_for(kind), {}});
  }
  // The coordinator answers when all members have come, or their rebalance timeout has passed.
  const Duration patience =
      std::max(cluster_.options().request_timeout, options_.max_poll_interval + seconds(5));
  auto response = co_await link_.call(std::move(request), cluster_.now() + patience);
  if (!response) co_return on_join_error(response.error());
  if (response->error_code == ErrorCode::member_id_required) {
    member_id_ = response->member_id;
    co_return co_await join_once();
  }
  if (response->error_code != ErrorCode::none) {
    co_return on_join_error(error_of(response->error_code));
  }
  member_id_ = response->member_id;
  generation_ = response->generation_id;
  const auto protocol = response->protocol_name.value_or("");
  assignor_ = group::assignor_named(protocol);
  leading_ = response->leader == member_id_;
  logging::debug("joined group={} member={} generation={} protocol={} leader={}", options_.group_id,
                 member_id_, generation_, protocol, leading_);
  std::vector<std::pair<std::string, Bytes>> assignments;
  if (leading_ && !response->skip_assignment) {
    group::Members members;
    for (const auto& member : response->members) {
      auto subscription = group::decode_subscription(member.metadata);
      if (!subscription) {
        become_failed({ErrorCode::inconsistent_group_protocol,
                       "another member's subscription cannot be read"});
        co_return Step::failed;
      }
      members[member.member_id] = {member.group_instance_id, *std::move(subscription)};
    }
    auto made = co_await make_assignments(std::move(members), protocol);
    if (!made) co_return on_join_error(made.error());
    assignments = *std::move(made);
  }
  co_return co_await synchronize(std::move(assignments), protocol);
}

/// The leader's work. Topics that only others subscribe to have to be looked up first.
runtime::Task<Result<std::vector<std::pair<std::string, Bytes>>>> Membership::make_assignments(
    group::Members members, std::string protocol) {
  const auto kind = group::assignor_named(protocol);
  if (!kind) {
    co_return fail(ErrorCode::inconsistent_group_protocol, "the group chose an unknown assignor");
  }
  std::set<std::string> topics;
  bool unknown = false;
  for (const auto& [id, member] : members) {
    for (const auto& topic : member.subscription.topics) {
      topics.insert(topic);
      unknown = unknown || !cluster_.metadata().topic(topic);
      cluster_.follow(topic);
    }
  }
  if (unknown) {
    CO_TRY(co_await cluster_.refresh(cluster_.call_deadline()));
  }
  counts_.clear();
  group::PartitionCounts existing;
  for (const auto& name : topics) {
    const TopicMetadata* topic = cluster_.metadata().topic(name);
    const auto count = topic ? static_cast<std::int32_t>(topic->partitions.size()) : 0;
    counts_[name] = count;
    if (count > 0) existing[name] = count;
  }
  std::vector<std::pair<std::string, Bytes>> out;
  for (auto& [member, partitions] : group::assign(*kind, members, existing)) {
    out.emplace_back(member, group::encode_assignment({std::move(partitions), std::nullopt}));
  }
  co_return out;
}

runtime::Task<Membership::Step> Membership::synchronize(
    std::vector<std::pair<std::string, Bytes>> assignments, std::string protocol) {
  protocol::SyncGroupRequest request;
  request.group_id = options_.group_id;
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = options_.group_instance_id;
  request.protocol_type = std::string(group::consumer_protocol_type);
  request.protocol_name = protocol;
  for (auto& [member, assignment] : assignments) {
    request.assignments.push_back({member, std::move(assignment), {}});
  }
  const Duration patience =
      std::max(cluster_.options().request_timeout, options_.max_poll_interval + seconds(5));
  auto response = co_await link_.call(std::move(request), cluster_.now() + patience);
  if (!response) co_return on_join_error(response.error());
  if (response->error_code != ErrorCode::none) {
    co_return on_join_error(error_of(response->error_code));
  }
  group::Assignment assignment;
  if (!response->assignment.empty()) {
    auto decoded = group::decode_assignment(response->assignment);
    if (!decoded) {
      become_failed(decoded.error());
      co_return Step::failed;
    }
    assignment = *std::move(decoded);
  }
  last_assignment_ = assignment.partitions;
  joined_ = Joined{std::move(assignment.partitions)};
  co_return Step::done;
}

Membership::Step Membership::on_join_error(Error error) {
  using enum ErrorCode;
  link_.noticed(error.code);
  switch (error.code) {
    case unknown_member_id:
      member_id_.clear();
      [[fallthrough]];
    case illegal_generation:
      generation_ = -1;
      return Step::again;
    case rebalance_in_progress:
      return Step::again;
    default:
      break;
  }
  if (is_retriable(error.code) || wants_coordinator(error.code)) return Step::again;
  become_failed(error);
  return Step::failed;
}

void Membership::become_lost(bool forget_member) {
  if (state_ == State::joining) return;  // the join finds out by itself
  generation_ = -1;
  if (forget_member) member_id_.clear();
  lost_ = true;
  state_ = State::unjoined;
  request_join("the membership was lost");
}

void Membership::become_failed(Error error) {
  failure_ = error;
  lost_ = error.code == ErrorCode::fenced_instance_id;
  if (state_ != State::joining) state_ = State::unjoined;
  changed_.set();
}

runtime::Task<> Membership::heartbeat() {
  auto& clock = cluster_.shard().clock();
  while (!tasks_.stopping()) {
    if (!co_await clock.sleep_for(options_.heartbeat_interval)) co_return;
    if (state_ != State::stable) continue;
    if (cluster_.now() - last_poll_ > options_.max_poll_interval) {
      logging::warn("group={} member={} left: no poll within max.poll.interval.ms",
                    options_.group_id, member_id_);
      co_await leave("not polled within max.poll.interval.ms", cluster_.call_deadline());
      lost_ = true;
      request_join("polled again");
      continue;
    }
    co_await send_heartbeat();
  }
}

runtime::Task<> Membership::send_heartbeat() {
  protocol::HeartbeatRequest request;
  request.group_id = options_.group_id;
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = options_.group_instance_id;
  const auto sent_in = generation_;
  auto response = co_await link_.call(std::move(request), cluster_.call_deadline());
  if (state_ != State::stable || generation_ != sent_in) co_return;  // an answer to the past
  if (response && response->error_code != ErrorCode::none) noticed(response->error_code);
}

runtime::Task<> Membership::leave(const char* reason, Instant deadline) {
  const bool goes = state_ == State::stable && !options_.group_instance_id;
  state_ = State::unjoined;
  if (!goes) co_return;
  protocol::LeaveGroupRequest request;
  request.group_id = options_.group_id;
  auto& me = request.members.emplace_back();
  me.member_id = member_id_;
  me.group_instance_id = options_.group_instance_id;
  me.reason = reason;
  generation_ = -1;
  member_id_.clear();
  auto response = co_await link_.call(std::move(request), deadline);
  if (!response) logging::debug("leaving group={} failed: {}", link_.group(), response.error().why);
}

runtime::Task<> Membership::stop() {
  tasks_.cancel();
  co_await tasks_.join();
}

Bytes Membership::subscription_for(group::AssignorKind kind) const {
  group::Subscription subscription;
  subscription.topics = topics_;
  subscription.owned = owned_;
  subscription.generation = generation_;
  subscription.user_data = group::user_data_for(kind, last_assignment_, generation_);
  if (!options_.rack.empty()) subscription.rack = options_.rack;
  return group::encode_subscription(subscription);
}

}  // namespace cairn::client
