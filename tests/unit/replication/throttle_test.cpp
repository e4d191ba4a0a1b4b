// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/replication/throttle.hpp>

namespace cairn::replication {
namespace {

using namespace std::chrono_literals;

const Instant opened{1h};

TEST(Throttle, lets_everything_pass_without_a_rate) {
  Throttle throttle;
  throttle.record(std::size_t{1} << 30, opened);
  EXPECT_FALSE(throttle.exceeded(opened + 1ms));
}

TEST(Throttle, holds_the_average_whatever_size_the_pieces_have) {
  for (const std::size_t piece : {std::size_t{100}, std::size_t{10'000}, std::size_t{250'000}}) {
    Throttle throttle;
    throttle.set_rate(100'000, opened);
    std::size_t moved = 0;
    for (Instant now = opened; now < opened + 10s; now += 1ms) {
      if (throttle.exceeded(now)) continue;
      throttle.record(piece, now);
      moved += piece;
    }
    EXPECT_LE(moved, 1'000'000 + piece);
    EXPECT_GE(moved, 850'000u);
  }
}

TEST(Throttle, says_when_it_is_free) {
  Throttle throttle;
  throttle.set_rate(1'000, opened);
  EXPECT_EQ(throttle.free_at(opened), opened);
  throttle.record(500, opened);
  EXPECT_TRUE(throttle.exceeded(opened + 499ms));
  EXPECT_EQ(throttle.free_at(opened + 100ms), opened + 500ms);
  EXPECT_FALSE(throttle.exceeded(throttle.free_at(opened)));
}

TEST(Throttle, pays_what_is_owed_at_the_new_rate) {
  Throttle throttle;
  throttle.set_rate(1, opened);
  throttle.record(10'000, opened);
  throttle.set_rate(10'000, opened + 1s);
  EXPECT_TRUE(throttle.exceeded(opened + 1500ms));
  EXPECT_FALSE(throttle.exceeded(opened + 2001ms));
  throttle.record(5, opened + 3s);
  throttle.set_rate(INT64_MAX, opened + 3s);
  EXPECT_FALSE(throttle.exceeded(opened + 3001ms));
}

}  // namespace
}  // namespace cairn::replication
