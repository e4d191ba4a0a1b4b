// SPDX-License-Identifier: Apache-2.0
// A member of a group that reads up to the end, while answers come late or know little.
#include "src/cli/end_of_reading.hpp"

#include "unit/client/consuming.hpp"

namespace cairn::cli {
namespace end_of_reading_test {

using namespace client::testing;
using protocol::ApiKey;

/// Reads as `consume --exit` does; how many records there were, nothing if it found no end.
Task<std::optional<int>> read_to_end(Stage& stage, client::ConsumerOptions options = grouped()) {
  options.auto_commit = false;
  client::Consumer consumer(stage.shard, stage.cluster, quick_client(), options);
  EXPECT_TRUE(consumer.subscribe({FakeCluster::topic}));
  EndOfReading end(consumer);
  int count = 0;
  const Instant limit = stage.shard.clock().now() + 60s;
  while (!end.reached() && stage.shard.clock().now() < limit) {
    auto polled = co_await consumer.poll(200ms);
    EXPECT_TRUE(polled);
    if (!polled) break;
    EXPECT_TRUE(co_await end.look(polled->empty()));
    for (auto& part : *polled) {
      end.trim(part);
      count += static_cast<int>(part.records.size());
    }
  }
  const bool ended = end.reached();
  EXPECT_TRUE(co_await consumer.close());
  co_return ended ? std::optional(count) : std::nullopt;
}

Task<std::optional<Reply>> late(Stage& stage, Duration by, FakeCluster::SlowScript usual,
                                Asked asked) {
  co_await stage.pass(by);
  co_return co_await usual(asked);
}

/// Delays the answers to one kind of request.
void slow_down(Stage& stage, ApiKey key, Duration by) {
  stage.cluster.slow_script = [&stage, key, by, usual = stage.cluster.slow_script](Asked asked) {
    return asked.key == key ? late(stage, by, usual, asked) : usual(asked);
  };
}

void put_everywhere(Stage& stage) {
  for (int p = 0; p < 3; ++p) stage.group.put(p, 20);
}

/// As when a coordinator was killed: it is found late, and the group is agreed on later still. The
/// member knows its generation by then, and not yet its partitions.
Task<> slow_coordinator(Stage& stage) {
  put_everywhere(stage);
  slow_down(stage, ApiKey::find_coordinator, 1500ms);
  slow_down(stage, ApiKey::sync_group, 3s);
  EXPECT_EQ(co_await read_to_end(stage), 60);
}
TEST(EndOfReading, is_not_where_the_group_is_still_being_joined) { on_stage(3, slow_coordinator); }

/// An answer to a fetch that knows of no record, after a while.
Task<std::optional<Reply>> nothing_known(Stage& stage, Asked asked) {
  const auto request = protocol::decode<protocol::FetchRequest>(asked.body, asked.version);
  protocol::FetchResponse response;
  for (const auto& topic : request->topics) {
    auto& out = response.responses.emplace_back();
    out.topic = topic.topic;
    out.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      out.partitions.emplace_back().partition_index = partition.partition;
    }
  }
  co_await stage.pass(100ms);
  co_return answer(response, asked.version);
}

/// A leader just elected may tell a high watermark that is older than what it has.
Task<> low_watermark(Stage& stage) {
  put_everywhere(stage);
  int told = 0;
  auto usual = stage.cluster.slow_script;
  stage.cluster.slow_script = [&stage, &told, usual](Asked asked) {
    if (asked.key != ApiKey::fetch || ++told > 6) return usual(asked);
    return nothing_known(stage, asked);
  };
  EXPECT_EQ(co_await read_to_end(stage), 60);
  EXPECT_GT(told, 6);
}
TEST(EndOfReading, is_where_the_leader_says_and_not_what_a_fetch_knows) {
  on_stage(3, low_watermark);
}

Task<> growing(Stage& stage) {
  stage.group.put(0, 20);
  bool asked_for_end = false;
  stage.cluster.script = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.key == ApiKey::fetch) stage.group.put(0, 1);
    if (asked.key == ApiKey::list_offsets) asked_for_end = true;
    return std::nullopt;
  };
  const auto count = co_await read_to_end(stage);
  EXPECT_TRUE(asked_for_end);
  EXPECT_TRUE(count && *count >= 20 && *count < 30);
}
TEST(EndOfReading, comes_though_more_is_produced_all_the_time) { on_stage(1, growing); }

Task<> nothing_left(Stage& stage) {
  stage.group.put(0, 60);
  Member other(stage, grouped());
  other.start();
  EXPECT_TRUE(co_await stage.eventually([&] { return other.values.size() == 60; }));
  EXPECT_EQ(co_await read_to_end(stage), 0);
  EXPECT_TRUE(co_await other.close());
}
TEST(EndOfReading, of_a_member_without_partitions_is_at_once) { on_stage(1, nothing_left); }

}  // namespace end_of_reading_test
}  // namespace cairn::cli
