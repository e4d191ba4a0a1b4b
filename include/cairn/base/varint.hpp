// SPDX-License-Identifier: Apache-2.0
// Variable-length integers: unsigned for lengths of flexible messages, zigzag inside records. At
// most 5 bytes for 32 bits and 10 for 64.
#pragma once

#include <optional>

#include <cairn/base/bytes.hpp>

namespace cairn {

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

/// Bytes that write_unsigned_varint would write.
constexpr std::size_t size_of_unsigned_varint(std::uint64_t value) {
  return static_cast<std::size_t>(std::bit_width(value | 1) + 6) / 7;
}
constexpr std::size_t size_of_varint(std::int64_t value) {
  return size_of_unsigned_varint(zigzag(value));
}

/// Writes at `to`, which has room, and returns the end of what was written.
inline std::byte* write_unsigned_varint(std::byte* to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<std::byte>(value | 0x80);
  *to++ = static_cast<std::byte>(value);
  return to;
}
inline std::byte* write_varint(std::byte* to, std::int64_t value) {
  return write_unsigned_varint(to, zigzag(value));
}
void append_unsigned_varint(Bytes& to, std::uint64_t value);
inline void append_varint(Bytes& to, std::int64_t value) {
  append_unsigned_varint(to, zigzag(value));
}

/// Reads from the front of `from` and moves it on; nothing, and `from` unmoved, if it is cut short
/// or longer than its type allows.
std::optional<std::uint32_t> read_unsigned_varint32(BytesView& from);
std::optional<std::uint64_t> read_unsigned_varint64(BytesView& from);
std::optional<std::int32_t> read_varint32(BytesView& from);
std::optional<std::int64_t> read_varint64(BytesView& from);

}  // namespace cairn
