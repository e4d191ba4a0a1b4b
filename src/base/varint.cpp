// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/varint.hpp>

namespace cairn {
namespace {

template <class T>
std::optional<T> read(BytesView& from) {
  constexpr int bits = sizeof(T) * 8;
  T value = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(from[i]);
    const int shift = static_cast<int>(i) * 7;
    if (shift >= bits || (shift + 7 > bits && byte >> (bits - shift) != 0)) return std::nullopt;
    value |= static_cast<T>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      from = from.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace

void append_unsigned_varint(Bytes& to, std::uint64_t value) {
  std::byte buffer[10];
  std::byte* end = write_unsigned_varint(buffer, value);
  to.insert(to.end(), buffer, end);
}

std::optional<std::uint32_t> read_unsigned_varint32(BytesView& from) {
  return read<std::uint32_t>(from);
}

std::optional<std::uint64_t> read_unsigned_varint64(BytesView& from) {
  return read<std::uint64_t>(from);
}

std::optional<std::int32_t> read_varint32(BytesView& from) {
  const auto value = read<std::uint32_t>(from);
  if (!value) return std::nullopt;
  return static_cast<std::int32_t>(unzigzag(*value));
}

std::optional<std::int64_t> read_varint64(BytesView& from) {
  const auto value = read<std::uint64_t>(from);
  if (!value) return std::nullopt;
  return unzigzag(*value);
}

}  // namespace cairn
