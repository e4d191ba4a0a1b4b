// SPDX-License-Identifier: Apache-2.0
// What the members of a "consumer" group say to each other through the coordinator, to whom it is
// opaque: subscription and assignment (an int16 version, then the message), and the user data of
// the sticky assignors. Used by our client, and by the coordinator only to see which topics are
// subscribed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::group {

inline constexpr std::string_view consumer_protocol_type = "consumer";

struct Subscription {
  std::vector<std::string> topics{};
  std::optional<Bytes> user_data{};
  std::vector<TopicPartition> owned{};  // from version 1
  std::int32_t generation = -1;         // of `owned`; from version 2
  std::optional<std::string> rack{};    // from version 3

  bool operator==(const Subscription&) const = default;
};

struct Assignment {
  std::vector<TopicPartition> partitions;  // sorted by topic, then partition
  std::optional<Bytes> user_data;

  bool operator==(const Assignment&) const = default;
};

/// Version 3, as the Java client writes it.
Bytes encode_subscription(const Subscription& subscription);
Result<Subscription> decode_subscription(BytesView bytes);
/// The topics alone. They stand in front in every version, so later versions are read too.
Result<std::vector<std::string>> subscribed_topics(BytesView subscription);
Bytes encode_assignment(const Assignment& assignment);
Result<Assignment> decode_assignment(BytesView bytes);

/// What a member of `sticky` remembers of its last assignment.
struct StickyUserData {
  std::vector<TopicPartition> previous;
  std::int32_t generation = -1;

  bool operator==(const StickyUserData&) const = default;
};

Bytes encode_sticky_user_data(const StickyUserData& memory);  // version 1, with the generation
Result<StickyUserData> decode_sticky_user_data(BytesView bytes);
/// `cooperative-sticky` keeps the generation alone; what is owned stands in the subscription.
Bytes encode_cooperative_user_data(std::int32_t generation);
Result<std::int32_t> decode_cooperative_user_data(BytesView bytes);

}  // namespace cairn::group
