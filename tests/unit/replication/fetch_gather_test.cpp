// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/replication/fetch_gather.hpp>

namespace cairn::replication {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(FetchGather, GoesOnWhileMoreComes) {
  FetchGather gather;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(gather.should_wait(microseconds(300), 16384));
    gather.waited(true);
    ASSERT_TRUE(gather.should_wait(Duration::zero(), 16384));
    gather.waited(true);
  }
}

TEST(FetchGather, IsTriedEverMoreRarelyWhereNothingComes) {
  FetchGather gather;
  int waits = 0;
  for (int i = 0; i < 10000; ++i) {
    if (!gather.should_wait(microseconds(200), 100)) continue;
    ++waits;
    gather.waited(false);
  }
  EXPECT_LT(waits, 8 + 10000 / FetchGather::rarest + 1);
  EXPECT_GT(waits, 10000 / FetchGather::rarest);
}

TEST(FetchGather, SlowArrivalsAndFullAnswersDoNotWait) {
  FetchGather gather;
  EXPECT_FALSE(gather.should_wait(milliseconds(1), 100));
  EXPECT_FALSE(gather.should_wait(microseconds(10), FetchGather::enough));
  EXPECT_FALSE(gather.should_wait(Duration::zero(), 100)) << "a consumer that catches up";
}

}  // namespace
}  // namespace cairn::replication
