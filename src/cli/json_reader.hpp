// SPDX-License-Identifier: Apache-2.0
// Reads JSON (RFC 8259) into values: strict, bounded in depth, and with the line of what is wrong.
// Of two members of one name the first counts. Pure. Owner: whoever reads a file.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cairn::cli {

class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::vector<std::pair<std::string, JsonValue>>;
  using Content =
      std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object>;

  JsonValue() = default;
  explicit JsonValue(Content content) : content_(std::move(content)) {}

  /// The value if it is of this kind, else null.
  template <class T>
  const T* as() const {
    return std::get_if<T>(&content_);
  }
  /// A member of an object; null if this is none, or has no such member.
  const JsonValue* find(std::string_view name) const;

 private:
  Content content_;
};

/// "line 3: a comma or ] is missing".
std::expected<JsonValue, std::string> read_json(std::string_view text);

}  // namespace cairn::cli
