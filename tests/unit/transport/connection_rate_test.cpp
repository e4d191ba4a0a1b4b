// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/transport/connection_rate.hpp>

namespace cairn::transport {
namespace {

using namespace std::chrono_literals;

const Instant start{1h};

TEST(ConnectionRate, without_a_limit_nobody_waits) {
  ConnectionRate rate;
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(rate.record(start), 0s);
}

TEST(ConnectionRate, a_burst_after_quiet_is_let_pass) {
  ConnectionRate rate({.per_second = 5});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(rate.record(start), 0s) << i;
  EXPECT_NEAR(static_cast<double>(rate.record(start).count()), 2e8, 100);  // one above 50
}

TEST(ConnectionRate, nobody_waits_longer_than_a_window) {
  ConnectionRate rate({.per_second = 1});
  for (int i = 0; i < 100; ++i) rate.record(start);
  EXPECT_EQ(rate.record(start), 1s);
  rate.configure({.per_second = 0});
  EXPECT_EQ(rate.record(start), 1s);
}

TEST(ConnectionRate, whoever_waits_as_told_keeps_the_rate) {
  ConnectionRate rate({.per_second = 10});
  Instant now = start;
  for (int i = 0; i < 5000; ++i) now += rate.record(now);
  const double seconds = std::chrono::duration<double>(now - start).count();
  EXPECT_NEAR(5000 / seconds, 10, 0.5);
}

TEST(ConnectionRate, what_is_long_past_is_forgotten) {
  ConnectionRate rate({.per_second = 5});
  for (int i = 0; i < 60; ++i) rate.record(start);
  EXPECT_GT(rate.record(start + 1s), 0s);
  EXPECT_EQ(rate.record(start + 12s), 0s);
}

}  // namespace
}  // namespace cairn::transport
