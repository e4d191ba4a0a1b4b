// SPDX-License-Identifier: Apache-2.0
// What commands print: tables for people, JSON for programs, progress for terminals. Standard
// output is written in large pieces; flush() before waiting. Owner: the command that prints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/time.hpp>

namespace cairn::cli {

/// Appends JSON. Commas and colons come by themselves; strings that are not UTF-8 get U+FFFD where
/// they are not.
class Json {
 public:
  Json& begin_object() { return open('{'); }
  Json& end_object() { return close('}'); }
  Json& begin_array() { return open('['); }
  Json& end_array() { return close(']'); }
  Json& key(std::string_view name);
  Json& value(std::string_view text);
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(std::int64_t number);
  Json& value(std::int32_t number) { return value(std::int64_t{number}); }
  Json& value(double number);
  Json& value(bool truth);
  Json& null();
  /// Text that is JSON already.
  Json& raw(std::string_view json);
  template <class T>
  Json& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  std::string& text() { return text_; }

 private:
  Json& open(char bracket);
  Json& close(char bracket);
  void separate();

  std::string text_;
  bool comma_ = false;
};

/// Columns as wide as their content; numbers right-aligned where asked.
class Table {
 public:
  /// A name that begins with '>' is right-aligned.
  explicit Table(std::vector<std::string> columns);
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.empty(); }
  std::string text() const;
  /// An array of objects with the columns' names in lower case; all values are strings, but those
  /// of right-aligned columns that are numbers.
  std::string json() const;

 private:
  std::vector<std::string> columns_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

/// Standard output, buffered. False once the reader has gone away.
class Printer {
 public:
  ~Printer() { flush(); }
  std::string& buffer() { return buffer_; }
  void line(std::string_view text);
  /// Writes out if the buffer is large.
  bool settle();
  bool flush();

 private:
  std::string buffer_;
  bool broken_ = false;
};

/// One line on standard error that is written over, at most ten times a second; nothing if that is
/// no terminal.
class Progress {
 public:
  explicit Progress(bool on_terminal) : on_(on_terminal) {}
  ~Progress() { clear(); }
  bool due(Instant now) const { return on_ && now >= next_; }
  void show(Instant now, std::string_view text);
  void clear();

 private:
  bool on_;
  bool shown_ = false;
  Instant next_{};
};

/// "1.5 GiB", "310 B".
std::string human_bytes(double bytes);

}  // namespace cairn::cli
