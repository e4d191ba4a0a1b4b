// SPDX-License-Identifier: Apache-2.0
// ApiKey, the api table, and the tables of all messages.
#include "emitters.hpp"
#include "names.hpp"

namespace cairn::protocol::generator {
namespace {

std::vector<const File*> apis_in_order(std::span<const File> files) {
  std::vector<const File*> apis;
  for (const File& file : files) {
    if (file.api) apis.push_back(&file);
  }
  std::ranges::sort(apis, {}, [](const File* file) { return file->api->key; });
  return apis;
}

std::string range(Versions versions) {
  return fmt::format("{{{}, {}}}", versions.min, versions.max);
}

void emit_entry(Output& out, const File& file) {
  const Api& api = *file.api;
  const Message& request = file.messages[0];
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  out.open("{{.key = ApiKey::{},", snake_case(api.name));
  out.set_indent(out.indent() - 1);
  out.line(".name = \"{}\",", api.name);
  out.line(".supported = {},", range(request.versions));
  out.line(".advertised = {},", range(api.advertised));
  out.line(".first_flexible = {},",
           request.flexible.empty() ? "never_flexible" : std::to_string(request.flexible.min));
  out.line(".on_broker = {},", flag(api.on_broker));
  out.line(".on_controller = {},", flag(api.on_controller));
  out.line(".forwarded = {},", flag(api.forwarded));
  out.line(".cluster_action = {},", flag(api.cluster_action));
  out.line(".needs_telemetry = {}}},", flag(api.telemetry));
  out.set_indent(out.indent() - 1);
}

void include_all(Output& out, std::span<const File> files) {
  for (const File& file : files) out.line("#include <{}>", file.header);
}

}  // namespace

std::string emit_api_key(std::span<const File> files) {
  Output out;
  out.raw(generated_notice);
  out.line("#pragma once");
  out.blank();
  out.line("#include <cstdint>");
  out.blank();
  out.line("namespace cairn::protocol {{");
  out.blank();
  out.line("/// The APIs of Kafka 4.3.1.");
  out.open("enum class ApiKey : std::int16_t {{");
  for (const File* file : apis_in_order(files)) {
    out.line("{} = {},", snake_case(file->api->name), file->api->key);
  }
  out.close("};");
  out.blank();
  out.line("}}  // namespace cairn::protocol");
  return out.text();
}

std::string emit_api_table(std::span<const File> files) {
  Output out;
  out.raw(generated_notice);
  out.line("#include <cairn/protocol/api_table.hpp>");
  out.blank();
  out.line("namespace cairn::protocol {{");
  out.blank();
  out.open("std::span<const ApiEntry> api_table() {{");
  out.open("static constexpr ApiEntry table[] = {{");
  for (const File* file : apis_in_order(files)) emit_entry(out, *file);
  out.close("};");
  out.line("return table;");
  out.close();
  out.blank();
  out.line("}}  // namespace cairn::protocol");
  return out.text();
}

std::string emit_message_table(std::span<const File> files) {
  Output out;
  out.raw(generated_notice);
  out.line(R"(#include "any_message_of.hpp")");
  out.blank();
  include_all(out, files);
  out.blank();
  out.line("namespace cairn::protocol {{");
  out.blank();
  out.open("std::span<const AnyMessage> message_table() {{");
  out.open("static constexpr AnyMessage table[] = {{");
  for (const File& file : files) {
    for (const Message& message : file.messages) {
      const int id = file.api ? file.api->key : message.id.value_or(-1);
      out.line("any_message_of<{0}>(\"{0}\", \"{1}\", {2}),", message.name(), file.path, id);
    }
  }
  out.close("};");
  out.line("return table;");
  out.close();
  out.blank();
  out.line("}}  // namespace cairn::protocol");
  return out.text();
}

std::string emit_fill_table(std::span<const File> files) {
  Output out;
  out.raw(generated_notice);
  out.line(R"(#include "round_trip.hpp")");
  out.blank();
  include_all(out, files);
  out.blank();
  out.line("namespace cairn::protocol {{");
  out.blank();
  for (const File& file : files) {
    for (const Message& message : file.messages) {
      out.line("void fill(Filler& f, {}& m, std::int16_t version);", message.name());
    }
  }
  out.blank();
  out.open("std::span<const RoundTrip> round_trip_table() {{");
  out.open("static constexpr RoundTrip table[] = {{");
  for (const File& file : files) {
    for (const Message& message : file.messages) {
      out.line("round_trip_of<{0}>(\"{0}\"),", message.name());
    }
  }
  out.close("};");
  out.line("return table;");
  out.close();
  out.blank();
  out.line("}}  // namespace cairn::protocol");
  return out.text();
}

}  // namespace cairn::protocol::generator
