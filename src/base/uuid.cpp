// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/random.hpp>
#include <cairn/base/uuid.hpp>

namespace cairn {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The bits of the id from `first` on, six of them, the last group padded with zeros.
unsigned sextet(const Uuid& id, int first) {
  unsigned value = 0;
  for (int bit = first; bit < first + 6; ++bit) {
    const std::uint64_t word = bit < 64 ? id.high : id.low;
    const unsigned one = bit < 128 ? static_cast<unsigned>(word >> (63 - bit % 64)) & 1 : 0;
    value = value << 1 | one;
  }
  return value;
}

}  // namespace

std::string Uuid::text() const {
  std::string text;
  for (int bit = 0; bit < 128; bit += 6) text += alphabet[sextet(*this, bit)];
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() == 24 && text.ends_with("==")) text.remove_suffix(2);
  if (text.size() != 22) return std::nullopt;
  Uuid id;
  for (int i = 0; i < 22; ++i) {
    const auto value = alphabet.find(text[static_cast<std::size_t>(i)]);
    if (value == std::string_view::npos) return std::nullopt;
    for (int bit = 0; bit < 6 && i * 6 + bit < 128; ++bit) {
      std::uint64_t& word = i * 6 + bit < 64 ? id.high : id.low;
      word = word << 1 | (value >> (5 - bit) & 1);
    }
  }
  return id;
}

Uuid Uuid::random(Random& random) {
  while (true) {
    Uuid id{random(), random()};
    id.high = (id.high & ~0xf000ULL) | 0x4000;
    id.low = (id.low & ~(3ULL << 62)) | 2ULL << 62;
    if (!id.is_reserved() && id.text()[0] != '-') return id;
  }
}

}  // namespace cairn
