// SPDX-License-Identifier: Apache-2.0
// Reads the inside of a record: varints and lengths over bytes that nobody has checked yet. Inline,
// since a broker walks every uncompressed record with it. Each read is false, and the cursor of no
// further use, when the bytes end or a number is too long.
#pragma once

#include <cairn/base/varint.hpp>

namespace cairn::record {

class Cursor {
 public:
  explicit Cursor(BytesView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  const std::byte* position() const { return at_; }
  BytesView rest() const { return {at_, end_}; }

  bool varint(std::int32_t& value) {
    if (at_ != end_ && (static_cast<unsigned>(*at_) & 0x80) == 0) [[likely]] {
      value = static_cast<std::int32_t>(unzigzag(static_cast<std::uint64_t>(*at_++)));
      return true;
    }
    return long_varint(value);
  }
  bool varlong(std::int64_t& value) {
    if (at_ != end_ && (static_cast<unsigned>(*at_) & 0x80) == 0) [[likely]] {
      value = unzigzag(static_cast<std::uint64_t>(*at_++));
      return true;
    }
    BytesView from = rest();
    auto read = read_varint64(from);
    if (!read) return false;
    at_ = from.data();
    value = *read;
    return true;
  }
  bool byte(std::byte& value) {
    if (at_ == end_) return false;
    value = *at_++;
    return true;
  }
  /// REQUIRES: size >= 0.
  bool skip(std::int32_t size) {
    if (static_cast<std::size_t>(size) > left()) return false;
    at_ += size;
    return true;
  }
  /// Takes `size` bytes as a cursor of their own. REQUIRES: size >= 0.
  bool take(std::int32_t size, BytesView& bytes) {
    bytes = {at_, static_cast<std::size_t>(size)};
    return skip(size);
  }

 private:
  bool long_varint(std::int32_t& value) {
    // Two bytes hold lengths up to 8 KiB: nearly all that one byte does not.
    if (left() >= 2 && (static_cast<unsigned>(at_[1]) & 0x80) == 0) {
      value = static_cast<std::int32_t>(unzigzag((static_cast<std::uint64_t>(at_[0]) & 0x7f) |
                                                 static_cast<std::uint64_t>(at_[1]) << 7));
      at_ += 2;
      return true;
    }
    BytesView from = rest();
    auto read = read_varint32(from);
    if (!read) return false;
    at_ = from.data();
    value = *read;
    return true;
  }

  const std::byte* at_;
  const std::byte* end_;
};

/// A record as it lies, up to its headers.
struct RawRecord {
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0;
  std::int32_t key_size = -1;  // -1: null
  const std::byte* key = nullptr;
  std::int32_t value_size = -1;
  const std::byte* value = nullptr;
  std::int32_t header_count = 0;
  BytesView headers;
};

/// A length that may be -1 for null, and that many bytes skipped.
inline bool skip_nullable(Cursor& cursor, std::int32_t& size, const std::byte*& at) {
  if (!cursor.varint(size) || size < -1) return false;
  at = cursor.position();
  return size <= 0 || cursor.skip(size);
}

/// Nothing wrong with these headers, which fill `bytes` to the last byte.
inline bool headers_are_sound(BytesView bytes, std::int32_t count) {
  Cursor cursor(bytes);
  for (; count > 0; --count) {
    std::int32_t size = 0;
    const std::byte* at = nullptr;
    if (!cursor.varint(size) || size < 0 || !cursor.skip(size)) return false;
    if (!skip_nullable(cursor, size, at)) return false;
  }
  return cursor.left() == 0;
}

/// Reads the next record. A literal that says what is wrong with it, or null.
inline const char* read_record(Cursor& cursor, RawRecord& record) {
  std::int32_t size = 0;
  BytesView body;
  if (!cursor.varint(size)) return "the length of a record is cut or too long";
  if (size < 0 || !cursor.take(size, body)) return "a record reaches beyond its batch";
  Cursor inside(body);
  std::byte attributes;
  if (!inside.byte(attributes) || !inside.varlong(record.timestamp_delta) ||
      !inside.varint(record.offset_delta)) {
    return "a record is cut in its first fields";
  }
  if (!skip_nullable(inside, record.key_size, record.key)) return "bad size of a record's key";
  if (!skip_nullable(inside, record.value_size, record.value))
    return "bad size of a record's value";
  if (!inside.varint(record.header_count) || record.header_count < 0 ||
      static_cast<std::size_t>(record.header_count) > inside.left()) {
    return "bad number of record headers";
  }
  record.headers = inside.rest();
  if (record.headers.empty()) return nullptr;  // then the count is 0 as well
  if (record.header_count == 0) return "a record has bytes left over";
  return headers_are_sound(record.headers, record.header_count) ? nullptr : "bad record headers";
}

/// Timestamps of hostile records may overflow; they wrap, as in Java.
inline std::int64_t add_wrapping(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
inline std::int64_t subtract_wrapping(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace cairn::record
