// SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include <array>
#include <cctype>

#include <fmt/format.h>

namespace cairn::protocol::generator {
namespace {

bool is_upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }
char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

int element_wire_size(const Field& field, bool compact, int version);

int struct_wire_size(const Struct& structure, int version) {
  int size = structure.flexible.contains(version) ? 1 : 0;
  for (const Field& field : structure.fields) {
    if (field.tag || !field.versions.contains(version)) continue;
    const bool compact = field.flexible.contains(version);
    if (field.array) {
      size += compact ? 1 : 4;
    } else if (field.kind == Kind::structure && field.can_be_null()) {
      size += 1;
    } else {
      size += element_wire_size(field, compact, version);
    }
  }
  return size;
}

int element_wire_size(const Field& field, bool compact, int version) {
  switch (field.kind) {
    case Kind::boolean:
    case Kind::int8:
      return 1;
    case Kind::int16:
    case Kind::uint16:
    case Kind::error_code:
      return 2;
    case Kind::int32:
    case Kind::uint32:
      return 4;
    case Kind::int64:
    case Kind::float64:
      return 8;
    case Kind::uuid:
      return 16;
    case Kind::string:
      return compact ? 1 : 2;
    case Kind::bytes:
    case Kind::records:
      return compact ? 1 : 4;
    case Kind::structure:
      return struct_wire_size(*field.structure, version);
  }
  return 0;
}

bool is_number(Kind kind) { return kind <= Kind::float64; }

}  // namespace

std::string snake_case(std::string_view name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool inside_kraft = i > 0 && name.substr(i - 1).starts_with("KRaft");
    if (i > 0 && is_upper(name[i]) && !inside_kraft) {
      const bool after_word = !is_upper(name[i - 1]);
      const bool before_word = i + 1 < name.size() && std::islower(name[i + 1]) != 0;
      if (after_word || before_word) text += '_';
    }
    text += lower(name[i]);
  }
  return text;
}

bool is_reserved(std::string_view snake_name) {
  static constexpr std::array words = {
      "alignas",       "and",     "asm",     "auto",    "bool",      "break",    "case",
      "catch",         "char",    "class",   "concept", "const",     "continue", "default",
      "delete",        "do",      "double",  "else",    "enum",      "explicit", "export",
      "extern",        "false",   "float",   "for",     "friend",    "goto",     "if",
      "inline",        "int",     "long",    "mutable", "namespace", "new",      "not",
      "operator",      "or",      "private", "public",  "register",  "requires", "return",
      "short",         "signed",  "static",  "struct",  "switch",    "template", "this",
      "throw",         "true",    "try",     "typedef", "typename",  "union",    "unsigned",
      "using",         "virtual", "void",    "while",   "xor",       "versions", "unknown_tags",
      "first_flexible"};
  return std::ranges::find(words, snake_name) != words.end();
}

std::string element_type(const Field& field) {
  switch (field.kind) {
    case Kind::boolean:
      return "bool";
    case Kind::int8:
      return "std::int8_t";
    case Kind::int16:
      return "std::int16_t";
    case Kind::uint16:
      return "std::uint16_t";
    case Kind::int32:
      return "std::int32_t";
    case Kind::uint32:
      return "std::uint32_t";
    case Kind::int64:
      return "std::int64_t";
    case Kind::float64:
      return "double";
    case Kind::uuid:
      return "Uuid";
    case Kind::error_code:
      return "ErrorCode";
    case Kind::string:
      return "std::string";
    case Kind::bytes:
      return "Bytes";
    case Kind::records:
      return "Records";
    case Kind::structure:
      return field.structure->name;
  }
  return {};
}

std::string cpp_type(const Field& field) {
  std::string type = element_type(field);
  if (field.array) type = fmt::format("std::vector<{}>", type);
  if (field.can_be_null()) type = fmt::format("std::optional<{}>", type);
  return type;
}

std::string initializer(const Field& field) {
  if (field.can_be_null()) {
    if (field.default_is_null() || field.kind == Kind::records) return "";
    return " = " +
           (field.array ? fmt::format("std::vector<{}>", element_type(field))
                        : element_type(field)) +
           "{}";
  }
  if (field.array) return "";
  if (field.kind == Kind::error_code) return " = ErrorCode::none";
  if (field.kind == Kind::boolean) return " = " + field.default_value.value_or("false");
  if (!is_number(field.kind)) return "";
  // The least int32 has no literal of its own.
  const std::string value = field.default_value.value_or("0");
  if (value == "-2147483648") return " = -2147483647 - 1";
  return " = " + value;
}

std::string differs_from_default(const Field& field, const std::string& value) {
  const bool sized = field.array || field.kind == Kind::string || field.kind == Kind::bytes ||
                     field.kind == Kind::records;
  if (field.can_be_null()) {
    if (initializer(field).empty()) return value + ".has_value()";
    if (sized) return fmt::format("!{0} || !{0}->empty()", value);
    return fmt::format("!{0} || *{0} != {1}{{}}", value, field.structure->qualified);
  }
  if (sized) return fmt::format("!{}.empty()", value);
  switch (field.kind) {
    case Kind::boolean:
      return (field.default_value == "true" ? "!" : "") + value;
    case Kind::uuid:
      return fmt::format("!{}.is_zero()", value);
    case Kind::structure:
      return fmt::format("{} != {}{{}}", value, field.structure->qualified);
    default:
      return fmt::format("{} != {}", value, initializer(field).substr(3));
  }
}

std::string condition(Versions versions, Versions context) {
  const bool low = versions.min > context.min;
  const bool high = versions.max < context.max;
  if (low && high && versions.min == versions.max) {
    return fmt::format("version == {}", versions.min);
  }
  if (low && high) {
    return fmt::format("version >= {} && version <= {}", versions.min, versions.max);
  }
  if (low) return fmt::format("version >= {}", versions.min);
  if (high) return fmt::format("version <= {}", versions.max);
  return "";
}

std::string negation(Versions versions, Versions context) {
  const bool low = versions.min > context.min;
  const bool high = versions.max < context.max;
  if (low && high && versions.min == versions.max) {
    return fmt::format("version != {}", versions.min);
  }
  if (low && high) {
    return fmt::format("(version < {} || version > {})", versions.min, versions.max);
  }
  if (low) return fmt::format("version < {}", versions.min);
  return fmt::format("version > {}", versions.max);
}

std::string lengths_argument(const Field& field) {
  if (field.flexible.empty()) return "Lengths::fixed";
  const std::string text = condition(field.flexible, field.versions);
  return text.empty() ? "Lengths::compact" : fmt::format("compact_if({})", text);
}

std::string null_argument(const Field& field) {
  if (!field.can_be_null()) return "";
  const std::string text = condition(field.nullable, field.versions);
  return text.empty() ? "" : fmt::format(", {} ? Null::allowed : Null::refused", text);
}

std::string wire_size(const Struct& structure, Versions context) {
  std::string text;
  int size = 0;
  for (int version = context.min; version <= context.max; ++version) {
    const int next = std::max(1, struct_wire_size(structure, version));
    if (version == context.min) {
      text = std::to_string(next);
    } else if (next != size) {
      text = fmt::format("version >= {} ? {} : {}", version, next, text);
    }
    size = next;
  }
  return text;
}

}  // namespace cairn::protocol::generator
