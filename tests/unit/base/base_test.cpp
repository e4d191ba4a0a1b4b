// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gtest/gtest.h>

#include <cairn/base/crc32c.hpp>
#include <cairn/base/ids.hpp>
#include <cairn/base/metrics.hpp>
#include <cairn/base/random.hpp>
#include <cairn/base/result.hpp>

namespace cairn {

TEST(Crc32c, the_check_value_of_the_polynomial) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
}

TEST(Crc32c, continues_from_what_stood_before) {
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), crc32c(as_bytes("123456789")));
}

TEST(Uuid, text_is_unpadded_base64url_and_comes_back) {
  const Uuid id{0x0123456789abcdef, 0xfedcba9876543210};
  EXPECT_EQ(id.text(), "ASNFZ4mrze_-3LqYdlQyEA");
  EXPECT_EQ(Uuid::parse(id.text()), id);
  EXPECT_EQ(Uuid::parse(id.text() + "=="), id);
  EXPECT_EQ(Uuid{}.text(), "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ(Uuid::parse("not an id"), std::nullopt);
}

TEST(Uuid, a_random_one_is_version_4_and_does_not_look_like_an_option) {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const Uuid id = Uuid::random(random);
    EXPECT_EQ(id.high >> 12 & 0xf, 4u);
    EXPECT_NE(id.text()[0], '-');
  }
}

TEST(Random, the_same_seed_gives_the_same_sequence_and_ranges_hold) {
  Random first(7), second(7);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(first(), second());
    const std::int64_t drawn = first.between(-3, 3);
    EXPECT_EQ(drawn, second.between(-3, 3));
    EXPECT_TRUE(-3 <= drawn && drawn <= 3);
  }
}

TEST(ErrorCode, names_and_retriability_are_kafkas) {
  EXPECT_EQ(to_string(ErrorCode::not_leader_or_follower), "NOT_LEADER_OR_FOLLOWER");
  EXPECT_TRUE(is_retriable(ErrorCode::not_leader_or_follower));
  EXPECT_FALSE(is_retriable(ErrorCode::message_too_large));
  EXPECT_EQ(to_string(static_cast<ErrorCode>(9999)), "ERROR_9999");
}

TEST(Strong, ids_step_subtract_and_print) {
  EXPECT_EQ(Offset(5) + 2, Offset(7));
  EXPECT_EQ(Offset(5) - Offset(2), 3);
  EXPECT_EQ(fmt::format("{}", TopicPartition{"orders", PartitionIndex(3)}), "orders-3");
}

TEST(Histogram, a_value_counts_in_the_first_bucket_that_reaches_it) {
  for (int quarter = 1; quarter < 100; ++quarter) {
    Histogram histogram;
    const double bound = 1e-6 * std::exp2(quarter / 4.0);
    histogram.record(bound * 0.999);
    histogram.record(1e6);  // so that the quantile is the bucket's bound, not the greatest value
    EXPECT_DOUBLE_EQ(histogram.quantile(0.5), bound) << quarter;
  }
}

TEST(Histogram, a_quantile_is_within_a_bucket_of_the_truth) {
  Histogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.record(i * 1e-3);
  EXPECT_NEAR(histogram.quantile(0.5), 0.5, 0.1);
  EXPECT_NEAR(histogram.quantile(0.99), 0.99, 0.2);
  EXPECT_EQ(histogram.quantile(1), 1.0);
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::invalid_request, "odd");
  return value / 2;
}

Result<int> quarter(int value) {
  TRY(const int once, half(value));
  TRY(half(once));
  return half(once);
}

TEST(Result, TRY_hands_the_first_error_up) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(code_of(quarter(6)), ErrorCode::invalid_request);
}

}  // namespace cairn
