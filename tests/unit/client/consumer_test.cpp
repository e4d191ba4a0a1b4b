// SPDX-License-Identifier: Apache-2.0
// A consumer with partitions of its own: positions, pauses, commits.
#include "consuming.hpp"

namespace cairn::client {
namespace consumer_test {

using namespace testing;
using Strings = std::vector<std::string>;

Task<> reads_from_beginning(Stage& stage) {
  stage.group.put(0, 700);
  ConsumerOptions options;
  options.offset_reset = OffsetReset::earliest;
  Member member(stage, options, false);
  EXPECT_TRUE(member.consumer.assign({part(0)}));
  member.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() >= 700; }));
  stage.group.put(0, 5);
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() >= 705; }));
  EXPECT_EQ(member.values, numbered(0, 0, 705));
  EXPECT_EQ(member.consumer.position(part(0)), Offset(705));
  EXPECT_TRUE(co_await member.close());
  EXPECT_EQ(stage.cluster.count(protocol::ApiKey::find_coordinator), 0);
}
TEST(Consumer, reads_what_is_there_and_what_comes) { on_stage(1, reads_from_beginning); }

Task<> reads_from_end(Stage& stage) {
  stage.group.put(0, 10);
  Member member(stage, {}, false);
  EXPECT_TRUE(member.consumer.assign({part(0)}));
  member.start();
  EXPECT_TRUE(
      co_await stage.eventually([&] { return member.consumer.position(part(0)).has_value(); }));
  stage.group.put(0, 2);
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() == 2; }));
  EXPECT_EQ(member.values, numbered(0, 10, 12));
  EXPECT_TRUE(co_await member.close());
}
TEST(Consumer, begins_at_the_end_unless_told_otherwise) { on_stage(1, reads_from_end); }

Task<> polls_in_pieces(Stage& stage) {
  stage.group.put(0, 12);
  ConsumerOptions options;
  options.offset_reset = OffsetReset::earliest;
  options.max_poll_records = 5;
  Member member(stage, options, false);
  EXPECT_TRUE(member.consumer.assign({part(0)}));
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 3; ++i) {
    const auto polled = co_await member.consumer.poll(10s);
    EXPECT_TRUE(polled);
    for (const auto& records : *polled) sizes.push_back(records.records.size());
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{5, 5, 2}));
  EXPECT_TRUE(co_await member.close());
}
TEST(Consumer, a_poll_gives_no_more_than_max_poll_records) { on_stage(1, polls_in_pieces); }

/// What was fetched before the pause is not thrown away, and not delivered either.
Task<> pause_and_resume(Stage& stage) {
  stage.group.put(0, 10);
  stage.group.put(1, 10);
  ConsumerOptions options;
  options.offset_reset = OffsetReset::earliest;
  options.max_poll_records = 4;
  Member member(stage, options, false);
  EXPECT_TRUE(member.consumer.assign({part(0), part(1)}));
  const auto first = co_await member.consumer.poll(10s);
  EXPECT_TRUE(first && first->size() == 1 && first->front().records.size() == 4);
  const auto paused = first->front().partition;
  const auto other = part(1 - paused.partition.value());
  member.consumer.pause(paused);
  EXPECT_EQ(member.consumer.paused(), std::set<TopicPartition>{paused});
  member.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() == 10; }));
  co_await stage.pass(2s);
  EXPECT_EQ(member.values, numbered(other.partition.value(), 0, 10));
  EXPECT_EQ(member.consumer.position(paused), Offset(4));
  member.consumer.resume(paused);
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() == 16; }));
  EXPECT_EQ((Strings{member.values.begin() + 10, member.values.end()}),
            numbered(paused.partition.value(), 4, 10));
  EXPECT_TRUE(co_await member.close());
}
TEST(Consumer, a_paused_partition_waits_and_goes_on_where_it_was) { on_stage(2, pause_and_resume); }

Task<> paused_is_not_fetched(Stage& stage) {
  ConsumerOptions options;
  options.offset_reset = OffsetReset::earliest;
  Member member(stage, options, false);
  EXPECT_TRUE(member.consumer.assign({part(0)}));
  member.consumer.pause(part(0));
  stage.group.put(0, 10);
  member.start();
  co_await stage.pass(5s);
  EXPECT_TRUE(stage.group.fetched_from.empty());
  EXPECT_TRUE(member.values.empty());
  EXPECT_TRUE(co_await member.close());
}
TEST(Consumer, a_paused_partition_is_not_fetched) { on_stage(1, paused_is_not_fetched); }

Task<> seeks(Stage& stage) {
  stage.group.put(0, 100);
  ConsumerOptions options;
  options.offset_reset = OffsetReset::earliest;
  Member member(stage, options, false);
  EXPECT_TRUE(member.consumer.assign({part(0)}));
  EXPECT_TRUE(co_await member.consumer.poll(10s));
  member.consumer.seek(part(0), Offset(42));
  const auto after = co_await member.consumer.poll(10s);
  EXPECT_TRUE(after && as_text(*after->front().records.front().value) == "0:42");
  member.consumer.seek_to(part(0), OffsetReset::earliest);
  const auto first = co_await member.consumer.poll(10s);
  EXPECT_TRUE(first && as_text(*first->front().records.front().value) == "0:0");
  EXPECT_TRUE(co_await member.close());
}
TEST(Consumer, reads_from_where_it_was_sent) { on_stage(1, seeks); }

Task<> no_reset(Stage& stage) {
  ConsumerOptions options;
  options.offset_reset = OffsetReset::none;
  Member member(stage, options, false);
  EXPECT_TRUE(member.consumer.assign({part(0)}));
  const auto polled = co_await member.consumer.poll(10s);
  EXPECT_FALSE(polled);
  EXPECT_EQ(polled.error().code, ErrorCode::offset_out_of_range);
  EXPECT_TRUE(co_await member.close());
}
TEST(Consumer, without_a_position_and_a_reset_it_fails) { on_stage(1, no_reset); }

Task<> commits_by_hand(Stage& stage) {
  stage.group.put(0, 10);
  auto options = grouped();
  options.auto_commit = false;
  {
    Member member(stage, options, false);
    EXPECT_TRUE(member.consumer.assign({part(0)}));
    EXPECT_TRUE(co_await member.consumer.poll(10s));
    EXPECT_TRUE(co_await member.consumer.commit({{part(0), {Offset(6), Epoch(0), "note"}}}));
    EXPECT_TRUE(co_await member.close());
  }
  EXPECT_EQ(stage.group.committed(0), 6);  // close() adds nothing to it
  Member next(stage, options, false);
  EXPECT_TRUE(next.consumer.assign({part(0)}));
  const auto committed = co_await next.consumer.committed({part(0)});
  EXPECT_TRUE(committed && committed->at(part(0)).metadata == "note");
  const auto polled = co_await next.consumer.poll(10s);
  EXPECT_TRUE(polled && as_text(*polled->front().records.front().value) == "0:6");
  EXPECT_TRUE(co_await next.close());
}
TEST(Consumer, goes_on_where_its_group_committed) { on_stage(1, commits_by_hand); }

Task<> commits_by_itself(Stage& stage) {
  stage.group.put(0, 10);
  auto options = grouped();
  options.auto_commit_interval = 2s;
  Member member(stage, options, false);
  EXPECT_TRUE(member.consumer.assign({part(0)}));
  member.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() == 10; }));
  EXPECT_EQ(stage.group.committed(0), -1);
  EXPECT_TRUE(co_await stage.eventually([&] { return stage.group.committed(0) == 10; }, 3s));
  stage.group.put(0, 5);
  EXPECT_TRUE(co_await stage.eventually([&] { return member.values.size() == 15; }));
  EXPECT_TRUE(co_await member.close());
  EXPECT_EQ(stage.group.committed(0), 15);
}
TEST(Consumer, commits_every_interval_and_at_the_end) { on_stage(1, commits_by_itself); }

/// NOT_COORDINATOR sends the commit to the coordinator that is looked up anew.
Task<> coordinator_moves(Stage& stage) {
  stage.group.put(0, 3);
  auto options = grouped();
  options.auto_commit = false;
  Member member(stage, options, false);
  EXPECT_TRUE(member.consumer.assign({part(0)}));
  EXPECT_TRUE(co_await member.consumer.poll(10s));
  int refused = 0;
  stage.cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key != protocol::ApiKey::offset_commit || ++refused > 2) return std::nullopt;
    const auto request = protocol::decode<protocol::OffsetCommitRequest>(asked.body, asked.version);
    protocol::OffsetCommitResponse response;
    auto& topic = response.topics.emplace_back();
    topic.name = request->topics.front().name;
    topic.partitions.push_back({0, ErrorCode::not_coordinator, {}});
    return answer(response, asked.version);
  };
  const int lookups = stage.cluster.count(protocol::ApiKey::find_coordinator);
  EXPECT_TRUE(co_await member.consumer.commit());
  EXPECT_EQ(stage.group.committed(0), 3);
  EXPECT_EQ(stage.cluster.count(protocol::ApiKey::find_coordinator), lookups + 2);
  EXPECT_TRUE(co_await member.close());
}
TEST(Consumer, a_commit_follows_the_coordinator) { on_stage(1, coordinator_moves); }

Task<> refuses_misuse(Stage& stage) {
  Member member(stage, {}, false);
  const auto subscribed = member.consumer.subscribe({FakeCluster::topic});
  EXPECT_EQ(subscribed.error().code, ErrorCode::invalid_group_id);
  const auto committed = co_await member.consumer.commit({{part(0), {Offset(1), no_epoch, ""}}});
  EXPECT_EQ(committed.error().code, ErrorCode::invalid_group_id);
  EXPECT_TRUE(co_await member.close());
  const auto polled = co_await member.consumer.poll(1s);
  EXPECT_EQ(polled.error().code, ErrorCode::invalid_request);
  Member grouped_member(stage, grouped());
  EXPECT_FALSE(grouped_member.consumer.assign({part(0)}));
  EXPECT_EQ(grouped_member.consumer.subscribe_pattern("ev(").error().code,
            ErrorCode::invalid_regular_expression);
  EXPECT_TRUE(co_await grouped_member.close());
}
TEST(Consumer, says_what_it_needs) { on_stage(1, refuses_misuse); }

Task<> wakes(Stage& stage) {
  Member member(stage, {}, false);
  EXPECT_TRUE(member.consumer.assign({part(0)}));
  member.consumer.wakeup();
  const Instant before = stage.shard.clock().now();
  const auto polled = co_await member.consumer.poll(1h);
  EXPECT_TRUE(polled && polled->empty());
  EXPECT_LT(stage.shard.clock().now() - before, 1s);
  EXPECT_TRUE(co_await member.close());
}
TEST(Consumer, a_poll_can_be_woken) { on_stage(1, wakes); }

}  // namespace consumer_test
}  // namespace cairn::client
