// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

#include <fmt/format.h>

namespace cairn::cli {

namespace {

/// Bytes of the UTF-8 character at the front of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t count) {
    if (text.size() <= count) return false;
    for (std::size_t i = 1; i <= count; i++) {
      if ((byte(i) & 0xc0) != 0x80) return false;
    }
    return true;
  };
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xc2 && byte(0) < 0xe0 && follows(1)) return 2;
  if (byte(0) >= 0xe0 && byte(0) < 0xf0 && follows(2)) {
    const bool overlong = byte(0) == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = byte(0) == 0xed && byte(1) >= 0xa0;
    return overlong || surrogate ? 0 : 3;
  }
  if (byte(0) >= 0xf0 && byte(0) < 0xf5 && follows(3)) {
    const bool outside =
        (byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) >= 0x90);
    return outside ? 0 : 4;
  }
  return 0;
}

void append_quoted(std::string& to, std::string_view text) {
  to += '"';
  while (!text.empty()) {
    const char c = text.front();
    const auto length = utf8_length(text);
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (c == '\n') {
      to += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned>(c));
    } else if (length == 0) {
      to += "\xef\xbf\xbd";
    } else {
      to += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  to += '"';
}

}  // namespace

void Json::separate() {
  if (comma_) text_ += ',';
  comma_ = true;
}

Json& Json::open(char bracket) {
  separate();
  text_ += bracket;
  comma_ = false;
  return *this;
}
Json& Json::close(char bracket) {
  text_ += bracket;
  comma_ = true;
  return *this;
}
Json& Json::key(std::string_view name) {
  separate();
  append_quoted(text_, name);
  text_ += ':';
  comma_ = false;
  return *this;
}
Json& Json::value(std::string_view text) {
  separate();
  append_quoted(text_, text);
  return *this;
}
Json& Json::value(std::int64_t number) {
  separate();
  fmt::format_to(std::back_inserter(text_), "{}", number);
  return *this;
}
Json& Json::value(double number) {
  separate();
  if (std::isfinite(number)) {
    fmt::format_to(std::back_inserter(text_), "{:.6g}", number);
  } else {
    text_ += "null";
  }
  return *this;
}
Json& Json::value(bool truth) {
  separate();
  text_ += truth ? "true" : "false";
  return *this;
}
Json& Json::null() {
  separate();
  text_ += "null";
  return *this;
}

Json& Json::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}

Table::Table(std::vector<std::string> columns) : columns_(std::move(columns)) {
  for (auto& column : columns_) {
    right_.push_back(column.starts_with('>'));
    if (right_.back()) column.erase(0, 1);
  }
}

void Table::add(std::vector<std::string> row) {
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const auto& column : columns_) widths.push_back(column.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  const auto add_line = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); i++) {
      if (i > 0) line += "  ";
      line += right_[i] ? fmt::format("{:>{}}", row[i], widths[i])
                        : fmt::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  add_line(columns_);
  for (const auto& row : rows_) add_line(row);
  return out;
}

std::string Table::json() const {
  Json json;
  json.begin_array();
  for (const auto& row : rows_) {
    json.begin_object();
    for (std::size_t i = 0; i < row.size(); i++) {
      std::string name = columns_[i];
      for (char& c : name) {
        c = c == ' ' ? '_' : static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
      }
      const bool number = right_[i] && !row[i].empty() &&
                          row[i].find_first_not_of("0123456789-") == std::string::npos &&
                          row[i] != "-";
      json.key(name);
      number ? json.raw(row[i]) : json.value(row[i]);
    }
    json.end_object();
  }
  return std::move(json.end_array().text());
}

void Printer::line(std::string_view text) {
  buffer_ += text;
  buffer_ += '\n';
}

bool Printer::settle() {
  constexpr std::size_t large = 64 * 1024;
  return buffer_.size() < large ? !broken_ : flush();
}

bool Printer::flush() {
  if (!buffer_.empty() && !broken_) {
    broken_ = std::fwrite(buffer_.data(), 1, buffer_.size(), stdout) != buffer_.size() ||
              std::fflush(stdout) != 0;
  }
  buffer_.clear();
  return !broken_;
}

void Progress::show(Instant now, std::string_view text) {
  if (!on_) return;
  next_ = now + std::chrono::milliseconds(100);
  shown_ = true;
  fmt::print(stderr, "\r\x1b[K{}", text);
  std::fflush(stderr);
}

void Progress::clear() {
  if (std::exchange(shown_, false)) fmt::print(stderr, "\r\x1b[K");
}

std::string human_bytes(double bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    unit++;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

}  // namespace cairn::cli
