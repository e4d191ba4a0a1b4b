// SPDX-License-Identifier: Apache-2.0
#include "cleaning_batch.hpp"

#include <cairn/base/varint.hpp>
#include <cairn/record/compression.hpp>

namespace cairn::log {

namespace layout = record::layout;

namespace {

constexpr std::int16_t codec_bits = 0x07;
constexpr std::int16_t horizon_bit = 0x40;

/// Length and CRC of the batch that begins at `start`.
void finish(Bytes& to, std::size_t start) {
  const MutableBytes batch = MutableBytes(to).subspan(start);
  store_big_endian(batch.data() + layout::length,
                   static_cast<std::int32_t>(batch.size() - record::log_overhead));
  record::stamp_crc(batch);
}

}  // namespace

void append_empty_batch(const record::BatchView& original, Bytes& to) {
  const std::size_t start = to.size();
  append(to, original.bytes().first(record::batch_header_size));
  std::byte* header = to.data() + start;
  const auto attributes =
      static_cast<std::int16_t>(original.attributes() & ~(codec_bits | horizon_bit));
  store_big_endian(header + layout::attributes, attributes);
  store_big_endian(header + layout::base_timestamp, original.max_timestamp());
  store_big_endian(header + layout::record_count, std::int32_t{0});
  finish(to, start);
}

void append_with_timestamp_delta(BytesView encoded, std::int64_t timestamp_delta, Bytes& to) {
  read_varint32(encoded);  // the length; attributes follow, then the delta
  const std::byte attributes = encoded.front();
  encoded = encoded.subspan(1);
  read_varint64(encoded);
  const std::size_t length = 1 + size_of_varint(timestamp_delta) + encoded.size();
  append_varint(to, static_cast<std::int64_t>(length));
  to.push_back(attributes);
  append_varint(to, timestamp_delta);
  append(to, encoded);
}

void append_cleaned_batch(const record::BatchView& original, const CleanedRecords& cleaned,
                          Bytes& to) {
  const std::size_t start = to.size();
  append(to, original.bytes().first(record::batch_header_size));
  const auto codec = original.codec().value_or(record::Codec::none);
  if (codec == record::Codec::none) {
    append(to, cleaned.records);
  } else {
    record::compress(codec, record::default_level, cleaned.records, to);
  }
  std::byte* header = to.data() + start;
  if (cleaned.new_horizon) {
    store_big_endian(header + layout::attributes,
                     static_cast<std::int16_t>(original.attributes() | horizon_bit));
    store_big_endian(header + layout::base_timestamp, *cleaned.new_horizon);
  }
  if (original.timestamp_type() == record::TimestampType::create_time) {
    store_big_endian(header + layout::max_timestamp, cleaned.max_timestamp);
  }
  store_big_endian(header + layout::record_count, cleaned.count);
  finish(to, start);
}

}  // namespace cairn::log
