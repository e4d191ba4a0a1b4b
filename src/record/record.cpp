// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/record/record.hpp>

#include "cursor.hpp"

namespace cairn::record {
namespace {

std::size_t expect_size(Cursor& cursor) {
  std::int32_t size = 0;
  cursor.varint(size);
  return static_cast<std::size_t>(std::max(size, 0));
}

Header read_header(Cursor& cursor) {
  Header header;
  BytesView key;
  cursor.take(static_cast<std::int32_t>(expect_size(cursor)), key);
  header.key = as_text(key);
  std::int32_t size = 0;
  cursor.varint(size);
  if (size >= 0) {
    BytesView value;
    cursor.take(size, value);
    header.value = value;
  }
  return header;
}

OptionalBytes nullable(const std::byte* at, std::int32_t size) {
  if (size < 0) return std::nullopt;
  return BytesView(at, static_cast<std::size_t>(size));
}

}  // namespace

bool Header::operator==(const Header& other) const {
  return key == other.key && value.has_value() == other.value.has_value() &&
         (!value || std::ranges::equal(*value, *other.value));
}

Header HeaderList::Iterator::operator*() const {
  Cursor cursor(rest_);
  return read_header(cursor);
}

HeaderList::Iterator& HeaderList::Iterator::operator++() {
  Cursor cursor(rest_);
  read_header(cursor);
  rest_ = cursor.rest();
  --left_;
  return *this;
}

std::vector<Header> HeaderList::to_vector() const {
  std::vector<Header> headers;
  headers.reserve(size());
  for (Header header : *this) headers.push_back(header);
  return headers;
}

RecordReader::RecordReader(const BatchView& batch, BytesView view, Bytes owned)
    : batch_(batch), view_(view), owned_(std::move(owned)), left_(batch.record_count()) {
  rest_ = bytes();
  if (left_ < 0) {
    fault_ = "a batch declares a negative number of records";
    left_ = 0;
  }
}

Result<RecordReader> RecordReader::open(const BatchView& batch, const DecompressionLimit& limit) {
  const auto codec = batch.codec();
  if (!codec) return fail(ErrorCode::unsupported_compression_type, "unknown codec");
  // A batch that the cleaner emptied keeps its codec bits over no bytes at all.
  if (*codec == Codec::none || (batch.payload().empty() && batch.record_count() == 0)) {
    return RecordReader(batch, batch.payload(), {});
  }
  TRY(Bytes records, decompress(*codec, batch.payload(), limit));
  return RecordReader(batch, {}, std::move(records));
}

std::optional<RecordView> RecordReader::next() {
  if (left_ == 0) {
    if (fault_ == nullptr && !rest_.empty()) return refuse("bytes follow the last record");
    return std::nullopt;
  }
  Cursor cursor(rest_);
  RawRecord raw;
  if (const char* why = read_record(cursor, raw)) return refuse(why);
  rest_ = cursor.rest();
  --left_;
  RecordView record;
  record.offset_delta = raw.offset_delta;
  record.offset = Offset(add_wrapping(batch_.base_offset().value(), raw.offset_delta));
  record.timestamp = batch_.timestamp_type() == TimestampType::log_append_time
                         ? batch_.max_timestamp()
                         : add_wrapping(batch_.base_timestamp(), raw.timestamp_delta);
  record.key = nullable(raw.key, raw.key_size);
  record.value = nullable(raw.value, raw.value_size);
  record.headers = HeaderList(raw.headers, raw.header_count);
  return record;
}

Result<> RecordReader::status() const {
  if (fault_ != nullptr) return fail(ErrorCode::invalid_record, fault_);
  if (left_ == 0 && !rest_.empty()) {
    return fail(ErrorCode::invalid_record, "bytes follow the last record");
  }
  return {};
}

std::optional<RecordView> RecordReader::refuse(const char* why) {
  fault_ = why;
  left_ = 0;
  rest_ = {};
  return std::nullopt;
}

}  // namespace cairn::record
