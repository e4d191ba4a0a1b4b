// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/record/builder.hpp>

#include "cursor.hpp"

namespace cairn::record {
namespace {

// attributes, and the longest timestamp delta, offset delta, key size and record length
constexpr std::size_t longest_front = 5 + 1 + 10 + 5 + 5;

std::size_t size_of_nullable(OptionalBytes bytes) {
  if (!bytes) return 1;
  return size_of_varint(static_cast<std::int64_t>(bytes->size())) + bytes->size();
}

std::size_t size_of_headers(std::span<const Header> headers) {
  std::size_t size = size_of_varint(static_cast<std::int64_t>(headers.size()));
  for (const Header& header : headers) {
    size += size_of_varint(static_cast<std::int64_t>(header.key.size())) + header.key.size();
    size += size_of_nullable(header.value);
  }
  return size;
}

std::size_t body_size(std::int64_t timestamp_delta, std::int32_t offset_delta, OptionalBytes key,
                      OptionalBytes value, std::span<const Header> headers) {
  return 1 + size_of_varint(timestamp_delta) + size_of_varint(offset_delta) +
         size_of_nullable(key) + size_of_nullable(value) + size_of_headers(headers);
}

void append_size(Bytes& to, std::size_t size) {
  append_varint(to, static_cast<std::int64_t>(size));
}

void append_nullable(Bytes& to, OptionalBytes bytes) {
  if (!bytes) return append_varint(to, -1);
  append_size(to, bytes->size());
  append(to, *bytes);
}

void append_headers(Bytes& to, std::span<const Header> headers) {
  append_size(to, headers.size());
  for (const Header& header : headers) {
    append_size(to, header.key.size());
    append(to, as_bytes(header.key));
    append_nullable(to, header.value);
  }
}

std::int16_t attributes_of(const BatchOptions& options) {
  int bits = static_cast<int>(options.codec);
  if (options.timestamp_type == TimestampType::log_append_time) bits |= 0x08;
  if (options.transactional) bits |= 0x10;
  if (options.control) bits |= 0x20;
  return static_cast<std::int16_t>(bits);
}

}  // namespace

BatchBuilder::BatchBuilder(BatchOptions options) : options_(options) {
  ASSERT(is_valid_level(options_.codec, options_.level), "the level fits the codec");
}

void BatchBuilder::append(std::int64_t timestamp, OptionalBytes key, OptionalBytes value,
                          std::span<const Header> headers) {
  append_at(next_offset(), timestamp, key, value, headers);
}

void BatchBuilder::append_at(Offset offset, std::int64_t timestamp, OptionalBytes key,
                             OptionalBytes value, std::span<const Header> headers) {
  ASSERT(offset >= next_offset(), "offsets rise within a batch");
  ASSERT(offset - options_.base_offset <= std::numeric_limits<std::int32_t>::max(),
         "a batch spans less than 2^31 offsets");
  if (options_.fixed_timestamp) timestamp = *options_.fixed_timestamp;
  if (count_ == 0) base_timestamp_ = max_timestamp_ = timestamp;
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  const std::int64_t timestamp_delta = subtract_wrapping(timestamp, base_timestamp_);
  last_delta_ = static_cast<std::int32_t>(offset - options_.base_offset);

  const std::size_t body = body_size(timestamp_delta, last_delta_, key, value, headers);
  std::array<std::byte, longest_front> front;
  std::byte* at = write_varint(front.data(), static_cast<std::int64_t>(body));
  *at++ = std::byte{0};  // attributes: none are in use
  at = write_varint(at, timestamp_delta);
  at = write_varint(at, last_delta_);
  records_.insert(records_.end(), front.data(), at);
  append_nullable(records_, key);
  append_nullable(records_, value);
  append_headers(records_, headers);
  ++count_;
}

std::size_t BatchBuilder::estimated_size(double ratio) const {
  if (options_.codec == Codec::none) return uncompressed_size();
  return batch_header_size + static_cast<std::size_t>(static_cast<double>(records_.size()) * ratio);
}

std::size_t BatchBuilder::size_of(std::int64_t timestamp, OptionalBytes key, OptionalBytes value,
                                  std::span<const Header> headers) const {
  const bool no_delta = count_ == 0 || options_.fixed_timestamp;
  return record_size(no_delta ? 0 : subtract_wrapping(timestamp, base_timestamp_), last_delta_ + 1,
                     key, value, headers);
}

void BatchBuilder::set_producer(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence,
                                bool transactional) {
  options_.producer_id = id;
  options_.producer_epoch = epoch;
  options_.base_sequence = base_sequence;
  options_.transactional = transactional;
}

Bytes BatchBuilder::build() const {
  Bytes batch;
  if (options_.codec == Codec::none) batch.reserve(uncompressed_size());
  build(batch);
  return batch;
}

void BatchBuilder::build(Bytes& to) const {
  const std::size_t start = to.size();
  to.resize(start + batch_header_size);
  compress(options_.codec, options_.level, records_, to);
  const MutableBytes batch = MutableBytes(to).subspan(start);
  ASSERT(batch.size() - log_overhead <= std::numeric_limits<std::int32_t>::max(),
         "a batch is smaller than 2 GiB");
  write_header(batch.data());
  store_big_endian(batch.data() + layout::length,
                   static_cast<std::int32_t>(batch.size() - log_overhead));
  stamp_crc(batch);
}

void BatchBuilder::write_header(std::byte* header) const {
  store_big_endian(header + layout::base_offset, options_.base_offset.value());
  store_big_endian(header + layout::leader_epoch, options_.leader_epoch.value());
  store_big_endian(header + layout::magic, magic_v2);
  store_big_endian(header + layout::attributes, attributes_of(options_));
  store_big_endian(header + layout::last_offset_delta, std::max(last_delta_, 0));
  store_big_endian(header + layout::base_timestamp, base_timestamp_);
  store_big_endian(header + layout::max_timestamp, max_timestamp_);
  store_big_endian(header + layout::producer_id, options_.producer_id.value());
  store_big_endian(header + layout::producer_epoch, options_.producer_epoch.value());
  store_big_endian(header + layout::base_sequence, options_.base_sequence);
  store_big_endian(header + layout::record_count, count_);
}

void BatchBuilder::clear(Offset base_offset) {
  options_.base_offset = base_offset;
  records_.clear();
  count_ = 0;
  last_delta_ = -1;
  base_timestamp_ = max_timestamp_ = no_timestamp;
}

std::size_t record_size(std::int64_t timestamp_delta, std::int32_t offset_delta, OptionalBytes key,
                        OptionalBytes value, std::span<const Header> headers) {
  const std::size_t body = body_size(timestamp_delta, offset_delta, key, value, headers);
  return size_of_varint(static_cast<std::int64_t>(body)) + body;
}

std::size_t single_record_batch_bound(OptionalBytes key, OptionalBytes value,
                                      std::span<const Header> headers) {
  return batch_header_size + longest_front + size_of_nullable(key) + size_of_nullable(value) +
         size_of_headers(headers);
}

Result<Bytes> recompress(const BatchView& batch, Codec codec, int level,
                         const DecompressionLimit& limit) {
  TRY(RecordReader reader, RecordReader::open(batch, limit));
  Bytes out = to_bytes(batch.bytes().first(batch_header_size));
  compress(codec, level, reader.bytes(), out);
  const auto attributes =
      static_cast<std::int16_t>((batch.attributes() & ~0x07) | static_cast<int>(codec));
  store_big_endian(out.data() + layout::attributes, attributes);
  store_big_endian(out.data() + layout::length,
                   static_cast<std::int32_t>(out.size() - log_overhead));
  stamp_crc(out);
  return out;
}

}  // namespace cairn::record
