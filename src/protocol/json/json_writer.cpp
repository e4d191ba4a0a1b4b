// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cairn/protocol/json_writer.hpp>

namespace cairn::protocol {
namespace {

// The length of the UTF-8 sequence that `text` begins with; 0 if it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Too long a form, a surrogate, or above U+10FFFF.
  const unsigned char second = byte(1);
  if (first == 0xe0 && second < 0xa0) return 0;
  if (first == 0xed && second > 0x9f) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second > 0x8f) return 0;
  return length;
}

void append_escaped(std::string& to, char c) {
  switch (c) {
    case '"':
      to += "\\\"";
      break;
    case '\\':
      to += "\\\\";
      break;
    case '\n':
      to += "\\n";
      break;
    case '\r':
      to += "\\r";
      break;
    case '\t':
      to += "\\t";
      break;
    default:
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned char>(c));
  }
}

}  // namespace

void JsonWriter::begin_object() {
  text_ += '{';
  comma_ = false;
}

void JsonWriter::end_object() {
  text_ += '}';
  comma_ = true;
}

void JsonWriter::unknown_tags(const UnknownTags& tags) {
  if (tags.empty()) return;
  key("_unknownTags");
  begin_object();
  for (const UnknownTag& tag : tags) {
    key(std::to_string(tag.tag));
    put(tag.data);
  }
  end_object();
}

void JsonWriter::key(std::string_view name) {
  if (comma_) text_ += ',';
  comma_ = true;
  text_ += '"';
  text_ += name;
  text_ += "\":";
}

void JsonWriter::put_integer(std::int64_t value) {
  fmt::format_to(std::back_inserter(text_), "{}", value);
}

// JSON has no NaN and no infinity; a fraction shows that the field is no integer.
void JsonWriter::put(double value) {
  const std::string text = fmt::format("{}", value);
  if (text.find_first_of("fn") != std::string::npos) {
    text_ += '"' + text + '"';
  } else {
    text_ += text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  }
}

void JsonWriter::put(const std::string& value) {
  text_ += '"';
  for (std::string_view left = value; !left.empty();) {
    const std::size_t length = utf8_length(left);
    if (length == 0) {
      text_ += "\xef\xbf\xbd";
    } else if (length == 1 && (left[0] == '"' || left[0] == '\\' || left[0] < ' ')) {
      append_escaped(text_, left[0]);
    } else {
      text_ += left.substr(0, length);
    }
    left.remove_prefix(std::max<std::size_t>(length, 1));
  }
  text_ += '"';
}

void JsonWriter::put_base64(BytesView bytes) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  text_ += '"';
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < here ? static_cast<std::uint32_t>(bytes[at + i]) : 0);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text_ += i > here ? '=' : alphabet[group >> (18 - 6 * i) & 63];
    }
  }
  text_ += '"';
}

}  // namespace cairn::protocol
