// SPDX-License-Identifier: Apache-2.0
// write(): the mirror of read(). A value that the version has no place for is refused unless the
// field may be ignored; tagged fields are written where they differ from their default.
#include "emitters.hpp"
#include "names.hpp"

namespace cairn::protocol::generator {
namespace {

void emit_write_field(Output& out, const Field& field) {
  const std::string name = snake_case(field.name);
  const std::string lengths = lengths_argument(field);
  const std::string null = null_argument(field);
  if (field.array) {
    const char* const more = field.kind == Kind::structure ? ", version" : "";
    return out.line("write_array(w, m.{}, {}{}{});", name, lengths, more, null);
  }
  switch (field.kind) {
    case Kind::structure:
      if (!field.can_be_null()) return out.line("write(w, m.{}, version);", name);
      return out.line("if (w.{0}(m.{1}.has_value())) write(w, *m.{1}, version);",
                      field.tag ? "write_tagged_presence" : "write_presence", name);
    case Kind::string:
    case Kind::bytes:
    case Kind::records:
      return out.line("w.write(m.{}, {}{});", name, lengths, null);
    default:
      return out.line("w.write(m.{});", name);
  }
}

// Refuses a value in the versions that have no place for it. `when` is what must hold besides.
void emit_refusal(Output& out, const Struct& structure, const Field& field,
                  const std::string& when) {
  if (field.ignorable) return;
  std::string name = structure.qualified;
  if (const auto colons = name.find("::"); colons != std::string::npos)
    name.replace(colons, 2, ".");
  const std::string differs = differs_from_default(field, "m." + snake_case(field.name));
  const bool either = differs.find("||") != std::string::npos;
  out.open("if ({} && {}) {{", when, either ? "(" + differs + ")" : differs);
  out.line("w.refuse(\"{}.{}\");", name, field.name);
  out.close();
}

void emit_write_plain(Output& out, const Struct& structure, const Field& field) {
  const std::string when = condition(field.versions, structure.versions);
  if (when.empty()) return emit_write_field(out, field);
  out.open("if ({}) {{", when);
  emit_write_field(out, field);
  out.close();
  emit_refusal(out, structure, field, negation(field.versions, structure.versions));
}

std::vector<const Field*> tagged_fields(const Struct& structure) {
  std::vector<const Field*> fields;
  for (const Field& field : structure.fields) {
    if (field.tag) fields.push_back(&field);
  }
  std::ranges::sort(fields, {}, [](const Field* field) { return *field->tag; });
  return fields;
}

void emit_write_tags(Output& out, const Struct& structure) {
  const auto fields = tagged_fields(structure);
  if (fields.empty()) return out.line("w.write_tags(m.unknown_tags);");
  std::string count;
  for (const Field* field : fields) {
    const std::string when = condition(field->versions, structure.flexible);
    const std::string differs = differs_from_default(*field, "m." + snake_case(field->name));
    const std::string all = when.empty() ? differs : fmt::format("{} && ({})", when, differs);
    out.line("const bool has_{} = {};", snake_case(field->name), all);
    count += fmt::format("{}has_{}", count.empty() ? "" : " + ", snake_case(field->name));
  }
  out.line("TagWriter tags(w, m.unknown_tags, {});",
           fields.size() == 1 ? count + " ? 1 : 0" : "static_cast<unsigned>(" + count + ")");
  for (const Field* field : fields) {
    out.open("if (has_{}) {{", snake_case(field->name));
    out.line("tags.begin({});", *field->tag);
    emit_write_field(out, *field);
    out.line("tags.end();");
    out.close();
  }
  out.line("tags.finish();");
}

}  // namespace

void emit_write(Output& out, const Message& message, const Struct& structure) {
  Output body;
  body.set_indent(2);
  for (const Field& field : structure.fields) {
    if (!field.tag) {
      emit_write_plain(body, structure, field);
      continue;
    }
    if (!condition(field.versions, structure.versions).empty()) {
      emit_refusal(body, structure, field, negation(field.versions, structure.versions));
    }
  }
  if (structure.ever_flexible()) {
    const std::string when = condition(structure.flexible, structure.versions);
    if (!when.empty()) body.open("if ({}) {{", when);
    emit_write_tags(body, structure);
    if (!when.empty()) body.close();
  }
  emit_function(out, "void write(Writer& w, ", fmt::format("const {}& m", structure.qualified),
                body.text(), &structure == &message.body());
}

}  // namespace cairn::protocol::generator
