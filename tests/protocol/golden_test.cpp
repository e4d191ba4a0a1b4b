// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "golden_vectors.hpp"
#include "round_trip.hpp"

namespace cairn::protocol::testing {

TEST(GoldenVectors, are_all_there) {
  EXPECT_EQ(golden_vectors().size(), 3799);
  for (const AnyMessage& message : message_table()) {
    for (std::int16_t version = message.versions.min; version <= message.versions.max; ++version) {
      const bool has_one = std::ranges::any_of(golden_vectors(), [&](const GoldenVector& vector) {
        return vector.name == message.name && vector.version == version;
      });
      EXPECT_TRUE(has_one) << message.name << " version " << version;
    }
  }
}

TEST(GoldenVectors, decode_and_encode_to_the_same_bytes) {
  for (const GoldenVector& vector : golden_vectors()) {
    const auto bytes = vector.message().recode(vector.bytes, vector.version);
    ASSERT_TRUE(bytes) << vector.name << " version " << vector.version << ": " << bytes.error().why;
    ASSERT_EQ(*bytes, vector.bytes) << vector.name << " version " << vector.version;
  }
}

TEST(GoldenVectors, decode_to_their_values) {
  for (const GoldenVector& vector : golden_vectors()) {
    const auto json = vector.message().to_json(vector.bytes, vector.version);
    ASSERT_TRUE(json) << vector.name << " version " << vector.version << ": " << json.error().why;
    ASSERT_EQ(*json, vector.value) << vector.name << " version " << vector.version;
  }
}

TEST(RandomMessages, survive_a_round_trip_in_every_version) {
  Random random(20261123);
  for (const RoundTrip& trip : round_trip_table()) {
    for (std::int16_t version = trip.versions.min; version <= trip.versions.max; ++version) {
      for (int i = 0; i < 4; ++i) {
        const char* const problem = trip.check(random, version);
        ASSERT_EQ(problem, nullptr) << trip.name << " version " << version;
      }
    }
  }
}

}  // namespace cairn::protocol::testing
