// SPDX-License-Identifier: Apache-2.0
// The structs of a schema file.
#include "emitters.hpp"
#include "names.hpp"

namespace cairn::protocol::generator {
namespace {

void emit_fields(Output& out, const Struct& structure) {
  for (const Field& field : structure.fields) {
    std::string note;
    if (!condition(field.versions, structure.versions).empty()) {
      note = field.versions.min == field.versions.max
                 ? fmt::format(" (version {})", field.versions.min)
                 : fmt::format(" (versions {}-{})", field.versions.min, field.versions.max);
    }
    out.comment(field.about + note);
    // With an initializer everywhere, a designated initializer may leave any field out.
    const std::string value = initializer(field);
    out.line("{} {}{};", cpp_type(field), snake_case(field.name), value.empty() ? "{}" : value);
  }
  if (structure.ever_flexible()) out.line("UnknownTags unknown_tags{{}};");
}

void emit_struct(Output& out, const Struct& structure) {
  out.open("struct {} {{", structure.name);
  emit_fields(out, structure);
  out.blank();
  out.line("bool operator==(const {}&) const = default;", structure.name);
  out.close("};");
}

void emit_constants(Output& out, const File& file, const Message& message) {
  if (file.api) {
    out.line("static constexpr ApiKey api_key = ApiKey::{};", snake_case(file.api->name));
    if (message.role == Role::request) out.line("using Response = {}Response;", file.api->name);
  }
  if (message.id) out.line("static constexpr std::int16_t type = {};", *message.id);
  out.line("static constexpr VersionRange versions{{{}, {}}};", message.versions.min,
           message.versions.max);
  out.line("static constexpr std::int16_t first_flexible = {};",
           message.flexible.empty() ? "never_flexible" : std::to_string(message.flexible.min));
  out.blank();
}

// The inner structs stand in a namespace of the message, not in the message: there they are
// complete with their initializers when the message holds an optional of one.
void emit_inner(Output& out, const Struct& body, std::span<const Struct> inner) {
  out.line("namespace {} {{", snake_case(body.name));
  out.blank();
  for (const Struct& structure : inner) {
    emit_struct(out, structure);
    out.blank();
  }
  out.line("}}  // namespace {}", snake_case(body.name));
  out.blank();
}

void emit_message(Output& out, const File& file, const Message& message) {
  const Struct& body = message.body();
  const std::span inner(message.structs.data(), message.structs.size() - 1);
  if (!inner.empty()) emit_inner(out, body, inner);
  out.comment(message.about);
  out.open("struct {} {{", body.name);
  emit_constants(out, file, message);
  for (const Struct& structure : inner) {
    out.line("using {} = {}::{};", structure.name, snake_case(body.name), structure.name);
  }
  if (!inner.empty()) out.blank();
  emit_fields(out, body);
  out.blank();
  out.line("bool operator==(const {}&) const = default;", body.name);
  out.close("};");
  out.blank();
  out.line("void read(Reader& r, {}& m, std::int16_t version);", body.name);
  out.line("void write(Writer& w, const {}& m, std::int16_t version);", body.name);
  out.line("void write_json(JsonWriter& w, const {}& m, std::int16_t version);", body.name);
  out.blank();
}

}  // namespace

std::string emit_header(const File& file) {
  Output out;
  out.raw(generated_notice);
  out.line("// {}", file.path);
  out.line("#pragma once");
  out.blank();
  out.line("#include <cairn/protocol/message.hpp>");
  out.blank();
  out.line("namespace cairn::protocol {{");
  out.blank();
  if (file.api) {
    out.line("struct {}Response;", file.api->name);
    out.blank();
  }
  for (const Message& message : file.messages) emit_message(out, file, message);
  out.line("}}  // namespace cairn::protocol");
  return out.text();
}

}  // namespace cairn::protocol::generator
