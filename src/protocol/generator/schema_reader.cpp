// SPDX-License-Identifier: Apache-2.0
#include "schema_reader.hpp"

#include <map>
#include <memory>

#include <fmt/format.h>

#include "names.hpp"
#include "yaml_node.hpp"

namespace cairn::protocol::generator {
namespace {

const std::map<std::string, Kind> kinds = {
    {"bool", Kind::boolean},  {"int8", Kind::int8},       {"int16", Kind::int16},
    {"uint16", Kind::uint16}, {"int32", Kind::int32},     {"uint32", Kind::uint32},
    {"int64", Kind::int64},   {"float64", Kind::float64}, {"uuid", Kind::uuid},
    {"string", Kind::string}, {"bytes", Kind::bytes},     {"records", Kind::records},
};

// Reads the fields of one message. Structs are kept in the order of their definition, each
// reachable by name; pointers are set once all of them are known.
class MessageReader {
 public:
  MessageReader(std::string file, std::string name)
      : file_(std::move(file)), name_(std::move(name)) {}

  Message read(Mapping& mapping, Role role) {
    Message message;
    message.role = role;
    message.versions = mapping.required_versions("versions");
    if (message.versions.empty()) mapping.fail("'versions' is none, expected at least one");
    if (message.versions.max == unbounded) mapping.fail("'versions' must have an end");
    message.flexible = mapping.required_versions("flexible").within(message.versions);
    read_struct(name_, mapping.list("fields"));
    resolve(message.versions, message.flexible);
    for (auto& name : order_) message.structs.push_back(std::move(structs_.at(name)));
    relink(message);
    return message;
  }

 private:
  void read_struct(const std::string& name, const YAML::Node& fields) {
    if (structs_.contains(name)) fail(fields, fmt::format("struct {} is defined twice", name));
    structs_[name].name = name;
    Struct structure;
    structure.name = name;
    structure.qualified = name == name_ ? name : name_ + "::" + name;
    for (const YAML::Node& item : fields) {
      if (item.IsMap() && item.size() == 1 && item.begin()->second.IsSequence()) {
        read_struct(item.begin()->first.Scalar(), item.begin()->second);
      } else {
        structure.fields.push_back(read_field(item, name));
      }
    }
    structs_[name] = std::move(structure);
    order_.push_back(name);
  }

  Field read_field(const YAML::Node& item, const std::string& structure) {
    Mapping mapping(file_, item, "a field of " + structure);
    Field field;
    field.name = mapping.required_text("name");
    mapping.rename(fmt::format("field {}.{}", structure, field.name));
    field.type_name = mapping.required_text("type");
    field.versions = mapping.required_versions("versions");
    field.nullable = mapping.versions("nullable");
    field.flexible = {0, unbounded};
    if (mapping.has("flexible")) field.flexible = mapping.versions("flexible");
    field.tag = mapping.number("tag");
    field.default_value = mapping.text("default");
    field.ignorable = mapping.flag("ignorable");
    field.about = mapping.required_text("about");
    mapping.finish();
    set_type(field, mapping);
    check(field, mapping);
    return field;
  }

  void set_type(Field& field, const Mapping& mapping) {
    std::string type = field.type_name;
    field.array = type.starts_with("[]");
    if (field.array) type.erase(0, 2);
    if (const auto found = kinds.find(type); found != kinds.end()) {
      field.kind = found->second;
    } else if (!type.empty() && type[0] >= 'A' && type[0] <= 'Z') {
      field.kind = Kind::structure;
    } else {
      mapping.fail(
          fmt::format("'type' is '{}', expected a primitive, a struct's name or [] of one", type));
    }
    if (field.kind == Kind::int16 && !field.array && field.name.ends_with("ErrorCode")) {
      field.kind = Kind::error_code;
    }
  }

  static void check(const Field& field, const Mapping& mapping) {
    if (is_reserved(snake_case(field.name))) mapping.fail("the name is reserved in C++");
    const bool nullable_type = field.array || field.kind == Kind::string ||
                               field.kind == Kind::bytes || field.kind == Kind::records ||
                               field.kind == Kind::structure;
    if (field.can_be_null() && !nullable_type) mapping.fail("this type cannot be null");
    if (field.default_is_null() && !field.can_be_null()) {
      mapping.fail("'default' is null, but no version is nullable");
    }
    if (field.array &&
        (field.kind == Kind::boolean || field.kind == Kind::records || field.kind == Kind::bytes)) {
      mapping.fail("no arrays of this type");
    }
    const bool takes_default = field.kind <= Kind::float64 && !field.array;
    if (field.default_value && !field.default_is_null() && !takes_default) {
      mapping.fail(
          fmt::format("'default' is '{}', expected null for this type", *field.default_value));
    }
  }

  // Finds the versions each struct occurs in and cuts the fields' to them, users before used.
  void resolve(Versions versions, Versions flexible) {
    structs_.at(name_).versions = versions;
    for (auto name = order_.rbegin(); name != order_.rend(); ++name) {
      Struct& structure = structs_.at(*name);
      if (structure.versions.empty()) fail({}, fmt::format("struct {} is not used", *name));
      structure.flexible = structure.versions.within(flexible);
      for (Field& field : structure.fields) {
        const Versions declared = field.versions;
        field.versions = field.versions.within(structure.versions);
        field.nullable = field.nullable.within(field.versions);
        field.flexible = field.flexible.within(flexible).within(field.versions);
        const auto what = fmt::format("field {}.{}", structure.name, field.name);
        if (field.versions.empty()) fail({}, what + ": is in none of its struct's versions");
        if (declared.max != unbounded && declared.max > structure.versions.max) {
          fail({}, what + ": its versions end after its struct's");
        }
        if (field.tag && field.flexible != field.versions) {
          fail({}, what + ": a tagged field needs flexible versions");
        }
        if (field.kind != Kind::structure) continue;
        const auto used = structs_.find(field.type_name.substr(field.array ? 2 : 0));
        if (used == structs_.end()) fail({}, what + ": its struct is not defined in this message");
        used->second.versions = used->second.versions.hull(field.versions);
      }
    }
  }

  static void relink(Message& message) {
    for (Struct& structure : message.structs) {
      for (Field& field : structure.fields) {
        if (field.kind != Kind::structure) continue;
        const auto name = field.type_name.substr(field.array ? 2 : 0);
        field.structure = &*std::ranges::find(message.structs, name, &Struct::name);
      }
    }
  }

  [[noreturn]] void fail(const YAML::Node& node, const std::string& problem) const {
    const int line = node.IsDefined() && !node.IsNull() ? node.Mark().line + 1 : 1;
    throw SchemaError(fmt::format("{}:{}: {}: {}", file_, line, name_, problem));
  }

  std::string file_;
  std::string name_;
  std::map<std::string, Struct> structs_;
  std::vector<std::string> order_;
};

Message read_message(Mapping& mapping, const std::string& name, Role role) {
  Message message = MessageReader(mapping.file(), name).read(mapping, role);
  return message;
}

Api read_api(Mapping& mapping) {
  Api api;
  api.name = mapping.required_text("api");
  api.key = mapping.required_number("key");
  api.about = mapping.required_text("about");
  api.advertised = mapping.versions("advertised");
  for (const YAML::Node& listener : mapping.list("listeners")) {
    const std::string& name = listener.Scalar();
    if (name != "broker" && name != "controller") {
      mapping.fail(fmt::format("'listeners' has '{}', expected broker or controller", name));
    }
    (name == "broker" ? api.on_broker : api.on_controller) = true;
  }
  api.forwarded = mapping.flag("forwarded");
  api.cluster_action = mapping.flag("cluster_action");
  api.telemetry = mapping.flag("telemetry");
  return api;
}

void read_api_file(Mapping& mapping, File& file) {
  file.api = read_api(mapping);
  const std::pair<const char*, Role> parts[] = {{"request", Role::request},
                                                {"response", Role::response}};
  for (const auto& [key, role] : parts) {
    Mapping part = mapping.mapping(key);
    const std::string name = file.api->name + (role == Role::request ? "Request" : "Response");
    file.messages.push_back(read_message(part, name, role));
    file.messages.back().about = file.api->about;
    part.finish();
  }
  if (file.api->advertised.empty()) file.api->advertised = file.messages[0].versions;
  if (file.messages[0].versions != file.messages[1].versions) {
    mapping.fail("request and response have different versions");
  }
}

}  // namespace

File read_schema_file(const std::filesystem::path& root, const std::filesystem::path& path) {
  File file;
  file.path = path.lexically_relative(root).replace_extension().generic_string();
  Mapping mapping(path.string(), YAML::LoadFile(path.string()), "file");
  std::string name;
  if (mapping.has("api")) {
    read_api_file(mapping, file);
    name = file.api->name;
  } else {
    const bool header = mapping.has("header");
    name = mapping.required_text(header ? "header" : "record");
    const auto id = mapping.number("id");
    const auto about = mapping.required_text("about");
    Message message = read_message(mapping, name, header ? Role::header : Role::record);
    message.id = id;
    message.about = about;
    file.messages.push_back(std::move(message));
  }
  mapping.finish();
  file.stem = snake_case(name);
  const std::string folder = file.path.substr(0, file.path.rfind('/'));
  const bool record = folder.starts_with("record/");
  file.header = record
                    ? fmt::format("cairn/protocol/records/{}/{}.hpp", folder.substr(7), file.stem)
                    : fmt::format("cairn/protocol/messages/{}.hpp", file.stem);
  if (!file.path.ends_with(file.stem)) {
    mapping.fail(fmt::format("the file should be named after {}: {}.yaml", name, file.stem));
  }
  return file;
}

}  // namespace cairn::protocol::generator
