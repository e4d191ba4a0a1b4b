// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/group/consumer_protocol.hpp>
#include <cairn/protocol/records/embedded/consumer_protocol_assignment.hpp>
#include <cairn/protocol/records/embedded/consumer_protocol_subscription.hpp>

namespace cairn::group {
namespace {

using protocol::ConsumerProtocolAssignment;
using protocol::ConsumerProtocolSubscription;

constexpr std::int16_t newest = 3;
// Sticky user data has the layout of an assignment's array, followed by the generation.
using StickyTopic = ConsumerProtocolAssignment::TopicPartition;

template <class TopicRow>
std::vector<TopicRow> grouped(const std::vector<TopicPartition>& partitions) {
  std::map<std::string_view, std::vector<std::int32_t>> by_topic;
  for (const auto& [topic, partition] : partitions) by_topic[topic].push_back(partition.value());
  std::vector<TopicRow> rows;
  for (auto& [topic, indexes] : by_topic) {
    std::ranges::sort(indexes);
    auto& row = rows.emplace_back();
    row.topic = topic;
    row.partitions = std::move(indexes);
  }
  return rows;
}

template <class TopicRow>
std::vector<TopicPartition> flattened(const std::vector<TopicRow>& rows) {
  std::vector<TopicPartition> partitions;
  for (const TopicRow& row : rows) {
    for (const std::int32_t index : row.partitions) {
      partitions.push_back({row.topic, PartitionIndex(index)});
    }
  }
  std::ranges::sort(partitions);
  return partitions;
}

template <class M>
Bytes encode_versioned(const M& message) {
  Bytes bytes(sizeof newest);
  store_big_endian(bytes.data(), newest);
  append(bytes, protocol::encode(message, newest));
  return bytes;
}

/// A version from the future is read as the newest we know: later fields stand behind.
template <class M>
Result<M> decode_versioned(BytesView bytes, std::int16_t at_most = newest) {
  protocol::Reader reader(bytes);
  std::int16_t version = -1;
  reader.read(version);
  if (reader.ok() && version < 0) reader.fail("a consumer protocol version is negative");
  M message;
  if (reader.ok()) read(reader, message, std::min(version, at_most));
  if (!reader.ok()) return fail(ErrorCode::corrupt_message, reader.why());
  return message;
}

}  // namespace

Bytes encode_subscription(const Subscription& subscription) {
  ConsumerProtocolSubscription message;
  message.topics = subscription.topics;
  message.user_data = subscription.user_data;
  message.owned_partitions =
      grouped<ConsumerProtocolSubscription::TopicPartition>(subscription.owned);
  message.generation_id = subscription.generation;
  message.rack_id = subscription.rack;
  return encode_versioned(message);
}

Result<Subscription> decode_subscription(BytesView bytes) {
  TRY(auto message, decode_versioned<ConsumerProtocolSubscription>(bytes));
  return Subscription{.topics = std::move(message.topics),
                      .user_data = std::move(message.user_data),
                      .owned = flattened(message.owned_partitions),
                      .generation = message.generation_id,
                      .rack = std::move(message.rack_id)};
}

Result<std::vector<std::string>> subscribed_topics(BytesView subscription) {
  TRY(auto message, decode_versioned<ConsumerProtocolSubscription>(subscription, 0));
  return std::move(message.topics);
}

Bytes encode_assignment(const Assignment& assignment) {
  ConsumerProtocolAssignment message;
  message.assigned_partitions = grouped<StickyTopic>(assignment.partitions);
  message.user_data = assignment.user_data;
  return encode_versioned(message);
}

Result<Assignment> decode_assignment(BytesView bytes) {
  TRY(auto message, decode_versioned<ConsumerProtocolAssignment>(bytes));
  return Assignment{flattened(message.assigned_partitions), std::move(message.user_data)};
}

Bytes encode_sticky_user_data(const StickyUserData& memory) {
  const auto topics = grouped<StickyTopic>(memory.previous);
  protocol::Writer writer(protocol::Writer::never_splice);
  writer.write_count(topics.size(), protocol::Lengths::fixed);
  for (const StickyTopic& topic : topics) {
    writer.write(topic.topic, protocol::Lengths::fixed);
    writer.write_count(topic.partitions.size(), protocol::Lengths::fixed);
    for (const std::int32_t index : topic.partitions) writer.write(index);
  }
  writer.write(memory.generation);
  return std::move(writer).finish_contiguous();
}

Result<StickyUserData> decode_sticky_user_data(BytesView bytes) {
  constexpr std::size_t smallest_topic = 6;  // its two lengths
  protocol::Reader reader(bytes);
  const auto count =
      reader.array_count(protocol::Lengths::fixed, smallest_topic, sizeof(StickyTopic));
  std::vector<StickyTopic> topics(count.value_or(0));
  for (StickyTopic& topic : topics) {
    reader.read(topic.topic, protocol::Lengths::fixed);
    const auto size =
        reader.array_count(protocol::Lengths::fixed, sizeof(std::int32_t), sizeof(std::int32_t));
    topic.partitions.resize(size.value_or(0));
    for (std::int32_t& index : topic.partitions) reader.read(index);
  }
  StickyUserData memory;
  if (reader.ok() && reader.left() > 0) reader.read(memory.generation);  // version 0 has none
  if (!reader.ok()) return fail(ErrorCode::corrupt_message, reader.why());
  memory.previous = flattened(topics);
  return memory;
}

Bytes encode_cooperative_user_data(std::int32_t generation) {
  Bytes bytes(sizeof generation);
  store_big_endian(bytes.data(), generation);
  return bytes;
}

Result<std::int32_t> decode_cooperative_user_data(BytesView bytes) {
  if (bytes.size() < sizeof(std::int32_t)) {
    return fail(ErrorCode::corrupt_message, "cooperative-sticky user data is cut short");
  }
  return load_big_endian<std::int32_t>(bytes.data());
}

}  // namespace cairn::group
