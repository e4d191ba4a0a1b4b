// SPDX-License-Identifier: Apache-2.0
// Java's .properties: comments with # or !, a backslash at the end continues a line, '=' or ':' or
// blanks end a key, escapes are \t \n \r \f \uXXXX, and a backslash before anything else is
// dropped.
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include <cairn/config/settings.hpp>

namespace cairn::config {

namespace {

constexpr std::string_view blanks = " \t\f";

bool is_blank(char c) { return blanks.find(c) != blanks.npos; }

std::string_view skip_blanks(std::string_view line) {
  const auto first = line.find_first_not_of(blanks);
  return first == line.npos ? std::string_view{} : line.substr(first);
}

bool is_continued(std::string_view line) {
  std::size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&out](std::uint32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6);
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

/// The four hexadecimal digits behind "\u"; nullopt if they are not there.
std::optional<std::uint32_t> hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

/// Undoes the escapes; nullopt for a malformed \uXXXX.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) break;
    switch (text[i]) {
      case 't':
        out += '\t';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 'f':
        out += '\f';
        break;
      case 'u': {
        auto code = hex4(text.substr(i + 1));
        if (!code) return std::nullopt;
        i += 4;
        const bool high = *code >= 0xd800 && *code < 0xdc00;
        if (high && text.substr(i + 1).starts_with("\\u")) {
          const auto low = hex4(text.substr(i + 3));
          if (!low) return std::nullopt;
          if (*low >= 0xdc00 && *low < 0xe000) {
            code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
            i += 6;
          }
        }
        const bool lone_surrogate = *code >= 0xd800 && *code < 0xe000;
        append_utf8(out, lone_surrogate ? 0xfffd : *code);
        break;
      }
      default:
        out += text[i];
    }
  }
  return out;
}

struct KeyValue {
  std::string_view key;
  std::string_view value;
};

KeyValue split_line(std::string_view line) {
  std::size_t end = 0;
  while (end < line.size() && line[end] != '=' && line[end] != ':' && !is_blank(line[end])) {
    end += line[end] == '\\' ? 2 : 1;
  }
  end = std::min(end, line.size());
  auto value = skip_blanks(line.substr(end));
  if (value.starts_with('=') || value.starts_with(':')) value = skip_blanks(value.substr(1));
  return {line.substr(0, end), value};
}

/// Takes natural lines off `text` and joins what a backslash continues.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}

  /// The next line that is neither blank nor a comment.
  std::optional<std::string> next() {
    while (!rest_.empty()) {
      auto line = skip_blanks(natural_line());
      first_line_ = line_;
      if (line.empty() || line.front() == '#' || line.front() == '!') continue;
      std::string logical(line);
      while (is_continued(logical)) {
        logical.pop_back();
        if (rest_.empty()) break;
        logical += skip_blanks(natural_line());
      }
      return logical;
    }
    return std::nullopt;
  }

  /// Where the line that `next` returned began.
  int first_line() const { return first_line_; }

 private:
  std::string_view natural_line() {
    const auto end = rest_.find_first_of("\r\n");
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end);
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : rest_.empty() ? 0 : 1);
    ++line_;
    return line;
  }

  std::string_view rest_;
  int line_ = 0;
  int first_line_ = 0;
};

}  // namespace

std::vector<Setting> parse_properties(std::string_view text, std::string_view file_name,
                                      Problems& problems) {
  std::vector<Setting> settings;
  LineReader lines(text);
  while (const auto line = lines.next()) {
    const auto [raw_key, raw_value] = split_line(*line);
    const auto key = unescape(raw_key);
    const auto value = unescape(raw_value);
    const auto place = fmt::format("{}:{}", file_name, lines.first_line());
    if (!key || !value) {
      problems.push_back(fmt::format("{}: \\u needs four hexadecimal digits", place));
      continue;
    }
    settings.push_back({.key = *key, .value = *value, .origin = Origin::file, .where = place});
  }
  return settings;
}

}  // namespace cairn::config
