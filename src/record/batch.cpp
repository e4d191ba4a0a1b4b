// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/assert.hpp>
#include <cairn/base/crc32c.hpp>
#include <cairn/record/batch.hpp>

namespace cairn::record {
namespace {

constexpr std::int32_t smallest_length = batch_header_size - log_overhead;
constexpr std::int16_t log_append_time_bit = 0x08;

/// Bytes of the batch that begins here; the fault if there is none.
std::expected<std::size_t, BatchFault> frame(BytesView bytes) {
  if (bytes.size() < batch_front_size) return std::unexpected(BatchFault::cut);
  // The magic comes first: an older message set has other lengths.
  if (load_big_endian<std::int8_t>(bytes.data() + layout::magic) != magic_v2) {
    return std::unexpected(BatchFault::bad_magic);
  }
  const auto length = load_big_endian<std::int32_t>(bytes.data() + layout::length);
  if (length < smallest_length) return std::unexpected(BatchFault::bad_length);
  return log_overhead + static_cast<std::size_t>(length);
}

}  // namespace

Result<BatchView> BatchView::parse(BytesView bytes) {
  BatchIterator batches(bytes);
  if (auto batch = batches.next()) return *batch;
  if (bytes.empty()) return fail(ErrorCode::corrupt_message, "no record batch");
  TRY(batches.status());
  return fail(ErrorCode::corrupt_message, "no record batch");
}

std::int32_t BatchView::last_sequence() const {
  if (base_sequence() < 0) return no_sequence;
  return advance_sequence(base_sequence(), last_offset_delta());
}

std::optional<Codec> BatchView::codec() const {
  const int id = attributes() & 0x07;
  if (id > static_cast<int>(Codec::zstd)) return std::nullopt;
  return static_cast<Codec>(id);
}

std::optional<std::int64_t> BatchView::delete_horizon() const {
  if (!has_delete_horizon()) return std::nullopt;
  return base_timestamp();
}

std::uint32_t BatchView::computed_crc() const { return crc32c(bytes_.subspan(layout::attributes)); }

std::int32_t advance_sequence(std::int32_t sequence, std::int64_t by) {
  constexpr std::int64_t sequences = std::int64_t{1} << 31;
  const std::int64_t sum = (sequence + by) % sequences;
  return static_cast<std::int32_t>(sum < 0 ? sum + sequences : sum);
}

void stamp_base_offset(MutableBytes batch, Offset base_offset) {
  ASSERT(batch.size() >= layout::base_offset + 8, "a batch begins with its base offset");
  store_big_endian(batch.data() + layout::base_offset, base_offset.value());
}

void stamp_leader_epoch(MutableBytes batch, Epoch leader_epoch) {
  ASSERT(batch.size() >= layout::leader_epoch + 4, "the epoch stands in the first 16 bytes");
  store_big_endian(batch.data() + layout::leader_epoch, leader_epoch.value());
}

void stamp_max_timestamp(MutableBytes header, BytesView payload, TimestampType type,
                         std::int64_t max_timestamp) {
  ASSERT(header.size() >= batch_header_size, "a whole header is needed");
  auto attributes = load_big_endian<std::int16_t>(header.data() + layout::attributes);
  attributes = static_cast<std::int16_t>(type == TimestampType::log_append_time
                                             ? attributes | log_append_time_bit
                                             : attributes & ~log_append_time_bit);
  store_big_endian(header.data() + layout::attributes, attributes);
  store_big_endian(header.data() + layout::max_timestamp, max_timestamp);
  const BytesView front = header.subspan(layout::attributes, layout::records - layout::attributes);
  store_big_endian(header.data() + layout::crc, crc32c(payload, crc32c(front)));
}

void stamp_max_timestamp(MutableBytes batch, TimestampType type, std::int64_t max_timestamp) {
  stamp_max_timestamp(batch.first(batch_header_size), batch.subspan(batch_header_size), type,
                      max_timestamp);
}

void stamp_crc(MutableBytes batch) {
  ASSERT(batch.size() >= batch_header_size, "a whole batch is needed");
  store_big_endian(batch.data() + layout::crc, crc32c(batch.subspan(layout::attributes)));
}

const char* to_string(BatchFault fault) {
  switch (fault) {
    case BatchFault::none:
      return "no fault";
    case BatchFault::cut:
      return "the record batch is cut";
    case BatchFault::bad_length:
      return "the record batch has an impossible length";
    case BatchFault::bad_magic:
      return "the record batch has a magic other than 2";
    case BatchFault::bad_crc:
      return "the record batch does not match its CRC";
  }
  return "unknown fault";
}

std::optional<BatchView> BatchIterator::next() {
  if (fault_ != BatchFault::none || position_ == bytes_.size()) return std::nullopt;
  const BytesView rest = bytes_.subspan(position_);
  const auto size = frame(rest);
  if (!size) {
    fault_ = size.error();
    return std::nullopt;
  }
  if (*size > rest.size()) {
    fault_ = BatchFault::cut;
    return std::nullopt;
  }
  const BatchView batch = BatchView::trusted(rest.first(*size));
  if (check_ == Check::crc && !batch.crc_matches()) {
    fault_ = BatchFault::bad_crc;
    return std::nullopt;
  }
  position_ += *size;
  return batch;
}

Result<> BatchIterator::status() const {
  if (fault_ == BatchFault::none) return {};
  return fail(ErrorCode::corrupt_message, to_string(fault_));
}

std::optional<std::size_t> batch_size_from_front(BytesView front) {
  const auto size = frame(front);
  if (!size) return std::nullopt;
  return *size;
}

}  // namespace cairn::record
