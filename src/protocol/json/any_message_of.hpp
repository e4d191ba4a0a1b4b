// SPDX-License-Identifier: Apache-2.0
// An entry of the generated table of all messages, made of a type. Only what needs the type is a
// template: there are hundreds of them, and each line here is compiled for every one. The table is
// constant and owned by the generated source.
#pragma once

#include <cairn/protocol/json.hpp>

namespace cairn::protocol {

template <class M>
void pass_through(Reader& reader, std::int16_t version, Writer* writer, JsonWriter* json) {
  M message;
  read(reader, message, version);
  if (!reader.ok()) return;
  if (writer != nullptr) write(*writer, message, version);
  if (json != nullptr) write_json(*json, message, version);
}

template <class M>
constexpr AnyMessage any_message_of(std::string_view name, std::string_view path, std::int16_t id) {
  return {.name = name,
          .path = path,
          .versions = M::versions,
          .first_flexible = M::first_flexible,
          .id = id,
          .pass_through = pass_through<M>};
}

}  // namespace cairn::protocol
