// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/assert.hpp>
#include <cairn/group/placement.hpp>

namespace cairn::group {
namespace {

constexpr std::uint32_t replacement = 0xFFFD;

/// Takes one code point off the front; U+FFFD for the longest broken prefix of one.
std::uint32_t next_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (length == 1) return text.remove_prefix(1), first;
  std::uint32_t point = first & (0x7F >> length);
  const bool can_start = first >= 0xC2 && first <= 0xF4;
  std::size_t read = 1;
  for (; can_start && read < length && read < text.size(); ++read) {
    unsigned char low = 0x80, high = 0xBF;
    if (read == 1 && first == 0xE0) low = 0xA0;
    if (read == 1 && first == 0xED) high = 0x9F;
    if (read == 1 && first == 0xF0) low = 0x90;
    if (read == 1 && first == 0xF4) high = 0x8F;
    if (byte(read) < low || byte(read) > high) break;
    point = point << 6 | (byte(read) & 0x3F);
  }
  text.remove_prefix(read);
  return can_start && read == length ? point : replacement;
}

}  // namespace

std::int32_t java_string_hash(std::string_view text) {
  std::uint32_t hash = 0;
  while (!text.empty()) {
    const std::uint32_t point = next_code_point(text);
    if (point < 0x10000) {
      hash = 31 * hash + point;
    } else {
      hash = 31 * hash + (0xD800 + ((point - 0x10000) >> 10));
      hash = 31 * hash + (0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
  return static_cast<std::int32_t>(hash);
}

PartitionIndex partition_for(std::string_view id, std::int32_t count) {
  ASSERT(count > 0, "a topic has partitions");
  const std::int64_t hash = java_string_hash(id);
  const std::int64_t magnitude = hash == INT32_MIN ? 0 : hash < 0 ? -hash : hash;
  return PartitionIndex(static_cast<std::int32_t>(magnitude % count));
}

}  // namespace cairn::group
