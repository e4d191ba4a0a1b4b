// SPDX-License-Identifier: Apache-2.0
#include "client_address.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace cairn::broker {
namespace {

constexpr std::size_t four = 4, sixteen = 16;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<unsigned> number(std::string_view text, int base, unsigned most) {
  unsigned value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value, base);
  if (text.empty() || read.ec != std::errc() || read.ptr != end || value > most)
    return std::nullopt;
  return value;
}

std::optional<Bytes> parse_four(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != four) return std::nullopt;
  Bytes bytes;
  for (const std::string_view part : parts) {
    const auto value = number(part, 10, 255);
    if (!value) return std::nullopt;
    bytes.push_back(static_cast<std::byte>(*value));
  }
  return bytes;
}

/// Groups of four hexadecimal digits; nothing for an empty text.
std::optional<Bytes> parse_groups(std::string_view text) {
  Bytes bytes;
  if (text.empty()) return bytes;
  for (const std::string_view part : split(text, ':')) {
    const auto value = number(part, 16, 0xffff);
    if (!value) return std::nullopt;
    bytes.push_back(static_cast<std::byte>(*value >> 8));
    bytes.push_back(static_cast<std::byte>(*value & 0xff));
  }
  return bytes;
}

std::optional<Bytes> parse_sixteen(std::string_view text) {
  text = text.substr(0, text.find('%'));  // a zone means nothing elsewhere
  const auto gap = text.find("::");
  if (gap == std::string_view::npos) {
    auto bytes = parse_groups(text);
    return bytes && bytes->size() == sixteen ? bytes : std::nullopt;
  }
  auto head = parse_groups(text.substr(0, gap));
  const auto tail = parse_groups(text.substr(gap + 2));
  if (!head || !tail || head->size() + tail->size() > sixteen - 2) return std::nullopt;
  head->resize(sixteen - tail->size());
  append(*head, *tail);
  return head;
}

}  // namespace

Bytes address_bytes(std::string_view text) {
  if (auto bytes = parse_four(text)) return *std::move(bytes);
  if (text.contains(':')) {
    if (auto bytes = parse_sixteen(text)) return *std::move(bytes);
  }
  return Bytes(four);
}

std::string address_text(BytesView bytes) {
  std::string text;
  if (bytes.size() == four) {
    for (const std::byte byte : bytes) {
      text += fmt::format("{}{}", text.empty() ? "" : ".", static_cast<unsigned>(byte));
    }
    return text;
  }
  if (bytes.size() != sixteen) return "unknown";
  for (std::size_t i = 0; i < sixteen; i += 2) {
    const unsigned group =
        static_cast<unsigned>(bytes[i]) << 8 | static_cast<unsigned>(bytes[i + 1]);
    text += fmt::format("{}{:x}", text.empty() ? "" : ":", group);
  }
  return text;
}

}  // namespace cairn::broker
