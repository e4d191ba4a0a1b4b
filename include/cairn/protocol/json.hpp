// SPDX-License-Identifier: Apache-2.0
// Any message as JSON, with Kafka's field names: bytes are base64, a uuid is its 22 characters,
// tagged fields appear where they differ from their default. For tools, tests and debugging: it is
// the library cairn_protocol_json, which the server does not link.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <cairn/protocol/json_writer.hpp>

namespace cairn::protocol {

/// A message whose type is known only by name.
struct AnyMessage {
  std::string_view name;  // "FetchRequest"
  std::string_view path;  // of its schema: "api/01_fetch", "record/metadata/topic_record"
  VersionRange versions;
  std::int16_t first_flexible;
  std::int16_t id;  // the API's key or the record's type, -1 if it has none

  /// Decodes a whole buffer and prints what it holds on one line.
  Result<std::string> to_json(BytesView bytes, std::int16_t version) const;
  /// Decodes a whole buffer and encodes what it holds.
  Result<Bytes> recode(BytesView bytes, std::int16_t version) const;

  /// Reads one and writes it to those that are not null. REQUIRES: it has the version.
  void (*pass_through)(Reader& reader, std::int16_t version, Writer* writer, JsonWriter* json);
};

/// Every message there is, in order of path.
std::span<const AnyMessage> message_table();
/// Null if there is none.
const AnyMessage* find_message(std::string_view name);
/// A record by folder ("metadata", "group", ...), type and the end of its name ("Record", "Key",
/// "Value").
const AnyMessage* find_record(std::string_view folder, std::int16_t type, std::string_view suffix);

/// A message at hand as JSON, as its version would carry it.
template <class M>
std::string to_json(const M& message, std::int16_t version) {
  JsonWriter writer;
  write_json(writer, message, version);
  return std::move(writer).text();
}

}  // namespace cairn::protocol
