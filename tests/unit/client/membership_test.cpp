// SPDX-License-Identifier: Apache-2.0
// A consumer as a member of a group, whose coordinator decides as a broker's does.
#include "consuming.hpp"

namespace cairn::client {
namespace membership_test {

using namespace testing;
using Strings = std::vector<std::string>;
using Ints = std::vector<int>;

/// Sorted, and each once.
Strings united(const Member& one, const Member& two) {
  Strings all = one.values;
  all.insert(all.end(), two.values.begin(), two.values.end());
  std::ranges::sort(all);
  return all;
}

Strings sorted(Strings all) {
  std::ranges::sort(all);
  return all;
}

Strings everything(int partitions, int count) {
  Strings all;
  for (int p = 0; p < partitions; ++p) std::ranges::copy(numbered(p, 0, count), back_inserter(all));
  return sorted(all);
}

Task<> alone(Stage& stage) {
  for (int p = 0; p < 3; ++p) stage.group.put(p, 20);
  Member member(stage, grouped());
  member.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() == 60; }));
  EXPECT_EQ(member.has(), (Ints{0, 1, 2}));
  EXPECT_EQ(member.consumer.generation(), 1);
  EXPECT_EQ(stage.group.described().group_state, "Stable");
  EXPECT_TRUE(co_await member.close());
  EXPECT_EQ(member.listener.events, (Strings{"assigned 0 1 2", "revoked 0 1 2"}));
  EXPECT_EQ(stage.group.described().group_state, "Empty");
  for (int p = 0; p < 3; ++p) EXPECT_EQ(stage.group.committed(p), 20);
}
TEST(Membership, a_member_alone_has_everything_and_leaves_it_committed) { on_stage(3, alone); }

/// Eager: whoever was there gives up all, commits, and gets its share; nothing is read twice.
template <AssignorKind kind>
Task<> eager_share(Stage& stage) {
  for (int p = 0; p < 4; ++p) stage.group.put(p, 50);
  Member one(stage, grouped(kind));
  one.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return one.values.size() == 200; }));
  Member two(stage, grouped(kind));
  two.start();
  EXPECT_TRUE(
      co_await stage.eventually([&] { return one.has().size() == 2 && two.has().size() == 2; }));
  EXPECT_EQ(one.listener.events[1], "revoked 0 1 2 3");
  EXPECT_EQ(one.listener.events.size(), 3u);
  for (int p = 0; p < 4; ++p) stage.group.put(p, 10);
  EXPECT_TRUE(
      co_await stage.eventually([&] { return one.values.size() + two.values.size() >= 240; }));
  EXPECT_TRUE(co_await one.close());
  EXPECT_TRUE(co_await stage.eventually([&] { return two.has().size() == 4; }));
  co_await stage.pass(5s);
  EXPECT_EQ(united(one, two), everything(4, 60));
  EXPECT_TRUE(co_await two.close());
}
TEST(Membership, members_share_by_range) { on_stage(4, eager_share<AssignorKind::range>); }
TEST(Membership, members_share_by_round_robin) {
  on_stage(4, eager_share<AssignorKind::round_robin>);
}

/// Cooperative: what stays is read on without a pause, what moves goes by way of nobody.
Task<> cooperative_share(Stage& stage) {
  for (int p = 0; p < 4; ++p) stage.group.put(p, 50);
  const auto options = grouped(AssignorKind::cooperative_sticky);
  Member one(stage, options);
  one.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return one.values.size() == 200; }));
  Member two(stage, options);
  two.start();
  EXPECT_TRUE(
      co_await stage.eventually([&] { return one.has().size() == 2 && two.has().size() == 2; }));
  const Strings revoked = {one.listener.events.at(0), one.listener.events.at(1)};
  EXPECT_EQ(revoked[0], "assigned 0 1 2 3");
  EXPECT_EQ(revoked[1].size(), std::string("revoked 0 1").size()) << revoked[1];
  for (int p = 0; p < 4; ++p) stage.group.put(p, 10);
  EXPECT_TRUE(
      co_await stage.eventually([&] { return one.values.size() + two.values.size() >= 240; }));
  EXPECT_EQ(united(one, two), everything(4, 60));
  EXPECT_TRUE(co_await one.close());
  EXPECT_TRUE(co_await stage.eventually([&] { return two.has().size() == 4; }));
  EXPECT_TRUE(co_await two.close());
  EXPECT_EQ(std::ranges::count_if(two.listener.events,
                                  [](const auto& event) { return event.starts_with("revoked"); }),
            1);  // at the end
}
TEST(Membership, a_cooperative_member_gives_up_only_what_moves) { on_stage(4, cooperative_share); }

Task<> static_member(Stage& stage) {
  for (int p = 0; p < 2; ++p) stage.group.put(p, 5);
  auto options = grouped();
  options.group_instance_id = "one";
  std::int32_t generation = 0;
  {
    Member member(stage, options);
    member.start();
    EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() == 10; }));
    generation = member.consumer.generation();
    EXPECT_TRUE(co_await member.close());
  }
  EXPECT_EQ(stage.cluster.count(protocol::ApiKey::leave_group), 0);
  EXPECT_EQ(stage.group.described().group_state, "Stable");
  Member again(stage, options);
  again.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return again.has() == (Ints{0, 1}); }));
  EXPECT_EQ(again.consumer.generation(), generation);
  EXPECT_TRUE(co_await again.close());
  EXPECT_TRUE(again.values.empty());
}
TEST(Membership, a_static_member_comes_back_without_a_rebalance) { on_stage(2, static_member); }

Task<> fenced(Stage& stage) {
  auto options = grouped();
  options.group_instance_id = "one";
  Member first(stage, options);
  first.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return !first.has().empty(); }));
  Member second(stage, options);
  second.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return !second.has().empty(); }));
  EXPECT_TRUE(co_await stage.eventually([&] { return !first.failures.empty(); }));
  EXPECT_EQ(first.failures.front(), ErrorCode::fenced_instance_id);
  EXPECT_EQ(first.listener.events.back(), "lost 0");
  EXPECT_TRUE(first.has().empty());
  static_cast<void>(co_await first.close());
  EXPECT_EQ(second.has(), (Ints{0}));
  EXPECT_TRUE(co_await second.close());
}
TEST(Membership, the_older_of_two_with_an_instance_id_is_fenced) { on_stage(1, fenced); }

/// Neither a long session's silence nor slow processing: heartbeats run beside.
Task<> slow_processing(Stage& stage) {
  stage.group.put(0, 3);
  Member member(stage, grouped());
  const auto polled = co_await member.consumer.poll(10s);
  EXPECT_TRUE(polled && !polled->empty());
  const auto id = member.consumer.member_id();
  co_await stage.pass(60s);  // six sessions
  EXPECT_EQ(stage.group.described().members.size(), 1u);
  EXPECT_EQ(member.consumer.member_id(), id);
  EXPECT_TRUE(co_await member.close());
  EXPECT_EQ(stage.group.committed(0), 3);
}
TEST(Membership, heartbeats_go_on_while_records_are_processed) { on_stage(1, slow_processing); }

Task<> not_polled(Stage& stage) {
  stage.group.put(0, 3);
  auto options = grouped();
  options.max_poll_interval = 20s;
  Member member(stage, options);
  EXPECT_TRUE(co_await member.consumer.poll(10s));
  const auto id = member.consumer.member_id();
  co_await stage.pass(40s);
  EXPECT_EQ(stage.group.described().group_state, "Empty");
  member.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return member.listener.events.size() == 3; }));
  EXPECT_NE(member.consumer.member_id(), id);
  EXPECT_EQ(member.listener.events, (Strings{"assigned 0", "lost 0", "assigned 0"}));
  EXPECT_TRUE(co_await member.close());
}
TEST(Membership, who_does_not_poll_leaves_and_joins_again) { on_stage(1, not_polled); }

Task<> forgotten(Stage& stage) {
  stage.group.put(0, 3);
  Member member(stage, grouped());
  member.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() == 3; }));
  const auto id = member.consumer.member_id();
  stage.group.remove(id);
  EXPECT_TRUE(co_await stage.eventually([&] { return member.listener.events.size() == 3; }));
  EXPECT_EQ(member.listener.events, (Strings{"assigned 0", "lost 0", "assigned 0"}));
  EXPECT_NE(member.consumer.member_id(), id);
  EXPECT_TRUE(member.failures.empty());
  EXPECT_TRUE(co_await member.close());
}
TEST(Membership, a_forgotten_member_loses_its_partitions_and_joins_anew) { on_stage(1, forgotten); }

template <class Request>
auto refuse_once(protocol::ApiKey key, ErrorCode code, int times = 1) {
  auto left = std::make_shared<int>(times);
  return [key, code, left](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != key || *left == 0) return std::nullopt;
    --*left;
    typename Request::Response response;
    response.error_code = code;
    return answer(response, asked.version);
  };
}

/// The coordinator has moved, is loading, is not there: the member looks again and stays.
Task<> coordinator_trouble(Stage& stage) {
  using enum ErrorCode;
  Member member(stage, grouped());
  member.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return !member.has().empty(); }));
  for (const auto code :
       {not_coordinator, coordinator_not_available, coordinator_load_in_progress}) {
    stage.cluster.script =
        refuse_once<protocol::HeartbeatRequest>(protocol::ApiKey::heartbeat, code);
    co_await stage.pass(7s);
  }
  int cuts = 2;
  stage.cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key == protocol::ApiKey::heartbeat && cuts-- > 0) return cut();
    return std::nullopt;
  };
  co_await stage.pass(15s);
  EXPECT_EQ(member.listener.events, (Strings{"assigned 0"}));
  EXPECT_EQ(member.consumer.generation(), 1);
  EXPECT_TRUE(co_await member.close());
}
TEST(Membership, trouble_with_the_coordinator_is_no_rebalance) { on_stage(1, coordinator_trouble); }

template <ErrorCode code>
Task<> join_is_refused(Stage& stage) {
  stage.cluster.script =
      refuse_once<protocol::JoinGroupRequest>(protocol::ApiKey::join_group, code);
  Member member(stage, grouped());
  const auto polled = co_await member.consumer.poll(10s);
  EXPECT_FALSE(polled);
  EXPECT_EQ(polled.error().code, code);
  EXPECT_TRUE(co_await member.close());
}
TEST(Membership, a_join_that_cannot_pass_fails_the_poll) {
  on_stage(1, join_is_refused<ErrorCode::inconsistent_group_protocol>);
  on_stage(1, join_is_refused<ErrorCode::group_max_size_reached>);
  on_stage(1, join_is_refused<ErrorCode::group_authorization_failed>);
  on_stage(1, join_is_refused<ErrorCode::invalid_session_timeout>);
}

Task<> sync_fails(Stage& stage) {
  using enum ErrorCode;
  for (const auto code : {rebalance_in_progress, illegal_generation, unknown_member_id,
                          not_coordinator, coordinator_load_in_progress}) {
    stage.cluster.script =
        refuse_once<protocol::SyncGroupRequest>(protocol::ApiKey::sync_group, code);
    Member member(stage, grouped());
    member.start();
    EXPECT_TRUE(co_await stage.eventually([&] { return member.has() == (Ints{0, 1}); }))
        << to_string(code);
    EXPECT_TRUE(member.failures.empty());
    EXPECT_TRUE(co_await member.close());
  }
}
TEST(Membership, a_sync_that_fails_is_a_join_again) { on_stage(2, sync_fails); }

/// Two that share no assignor: the second is refused, the first stays.
Task<> inconsistent(Stage& stage) {
  Member one(stage, grouped(AssignorKind::range));
  one.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return !one.has().empty(); }));
  Member two(stage, grouped(AssignorKind::cooperative_sticky));
  two.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return !two.failures.empty(); }));
  EXPECT_EQ(two.failures.front(), ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(one.has(), (Ints{0}));
  EXPECT_TRUE(co_await two.close());
  EXPECT_TRUE(co_await one.close());
}
TEST(Membership, who_shares_no_assignor_is_refused) { on_stage(1, inconsistent); }

Task<> pattern(Stage& stage) {
  stage.group.put(0, 5);
  Member member(stage, grouped(), false);
  EXPECT_TRUE(member.consumer.subscribe_pattern("ev.*s", &member.listener));
  Member other(stage, grouped(), false);
  EXPECT_TRUE(other.consumer.subscribe_pattern("event", &other.listener));  // the whole name counts
  member.start();
  other.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() == 5; }));
  co_await stage.pass(10s);
  EXPECT_TRUE(other.has().empty());
  EXPECT_TRUE(co_await other.close());
  EXPECT_TRUE(co_await member.close());
}
TEST(Membership, a_pattern_matches_whole_names) { on_stage(1, pattern); }

Task<> many(Stage& stage) {
  for (int p = 0; p < 6; ++p) stage.group.put(p, 30);
  const auto options = grouped(AssignorKind::cooperative_sticky);
  std::vector<std::unique_ptr<Member>> members;
  for (int i = 0; i < 3; ++i) {
    members.push_back(std::make_unique<Member>(stage, options));
    members.back()->start();
  }
  const auto has_two = [](const auto& member) { return member->has().size() == 2; };
  EXPECT_TRUE(co_await stage.eventually([&] { return std::ranges::all_of(members, has_two); }));
  for (int p = 0; p < 6; ++p) stage.group.put(p, 30);
  co_await stage.pass(10s);
  Strings all;
  for (auto& member : members) {
    EXPECT_TRUE(member->failures.empty());
    EXPECT_TRUE(co_await member->close());
    std::ranges::copy(member->values, back_inserter(all));
  }
  EXPECT_EQ(sorted(all), everything(6, 60));
}
TEST(Membership, three_that_join_at_once_read_everything_once) { on_stage(6, many); }

}  // namespace membership_test
}  // namespace cairn::client
