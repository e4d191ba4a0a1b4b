// SPDX-License-Identifier: Apache-2.0
#include "json_reader.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace cairn::cli {

const JsonValue* JsonValue::find(std::string_view name) const {
  const auto* object = as<Object>();
  if (!object) return nullptr;
  const auto found = std::ranges::find(*object, name, &Object::value_type::first);
  return found == object->end() ? nullptr : &found->second;
}

namespace {

class JsonReading {
 public:
  explicit JsonReading(std::string_view text) : text_(text) {}

  std::expected<JsonValue, std::string> run() {
    JsonValue value = read_value(0);
    skip_space();
    if (at_ < text_.size()) refuse_at("something stands behind the end");
    if (!why_.empty()) {
      const auto line = 1 + std::ranges::count(text_.substr(0, wrong_at_), '\n');
      return std::unexpected(fmt::format("line {}: {}", line, why_));
    }
    return value;
  }

 private:
  static constexpr int most_depth = 64;

  /// Notes the first mistake; nothing is read any more.
  JsonValue refuse_at(std::string_view why) {
    if (why_.empty()) {
      why_ = why;
      wrong_at_ = std::min(at_, text_.size());
    }
    at_ = text_.size();
    return {};
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    skip_space();
    if (peek() != c || at_ >= text_.size()) return false;
    at_++;
    return true;
  }
  bool take_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_])) at_++;
  }

  JsonValue read_value(int depth);
  JsonValue read_array(int depth);
  JsonValue read_object(int depth);
  JsonValue read_number();
  std::string read_string();
  void read_escape(std::string& into);
  std::uint32_t read_hex();

  std::string_view text_;
  std::size_t at_ = 0;
  std::string why_;
  std::size_t wrong_at_ = 0;
};

JsonValue JsonReading::read_value(int depth) {
  if (depth > most_depth) return refuse_at("nested too deep");
  if (take('{')) return read_object(depth);
  if (take('[')) return read_array(depth);
  if (peek() == '"') return JsonValue(read_string());
  if (take_word("true")) return JsonValue(true);
  if (take_word("false")) return JsonValue(false);
  if (take_word("null")) return {};
  return read_number();
}

JsonValue JsonReading::read_array(int depth) {
  JsonValue::Array out;
  if (take(']')) return JsonValue(std::move(out));
  do {
    out.push_back(read_value(depth + 1));
  } while (take(','));
  if (!take(']')) return refuse_at("a comma or ] is missing");
  return JsonValue(std::move(out));
}

JsonValue JsonReading::read_object(int depth) {
  JsonValue::Object out;
  if (take('}')) return JsonValue(std::move(out));
  do {
    skip_space();
    if (peek() != '"') return refuse_at("a name in quotes is missing");
    std::string name = read_string();
    if (!take(':')) return refuse_at("a colon is missing");
    out.emplace_back(std::move(name), read_value(depth + 1));
  } while (take(','));
  if (!take('}')) return refuse_at("a comma or } is missing");
  return JsonValue(std::move(out));
}

JsonValue JsonReading::read_number() {
  const auto is_part = [](char c) {
    return (c >= '0' && c <= '9') || std::string_view("+-.eE").contains(c);
  };
  const std::size_t begin = at_;
  while (at_ < text_.size() && is_part(text_[at_])) at_++;
  const std::string_view number = text_.substr(begin, at_ - begin);
  const std::string_view digits = number.substr(number.starts_with('-') ? 1 : 0);
  const bool leading_zero = digits.size() > 1 && digits[0] == '0' && digits[1] >= '0';
  const bool digit_first = !digits.empty() && digits[0] >= '0' && digits[0] <= '9';
  const char* end = number.data() + number.size();
  std::int64_t whole = 0;
  double broken = 0;
  if (digit_first && !leading_zero) {
    if (const auto [stop, error] = std::from_chars(number.data(), end, whole);
        stop == end && error == std::errc()) {
      return JsonValue(whole);
    }
    if (const auto [stop, error] = std::from_chars(number.data(), end, broken);
        stop == end && error == std::errc()) {
      return JsonValue(broken);
    }
  }
  at_ = begin;
  return refuse_at(number.empty() ? "a value is missing" : "not a number");
}

std::string JsonReading::read_string() {
  std::string out;
  at_++;
  while (at_ < text_.size() && text_[at_] != '"') {
    const char c = text_[at_++];
    if (static_cast<unsigned char>(c) < 0x20) {
      at_--;
      refuse_at("a string does not end on its line");
    } else if (c == '\\') {
      read_escape(out);
    } else {
      out += c;
    }
  }
  if (at_ >= text_.size()) {
    refuse_at("a string does not end");
  } else {
    at_++;
  }
  return out;
}

std::uint32_t JsonReading::read_hex() {
  std::uint32_t code = 0;
  const std::string_view digits = text_.substr(std::min(at_, text_.size()), 4);
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
  if (digits.size() < 4 || stop != digits.data() + 4 || error != std::errc()) {
    refuse_at("\\u wants four hexadecimal digits");
    return 0;
  }
  at_ += 4;
  return code;
}

void JsonReading::read_escape(std::string& into) {
  constexpr std::string_view names = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  const char c = peek();
  at_++;
  if (const auto index = names.find(c); index != std::string_view::npos) {
    into += meanings[index];
    return;
  }
  if (c != 'u') {
    at_--;
    refuse_at("an unknown escape");
    return;
  }
  std::uint32_t code = read_hex();
  if (code >= 0xd800 && code < 0xdc00 && take_word("\\u")) {
    const std::uint32_t low = read_hex();
    code =
        low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
  }
  if (code >= 0xd800 && code < 0xe000) code = 0xfffd;  // half a pair
  const auto tail = [&](int shift) { into += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    into += static_cast<char>(code);
  } else if (code < 0x800) {
    into += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    into += static_cast<char>(0xe0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    into += static_cast<char>(0xf0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

std::expected<JsonValue, std::string> read_json(std::string_view text) {
  return JsonReading(text).run();
}

}  // namespace cairn::cli
