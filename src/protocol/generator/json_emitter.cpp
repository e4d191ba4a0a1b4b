// SPDX-License-Identifier: Apache-2.0
// write_json() and fill(): for tests, dumps and debugging, so in libraries of their own.
#include "emitters.hpp"
#include "names.hpp"

namespace cairn::protocol::generator {
namespace {

// Unknown tags exist in flexible versions.
void emit_unknown(Output& out, const Struct& structure, bool json) {
  const std::string when = condition(structure.flexible, structure.versions);
  const std::string prefix = when.empty() ? "" : fmt::format("if ({}) ", when);
  out.line("{}{};", prefix, json ? "w.unknown_tags(m.unknown_tags)" : "fill(f, m.unknown_tags)");
}

template <class EmitField>
std::string emit_functions(const File& file, const std::string& start, const char* constant,
                           EmitField emit_field, bool json) {
  Output out;
  out.raw(generated_notice);
  out.line("// {}", file.path);
  out.blank();
  for (const Message& message : file.messages) {
    for (const Struct& structure : message.structs) {
      Output body;
      body.set_indent(2);
      if (json) body.line("w.begin_object();");
      for (const Field& field : structure.fields) {
        const std::string when = condition(field.versions, structure.versions);
        emit_field(body, field, when);
      }
      if (structure.ever_flexible()) emit_unknown(body, structure, json);
      if (json) body.line("w.end_object();");
      emit_function(out, start, fmt::format("{}{}& m", constant, structure.qualified), body.text(),
                    &structure == &message.body());
    }
  }
  return out.text();
}

void emit_json_field(Output& out, const Field& field, std::string when) {
  const std::string name = snake_case(field.name);
  if (field.tag) {
    const std::string differs = differs_from_default(field, "m." + name);
    when = when.empty() ? differs : fmt::format("{} && ({})", when, differs);
  }
  const std::string prefix = when.empty() ? "" : fmt::format("if ({}) ", when);
  const char* const version = field.kind == Kind::structure ? ", version" : "";
  out.line("{}w.field(\"{}\", m.{}{});", prefix, field.name, name, version);
}

void emit_fill_field(Output& out, const Field& field, const std::string& when) {
  std::string more = field.kind == Kind::structure ? ", version" : "";
  if (field.can_be_null()) {
    const std::string null = condition(field.nullable, field.versions);
    more += null.empty() ? ", Null::allowed"
                         : fmt::format(", {} ? Null::allowed : Null::refused", null);
  }
  const std::string prefix = when.empty() ? "" : fmt::format("if ({}) ", when);
  out.line("{}fill(f, m.{}{});", prefix, snake_case(field.name), more);
}

}  // namespace

std::string emit_json(const File& file) {
  return emit_functions(file, "void write_json(JsonWriter& w, ", "const ", emit_json_field, true);
}

std::string emit_fill(const File& file) {
  return emit_functions(file, "void fill(Filler& f, ", "", emit_fill_field, false);
}

}  // namespace cairn::protocol::generator
