// SPDX-License-Identifier: Apache-2.0
// read(): straight through the fields of a struct, then its tagged fields.
#include "emitters.hpp"
#include "names.hpp"

namespace cairn::protocol::generator {
namespace {

// Opens a block if the versions do not cover the struct's; says whether it did.
bool open_condition(Output& out, Versions versions, Versions context) {
  const std::string text = condition(versions, context);
  if (text.empty()) return false;
  out.open("if ({}) {{", text);
  return true;
}

void emit_read_struct(Output& out, const Field& field, const std::string& name) {
  if (!field.can_be_null()) return out.line("read(r, m.{}, version);", name);
  out.open("if (r.{}) {{",
           field.tag
               ? "read_tagged_presence()"
               : fmt::format("read_presence({})",
                             null_argument(field).empty() ? "" : null_argument(field).substr(2)));
  out.line("read(r, m.{}.emplace(), version);", name);
  out.turn("}} else {{");
  out.line("m.{}.reset();", name);
  out.close();
}

void emit_read_field(Output& out, const Field& field) {
  const std::string name = snake_case(field.name);
  const std::string lengths = lengths_argument(field);
  const std::string null = null_argument(field);
  if (field.array) {
    std::string more;
    if (field.kind == Kind::structure) {
      more = fmt::format(", {}, version", wire_size(*field.structure, field.versions));
    }
    return out.line("read_array(r, m.{}, {}{}{});", name, lengths, more, null);
  }
  switch (field.kind) {
    case Kind::structure:
      return emit_read_struct(out, field, name);
    case Kind::string:
    case Kind::bytes:
    case Kind::records:
      return out.line("r.read(m.{}, {}{});", name, lengths, null);
    default:
      return out.line("r.read(m.{});", name);
  }
}

void emit_read_tag(Output& out, const Struct& structure, const Field& field) {
  const std::string when = condition(field.versions, structure.flexible);
  out.open("case {}:", *field.tag);
  if (when.empty()) {
    emit_read_field(out, field);
  } else {
    out.open("if ({}) {{", when);
    emit_read_field(out, field);
    out.turn("}} else {{");
    out.line("tags.keep();");
    out.close();
  }
  out.line("break;");
  out.set_indent(out.indent() - 2);
}

void emit_read_tags(Output& out, const Struct& structure) {
  const bool any = std::ranges::any_of(structure.fields, [](auto& f) { return f.tag.has_value(); });
  if (!any) return out.line("r.read_tags(m.unknown_tags);");
  out.open("for (TagReader tags(r, m.unknown_tags); tags.next();) {{");
  out.open("switch (tags.tag()) {{");
  for (const Field& field : structure.fields) {
    if (field.tag) emit_read_tag(out, structure, field);
  }
  out.line("default: tags.keep();");
  out.close();
  out.close();
}

}  // namespace

void emit_read(Output& out, const Message& message, const Struct& structure) {
  Output body;
  body.set_indent(2);
  for (const Field& field : structure.fields) {
    if (field.tag) continue;
    const bool opened = open_condition(body, field.versions, structure.versions);
    emit_read_field(body, field);
    if (opened) body.close();
  }
  if (structure.ever_flexible()) {
    const bool opened = open_condition(body, structure.flexible, structure.versions);
    emit_read_tags(body, structure);
    if (opened) body.close();
  }
  emit_function(out, "void read(Reader& r, ", structure.qualified + "& m", body.text(),
                &structure == &message.body());
}

}  // namespace cairn::protocol::generator
