// SPDX-License-Identifier: Apache-2.0
#include "golden_vectors.hpp"

#include <charconv>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <zlib.h>

#include <cairn/base/assert.hpp>

namespace cairn::protocol::testing {
namespace {

std::string unpack(const std::string& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return text;
  char buffer[65536];
  for (int size; (size = gzread(file, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  gzclose(file);
  return text;
}

// What lies between two marks of a line.
std::string_view between(std::string_view line, std::string_view from, std::string_view to) {
  const auto start = line.find(from) + from.size();
  return line.substr(start, line.find(to, start) - start);
}

Bytes from_hex(std::string_view hex) {
  Bytes bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    unsigned value = 0;
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, value, 16);
    bytes[i] = static_cast<std::byte>(value);
  }
  return bytes;
}

// The lines are all of one form: {"message":"folder/Name","version":N,"bytes":"hex","value":{...}}
GoldenVector parse(std::string_view line) {
  GoldenVector vector;
  const std::string_view path = between(line, "{\"message\":\"", "\"");
  vector.name = path.substr(path.find('/') + 1);
  const std::string_view version = between(line, "\"version\":", ",");
  std::from_chars(version.data(), version.data() + version.size(), vector.version);
  vector.bytes = from_hex(between(line, "\"bytes\":\"", "\""));
  constexpr std::string_view mark = "\"value\":";
  const auto value = line.find(mark) + mark.size();
  vector.value = line.substr(value, line.size() - value - 1);
  return vector;
}

}  // namespace

const AnyMessage& GoldenVector::message() const {
  const AnyMessage* const message = find_message(name);
  ASSERT(message != nullptr, "every golden vector is of a message we have");
  return *message;
}

const std::vector<GoldenVector>& golden_vectors() {
  static const std::vector<GoldenVector> vectors = [] {
    const std::string text = unpack(CAIRN_SOURCES "/tests/protocol/golden-vectors.jsonl.gz");
    std::vector<GoldenVector> parsed;
    for (std::string_view left = text; !left.empty();) {
      const auto end = std::min(left.find('\n'), left.size());
      if (end > 0) parsed.push_back(parse(left.substr(0, end)));
      left.remove_prefix(std::min(end + 1, left.size()));
    }
    return parsed;
  }();
  return vectors;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace cairn::protocol::testing
