// SPDX-License-Identifier: Apache-2.0
#include "format.hpp"

#include <charconv>

#include <fmt/format.h>

#include "output.hpp"

namespace cairn::cli {

namespace {

std::string_view text_of(const record::OptionalBytes& bytes) {
  return bytes ? as_text(*bytes) : std::string_view{};
}

std::int64_t length_of(const record::OptionalBytes& bytes) {
  return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
}

/// Reads the escape that begins at text[at] (a backslash) and moves `at` behind it.
Result<char> read_escape(std::string_view text, std::size_t& at) {
  if (at + 1 >= text.size()) return fail(ErrorCode::invalid_config, "a backslash ends the text");
  const char kind = text[at + 1];
  at += 2;
  switch (kind) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case '0':
      return '\0';
    case '\\':
      return '\\';
    case 'x': {
      unsigned value = 0;
      if (at + 2 > text.size()) return fail(ErrorCode::invalid_config, "\\x needs two hex digits");
      const auto [end, error] = std::from_chars(&text[at], &text[at] + 2, value, 16);
      if (error != std::errc() || end != &text[at] + 2) {
        return fail(ErrorCode::invalid_config, "\\x needs two hex digits");
      }
      at += 2;
      return static_cast<char>(value);
    }
    default:
      return fail(ErrorCode::invalid_config, "unknown escape: use \\n \\t \\r \\\\ \\0 \\xHH");
  }
}

template <class T>
bool read_number(std::string_view text, T& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// 2026-01-31, 2026-01-31T12:00:00, 2026-01-31T12:00:00.123, each with or without Z.
std::optional<std::int64_t> read_date(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (text.size() < 10 || !read_number(text.substr(0, 4), year) ||
      !read_number(text.substr(5, 2), month) || !read_number(text.substr(8, 2), day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok() || text[4] != '-' || text[7] != '-') return std::nullopt;
  std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::sys_days(date).time_since_epoch())
                        .count();
  text.remove_prefix(10);
  if (text.empty()) return ms;
  unsigned hours = 0;
  unsigned minutes = 0;
  unsigned seconds = 0;
  unsigned fraction = 0;
  if (text.size() < 9 || (text[0] != 'T' && text[0] != ' ') ||
      !read_number(text.substr(1, 2), hours) || !read_number(text.substr(4, 2), minutes) ||
      !read_number(text.substr(7, 2), seconds)) {
    return std::nullopt;
  }
  if (text.size() > 9 &&
      (text.size() != 13 || text[9] != '.' || !read_number(text.substr(10), fraction))) {
    return std::nullopt;
  }
  ms += ((hours * 60LL + minutes) * 60 + seconds) * 1000 + fraction;
  return ms;
}

}  // namespace

Result<RecordFormat> RecordFormat::parse(std::string_view text, std::string& why) {
  RecordFormat format;
  std::string literal;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\\') {
      auto escaped = read_escape(text, at);
      if (!escaped) {
        why = escaped.error().why;
        return std::unexpected(escaped.error());
      }
      literal += *escaped;
      continue;
    }
    if (text[at] != '%') {
      literal += text[at++];
      continue;
    }
    const char what = at + 1 < text.size() ? text[at + 1] : '\0';
    at += 2;
    if (what == '%') {
      literal += '%';
      continue;
    }
    if (what == '\0' || !std::string_view("tpokKsSTRh").contains(what)) {
      why = fmt::format("unknown field %{} in the format: use %t %p %o %k %K %s %S %R %T %h %%",
                        what == '\0' ? ' ' : what);
      return fail(ErrorCode::invalid_config, "unknown field in the format");
    }
    format.pieces_.push_back({0, std::exchange(literal, "")});
    format.pieces_.push_back({what, ""});
  }
  format.pieces_.push_back({0, literal});
  return format;
}

void RecordFormat::append(std::string& to, const TopicPartition& partition,
                          const record::RecordView& record) const {
  const auto out = std::back_inserter(to);
  for (const auto& piece : pieces_) {
    switch (piece.what) {
      case 0:
        to += piece.literal;
        break;
      case 't':
        to += partition.topic;
        break;
      case 'p':
        fmt::format_to(out, "{}", partition.partition);
        break;
      case 'o':
        fmt::format_to(out, "{}", record.offset);
        break;
      case 'k':
        to += text_of(record.key);
        break;
      case 's':
        to += text_of(record.value);
        break;
      case 'K':
        fmt::format_to(out, "{}", length_of(record.key));
        break;
      case 'S':
        fmt::format_to(out, "{}", length_of(record.value));
        break;
      case 'T':
        fmt::format_to(out, "{}", record.timestamp);
        break;
      case 'R': {
        std::byte bytes[4];
        store_big_endian(bytes, static_cast<std::int32_t>(length_of(record.value)));
        to += as_text(bytes);
        break;
      }
      case 'h': {
        bool first = true;
        for (const record::Header header : record.headers) {
          if (!std::exchange(first, false)) to += ',';
          to += header.key;
          to += '=';
          to += header.value ? as_text(*header.value) : std::string_view("NULL");
        }
        break;
      }
      default:
        break;
    }
  }
}

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\\') {
      TRY(const char escaped, read_escape(text, at));
      out += escaped;
    } else {
      out += text[at++];
    }
  }
  return out;
}

void append_json(std::string& to, const TopicPartition& partition,
                 const record::RecordView& record) {
  Json json;
  const auto text_or_null = [&](const char* name, const record::OptionalBytes& bytes) {
    json.key(name);
    bytes ? json.value(as_text(*bytes)) : json.null();
  };
  json.begin_object();
  json.field("topic", partition.topic);
  json.field("partition", partition.partition.value());
  json.field("offset", record.offset.value());
  json.field("timestamp", record.timestamp);
  json.key("headers").begin_array();
  for (const record::Header header : record.headers) {
    json.begin_object().field("key", header.key);
    text_or_null("value", header.value);
    json.end_object();
  }
  json.end_array();
  text_or_null("key", record.key);
  text_or_null("value", record.value);
  json.end_object();
  to += json.text();
  to += '\n';
}

Result<StartPoint> StartPoint::parse(std::string_view text) {
  StartPoint point;
  if (text == "beginning" || text == "earliest" || text == "start") return point;
  if (text == "end" || text == "latest") {
    point.kind = Kind::end;
    return point;
  }
  if (text.starts_with('@')) {
    point.kind = Kind::time;
    text.remove_prefix(1);
    if (read_number(text, point.number)) return point;
    const auto date = read_date(text);
    if (!date) {
      return fail(ErrorCode::invalid_config,
                  "expected a time: @ and ms since 1970, or @2026-01-31[T12:00:00[.000]] in UTC");
    }
    point.number = *date;
    return point;
  }
  if (!read_number(text, point.number)) {
    return fail(ErrorCode::invalid_config, "expected beginning, end, an offset, -N, or @TIME");
  }
  point.kind = point.number < 0 ? Kind::before_end : Kind::offset;
  if (point.number < 0) point.number = -point.number;
  return point;
}

}  // namespace cairn::cli
