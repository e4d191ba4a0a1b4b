// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cairn/protocol/json.hpp>

namespace cairn::protocol {

namespace {

Result<> decode_into(const AnyMessage& message, BytesView bytes, std::int16_t version,
                     Writer* writer, JsonWriter* json) {
  if (!message.versions.contains(version)) {
    return fail(ErrorCode::unsupported_version, "the message has no such version");
  }
  Reader reader(bytes);
  message.pass_through(reader, version, writer, json);
  if (reader.ok() && reader.left() > 0) reader.fail("bytes are left over after the message");
  if (!reader.ok()) return fail(ErrorCode::corrupt_message, reader.why());
  if (writer != nullptr && !writer->ok()) {
    return fail(ErrorCode::invalid_request, writer->refusal());
  }
  return {};
}

}  // namespace

Result<std::string> AnyMessage::to_json(BytesView bytes, std::int16_t version) const {
  JsonWriter json;
  TRY(decode_into(*this, bytes, version, nullptr, &json));
  return std::move(json).text();
}

Result<Bytes> AnyMessage::recode(BytesView bytes, std::int16_t version) const {
  Writer writer(Writer::never_splice);
  TRY(decode_into(*this, bytes, version, &writer, nullptr));
  return std::move(writer).finish_contiguous();
}

const AnyMessage* find_message(std::string_view name) {
  const auto table = message_table();
  const auto found = std::ranges::find(table, name, &AnyMessage::name);
  return found == table.end() ? nullptr : &*found;
}

const AnyMessage* find_record(std::string_view folder, std::int16_t type, std::string_view suffix) {
  const std::string start = fmt::format("record/{}/", folder);
  for (const AnyMessage& message : message_table()) {
    const bool matches = message.path.starts_with(start) && message.name.ends_with(suffix);
    if (matches && message.id == type) return &message;
  }
  return nullptr;
}

}  // namespace cairn::protocol
