// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/replication/follower_state.hpp>

namespace cairn::replication {
namespace {

using namespace std::chrono_literals;

const Instant now{1h};

/// A follower whose log has epochs and an end, in leader epoch 9.
struct Stand {
  explicit Stand(std::vector<log::EpochEntry> entries = {}, std::int64_t end = 0)
      : epochs(entries), log_end(end) {}

  FollowerLog log() const {
    return {.log_start = Offset(0),
            .log_end = Offset(log_end),
            .flushed = Offset(flushed),
            .high_watermark = Offset(high_watermark),
            .epochs = epochs};
  }
  FetchWish wish() const { return state.wish(log(), 1000); }
  FollowerStep answer(FetchedPartition answered) {
    return state.on_answer(wish(), answered, log(), now);
  }
  void cut(Offset to) {
    log_end = to.value();
    epochs.truncate_from_end(to);
    state.on_cut();
  }

  log::EpochCache epochs;
  std::int64_t log_end;
  std::int64_t flushed = 0;
  std::int64_t high_watermark = 0;
  FollowerState state{Epoch(9), {.first = 10ms, .limit = 1s}};
};

log::EpochEnd diverging(std::int32_t epoch, std::int64_t end) {
  return {Epoch(epoch), Offset(end)};
}
Offset point(const Stand& stand, log::EpochEnd end) {
  return truncation_point(stand.epochs, Offset(stand.log_end), end);
}

TEST(Truncation, ends_where_both_logs_end_in_the_epoch) {
  const Stand stand({{Epoch(1), Offset(0)}, {Epoch(3), Offset(10)}}, 20);
  EXPECT_EQ(point(stand, diverging(3, 15)), Offset(15));
  EXPECT_EQ(point(stand, diverging(1, 15)), Offset(10));
  EXPECT_EQ(point(stand, diverging(1, 5)), Offset(5));
}

TEST(Truncation, goes_to_the_next_smaller_epoch_where_its_own_is_not_the_leaders_L2) {
  const Stand stand({{Epoch(1), Offset(0)}, {Epoch(3), Offset(10)}, {Epoch(4), Offset(15)}}, 20);
  // The leader ends epoch 2 at 30: of what it names we have nothing, and 3 and 4 are not in it.
  EXPECT_EQ(point(stand, diverging(2, 30)), Offset(10));
}

TEST(Truncation, drops_everything_where_no_epoch_is_shared) {
  const Stand stand({{Epoch(5), Offset(4)}}, 20);
  EXPECT_EQ(point(stand, diverging(2, 30)), Offset(4));
  EXPECT_EQ(point(stand, diverging(2, 3)), Offset(3));
}

/// Random histories of two logs: after all rounds the follower's is a prefix of the leader's, and
/// nothing that both had in common was cut.
TEST(Truncation, finds_the_common_prefix_in_the_end_L1_L2) {
  Random random(7);
  for (int round = 0; round < 3'000; ++round) {
    std::vector<std::int32_t> leader, follower;  // the epoch of each record
    const auto shared = random.below(6);
    std::int32_t epoch = 1;
    for (std::uint64_t i = 0; i < shared; ++i) {
      leader.push_back(epoch);
      epoch += random.chance(0.3) ? 1 : 0;
    }
    follower = leader;
    // Each epoch after this belongs to one of the two.
    for (int i = 0; i < 8; ++i) {
      ++epoch;
      auto& writer = random.chance(0.5) ? leader : follower;
      for (auto n = random.below(3); n > 0; --n) writer.push_back(epoch);
    }
    const auto cache_of = [](const std::vector<std::int32_t>& records) {
      log::EpochCache cache;
      for (std::size_t i = 0; i < records.size(); ++i) {
        cache.assign(Epoch(records[i]), Offset(static_cast<std::int64_t>(i)));
      }
      return cache;
    };
    const Offset leader_end(static_cast<std::int64_t>(leader.size()));
    log::EpochCache leads = cache_of(leader);
    leads.assign(Epoch(epoch + 1), leader_end);  // as a leader does before it serves
    Stand stand({}, static_cast<std::int64_t>(follower.size()));
    stand.epochs = cache_of(follower);
    for (int turn = 0;; ++turn) {
      ASSERT_LT(turn, 20);
      const FetchWish wish = stand.wish();
      if (wish.last_fetched_epoch == no_epoch) break;
      const auto end = leads.diverging(wish.last_fetched_epoch, wish.fetch_offset, leader_end);
      if (!end) break;
      const FollowerStep step = stand.answer({.diverging = *end});
      ASSERT_TRUE(std::holds_alternative<Cut>(step));
      stand.cut(std::get<Cut>(step).to);
    }
    const auto kept = static_cast<std::size_t>(stand.log_end);
    ASSERT_LE(kept, leader.size());
    for (std::size_t i = 0; i < kept; ++i) ASSERT_EQ(leader[i], follower[i]);
    ASSERT_GE(kept, shared);
  }
}

TEST(FollowerState, cuts_nothing_on_the_word_of_its_high_watermark_L1) {
  Stand stand({{Epoch(1), Offset(0)}}, 20);
  stand.high_watermark = 5;
  EXPECT_EQ(stand.state.cut_at_start(stand.log()), std::nullopt);
  EXPECT_EQ(stand.wish().fetch_offset, Offset(20));
  EXPECT_EQ(stand.wish().last_fetched_epoch, Epoch(1));
}

TEST(FollowerState, cuts_before_it_takes_anything_of_a_diverging_answer_L4) {
  Stand stand({{Epoch(1), Offset(0)}, {Epoch(2), Offset(10)}}, 20);
  const FollowerStep step =
      stand.answer({.diverging = diverging(1, 12), .high_watermark = Offset(18)});
  ASSERT_TRUE(std::holds_alternative<Cut>(step));
  EXPECT_EQ(std::get<Cut>(step).to, Offset(10));
  EXPECT_EQ(stand.state.leader_high_watermark(), no_offset);
}

TEST(FollowerState, gives_up_an_epoch_in_which_it_wrote_nothing) {
  Stand stand({{Epoch(1), Offset(0)}, {Epoch(2), Offset(10)}}, 10);
  const FollowerStep step = stand.answer({.diverging = diverging(1, 12)});
  ASSERT_TRUE(std::holds_alternative<Cut>(step));
  EXPECT_EQ(std::get<Cut>(step).to, Offset(10));
  stand.cut(Offset(10));
  EXPECT_EQ(stand.wish().last_fetched_epoch, Epoch(1));
}

TEST(FollowerState, uses_no_answer_to_what_it_would_not_ask_any_more) {
  Stand stand({{Epoch(1), Offset(0)}}, 20);
  const FetchWish asked = stand.wish();
  stand.log_end = 21;
  EXPECT_TRUE(std::holds_alternative<AskAnew>(stand.state.on_answer(asked, {}, stand.log(), now)));
}

TEST(FollowerState, waits_longer_after_each_failure_and_no_more_after_a_success) {
  Stand stand;
  stand.answer({.error = ErrorCode::not_leader_or_follower});
  EXPECT_EQ(stand.state.retry_at(), now + 10ms);
  EXPECT_FALSE(stand.state.may_ask(now));
  stand.answer({.error = ErrorCode::unknown_leader_epoch});
  EXPECT_EQ(stand.state.retry_at(), now + 20ms);
  for (int i = 0; i < 20; ++i) stand.answer({.error = ErrorCode::unknown_leader_epoch});
  EXPECT_EQ(stand.state.retry_at(), now + 1s);
  EXPECT_TRUE(std::holds_alternative<Take>(stand.answer({})));
  stand.state.on_taken(Offset(0), Offset(stand.log_end));
  stand.answer({.error = ErrorCode::unknown_leader_epoch});
  EXPECT_EQ(stand.state.retry_at(), now + 10ms);
}

TEST(FollowerState, waits_longer_each_time_it_cannot_take_what_it_got) {
  Stand stand;
  for (const auto wait : {10ms, 20ms, 40ms}) {
    EXPECT_TRUE(std::holds_alternative<Take>(stand.answer({})));
    stand.state.on_failure(now);  // no room on the disk
    EXPECT_EQ(stand.state.retry_at(), now + wait);
  }
}

TEST(FollowerState, asks_the_leaders_range_when_it_lies_outside) {
  Stand stand({{Epoch(1), Offset(0)}}, 20);
  EXPECT_TRUE(
      std::holds_alternative<AskRange>(stand.answer({.error = ErrorCode::offset_out_of_range})));
  const auto ends_before = stand.state.on_range(Offset(0), Offset(15), stand.log());
  EXPECT_EQ(std::get<Cut>(ends_before).to, Offset(15));
  const auto begins_behind = stand.state.on_range(Offset(30), Offset(40), stand.log());
  EXPECT_EQ(std::get<RestartAt>(begins_behind).offset, Offset(30));
  EXPECT_TRUE(
      std::holds_alternative<AskAnew>(stand.state.on_range(Offset(10), Offset(40), stand.log())));
}

TEST(FollowerState, flushes_before_it_tells_an_end_that_may_count) {
  Stand stand({{Epoch(1), Offset(0)}}, 20);
  stand.flushed = 10;
  EXPECT_TRUE(stand.state.must_flush(stand.log()));  // no high watermark in this epoch yet
  stand.state.on_taken(Offset(100), Offset(20));
  EXPECT_FALSE(stand.state.must_flush(stand.log()));  // committed without it long ago
  EXPECT_FALSE(stand.state.caught_up());
  stand.log_end = 100;
  stand.state.on_taken(Offset(100), Offset(100));
  EXPECT_TRUE(stand.state.must_flush(stand.log()));
  EXPECT_TRUE(stand.state.caught_up());
  stand.flushed = 100;
  EXPECT_FALSE(stand.state.must_flush(stand.log()));
}

}  // namespace
}  // namespace cairn::replication
