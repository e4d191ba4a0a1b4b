// SPDX-License-Identifier: Apache-2.0
#include "frames.hpp"

#include <algorithm>
#include <array>

#include <cairn/base/random.hpp>
#include <cairn/protocol/messages/fetch.hpp>
#include <cairn/protocol/messages/produce.hpp>

#include "common/measure.hpp"

namespace cairn::bench {
namespace {

constexpr std::int64_t offset_mark = 0x7172737475767778;  // stands where offsets are patched

std::string text_value(Random& random, std::size_t size) {
  constexpr std::array words = {"order",  "customer", "payment", "2026-11", "status=", "shipped ",
                                "amount", "{\"id\":", "\",\"",   "region",  "eu-west", "pending "};
  std::string value;
  while (value.size() < size) {
    value += words[random.below(words.size())];
    if (random.chance(0.4)) value += fmt::format("{:06}", random.below(1000000));
  }
  value.resize(size);
  return value;
}

std::size_t find_in(BytesView haystack, BytesView needle) {
  const auto found = std::ranges::search(haystack, needle);
  if (found.empty()) give_up("a frame does not hold what it must");
  return static_cast<std::size_t>(found.begin() - haystack.begin());
}

}  // namespace

BuiltBatch build_batch(const BatchShape& shape, std::uint64_t seed) {
  Random random(seed);
  record::BatchOptions options;
  options.codec = shape.codec;
  if (shape.producer.id >= 0) {
    options.producer_id = ProducerId(shape.producer.id);
    options.producer_epoch = ProducerEpoch(shape.producer.epoch);
    options.base_sequence = 0;
  }
  record::BatchBuilder builder(options);
  const std::int64_t now_ms = wall_us() / 1000;
  BuiltBatch built;
  while (true) {
    const std::string value = text_value(random, shape.record_bytes);
    const std::size_t more = builder.size_of(now_ms, {}, as_bytes(value));
    if (built.records > 0 && builder.uncompressed_size() + more > shape.batch_bytes) break;
    builder.append(now_ms, {}, as_bytes(value));
    ++built.records;
    built.value_bytes += value.size();
  }
  built.bytes = builder.build();
  return built;
}

ProduceFrame::ProduceFrame(const std::string& topic, std::int32_t partition, std::int16_t acks,
                           const BuiltBatch& batch)
    : partition_(partition),
      batch_size_(batch.bytes.size()),
      value_bytes_(batch.value_bytes),
      records_(batch.records) {
  protocol::ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = 30000;
  auto& data = request.topic_data.emplace_back();
  data.name = topic;
  auto& part = data.partition_data.emplace_back();
  part.index = partition;
  part.records = protocol::Records(batch.bytes);
  bytes_ = frame_of(request, produce_version);
  batch_at_ = find_in(bytes_, batch.bytes);
}

void ProduceFrame::set_sequence(std::int32_t sequence) {
  store_big_endian(batch().data() + record::layout::base_sequence, sequence);
  record::stamp_crc(batch());
}

ProduceAnswer parse_produce_answer(BytesView response) {
  // By hand: a load generator must not cost more than the server it measures.
  protocol::Reader reader(response);
  std::int32_t correlation_id = 0;
  std::int32_t index = 0;
  ProduceAnswer answer;
  std::string topic;
  reader.read(correlation_id);
  reader.read_unsigned_varint();  // tags of the header
  reader.read_unsigned_varint();  // topics
  reader.read(topic, protocol::Lengths::compact);
  reader.read_unsigned_varint();  // partitions
  reader.read(index);
  reader.read(answer.error);
  reader.read(answer.base_offset);
  if (!reader.ok()) give_up("a malformed produce response");
  return answer;
}

FetchFrame::FetchFrame(const std::string& topic, std::int32_t partition, const FetchShape& shape) {
  protocol::FetchRequest request;
  request.max_wait_ms = shape.max_wait_ms;
  request.min_bytes = shape.min_bytes;
  request.max_bytes = shape.max_bytes;
  auto& wanted = request.topics.emplace_back();
  wanted.topic = topic;
  auto& part = wanted.partitions.emplace_back();
  part.partition = partition;
  part.fetch_offset = offset_mark;
  part.partition_max_bytes = shape.max_bytes;
  bytes_ = frame_of(request, fetch_version);
  std::array<std::byte, 8> mark;
  store_big_endian(mark.data(), offset_mark);
  offset_at_ = find_in(bytes_, mark);
  set_offset(0);
}

void FetchFrame::set_offset(std::int64_t offset) {
  offset_ = offset;
  store_big_endian(bytes_.data() + offset_at_, offset);
}

FetchAnswer parse_fetch_answer(BytesView response) {
  const auto message = parse_response<protocol::FetchResponse>(response, fetch_version);
  if (message.error_code != ErrorCode::none) give_up("fetch: " + to_string(message.error_code));
  FetchAnswer answer;
  for (const auto& topic : message.responses) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code != ErrorCode::none) {
        give_up("fetch: " + to_string(partition.error_code));
      }
      if (!partition.records) continue;
      answer.records = partition.records->view();
      record::BatchIterator batches(answer.records);
      while (const auto batch = batches.next()) {
        answer.next_offset = batch->next_offset().value();
        answer.record_count += batch->record_count();
      }
      answer.records = answer.records.first(batches.position());
    }
  }
  return answer;
}

}  // namespace cairn::bench
