// SPDX-License-Identifier: Apache-2.0
#include "dump_record.hpp"

#include <fmt/format.h>

#include <cairn/base/varint.hpp>
#include <cairn/protocol/json.hpp>
#include <cairn/record/control.hpp>

namespace cairn::cli {

namespace {

/// JSON of a key or value, or nothing if it is not what its kind says.
using Decoded = std::optional<std::string>;

const char* folder_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::group:
      return "group";
    case RecordKind::transaction:
      return "transaction";
    case RecordKind::share:
      return "share";
    case RecordKind::metadata:
      return "metadata";
    default:
      return "";
  }
}

Decoded as_named(const protocol::AnyMessage* message, BytesView bytes, std::int16_t version) {
  if (!message) return std::nullopt;
  auto json = message->to_json(bytes, version);
  if (!json) return std::nullopt;
  return fmt::format("{{\"type\":\"{}\",\"version\":{},\"data\":{}}}", message->name, version,
                     *json);
}

/// Coordinators' keys begin with their type, values with their version.
Decoded coordinator_key(RecordKind kind, const record::RecordView& record) {
  if (!record.key || record.key->size() < 2) return std::nullopt;
  const auto type = load_big_endian<std::int16_t>(record.key->data());
  const auto* message = protocol::find_record(folder_of(kind), type, "Key");
  return message ? as_named(message, record.key->subspan(2), message->versions.min) : std::nullopt;
}

Decoded coordinator_value(RecordKind kind, const record::RecordView& record) {
  if (!record.key || record.key->size() < 2 || !record.value || record.value->size() < 2) {
    return std::nullopt;
  }
  const auto type = load_big_endian<std::int16_t>(record.key->data());
  const auto version = load_big_endian<std::int16_t>(record.value->data());
  return as_named(protocol::find_record(folder_of(kind), type, "Value"), record.value->subspan(2),
                  version);
}

/// Metadata records: frame version, type and version as varints, then the record.
Decoded metadata_value(const record::RecordView& record) {
  if (!record.value) return std::nullopt;
  BytesView rest = *record.value;
  const auto frame = read_unsigned_varint32(rest);
  const auto type = frame ? read_unsigned_varint32(rest) : std::nullopt;
  const auto version = type ? read_unsigned_varint32(rest) : std::nullopt;
  if (!version) return std::nullopt;
  const auto* message =
      protocol::find_record("metadata", static_cast<std::int16_t>(*type), "Record");
  return as_named(message, rest, static_cast<std::int16_t>(*version));
}

Decoded control_key(const record::RecordView& record) {
  const auto type = record::parse_control_type(record);
  if (!type) return std::nullopt;
  switch (*type) {
    case record::ControlType::abort:
      return "\"ABORT\"";
    case record::ControlType::commit:
      return "\"COMMIT\"";
    case record::ControlType::leader_change:
      return "\"LEADER_CHANGE\"";
    case record::ControlType::snapshot_header:
      return "\"SNAPSHOT_HEADER\"";
    case record::ControlType::snapshot_footer:
      return "\"SNAPSHOT_FOOTER\"";
    case record::ControlType::kraft_version:
      return "\"KRAFT_VERSION\"";
    case record::ControlType::kraft_voters:
      return "\"KRAFT_VOTERS\"";
  }
  return std::nullopt;
}

Decoded control_value(const record::RecordView& record) {
  const auto type = record::parse_control_type(record);
  if (!type || !record.value) return std::nullopt;
  const char* name = nullptr;
  switch (*type) {
    case record::ControlType::leader_change:
      name = "LeaderChangeMessage";
      break;
    case record::ControlType::snapshot_header:
      name = "SnapshotHeaderRecord";
      break;
    case record::ControlType::snapshot_footer:
      name = "SnapshotFooterRecord";
      break;
    case record::ControlType::kraft_version:
      name = "KRaftVersionRecord";
      break;
    case record::ControlType::kraft_voters:
      name = "VotersRecord";
      break;
    default:
      name = "EndTxnMarker";
      break;
  }
  constexpr std::int16_t version = 0;
  return as_named(protocol::find_message(name), *record.value, version);
}

Decoded decode_key(RecordKind kind, const record::RecordView& record) {
  if (kind == RecordKind::control) return control_key(record);
  if (kind == RecordKind::plain || kind == RecordKind::metadata) return std::nullopt;
  return coordinator_key(kind, record);
}

Decoded decode_value(RecordKind kind, const record::RecordView& record) {
  if (kind == RecordKind::plain) return std::nullopt;
  if (kind == RecordKind::control) return control_value(record);
  if (kind == RecordKind::metadata) return metadata_value(record);
  return coordinator_value(kind, record);
}

std::string as_json(const Decoded& decoded, const record::OptionalBytes& bytes) {
  if (!bytes) return "null";
  if (decoded) return *decoded;
  Json json;
  return json.value(as_text(*bytes)).text();
}

}  // namespace

std::optional<RecordKind> parse_record_kind(std::string_view name) {
  if (name == "plain") return RecordKind::plain;
  if (name == "group") return RecordKind::group;
  if (name == "transaction") return RecordKind::transaction;
  if (name == "share") return RecordKind::share;
  if (name == "metadata") return RecordKind::metadata;
  return std::nullopt;
}

std::string dump_record(RecordKind kind, const record::RecordView& record) {
  std::string out = fmt::format("offset {} timestamp {} key {} value {}", record.offset,
                                record.timestamp, as_json(decode_key(kind, record), record.key),
                                as_json(decode_value(kind, record), record.value));
  for (const record::Header header : record.headers) {
    Json json;
    json.value(header.key);
    out += fmt::format(" header {}: {}", json.text(), as_json(std::nullopt, header.value));
  }
  return out;
}

void dump_record(Json& json, RecordKind kind, const record::RecordView& record) {
  json.begin_object().field("offset", record.offset.value()).field("timestamp", record.timestamp);
  json.key("key").raw(as_json(decode_key(kind, record), record.key));
  json.key("value").raw(as_json(decode_value(kind, record), record.value));
  json.key("headers").begin_array();
  for (const record::Header header : record.headers) {
    json.begin_object().field("key", header.key).key("value");
    json.raw(as_json(std::nullopt, header.value)).end_object();
  }
  json.end_array().end_object();
}

Table producers_table(std::span<const log::ProducerEntry> entries) {
  Table table(
      {">PRODUCER", ">EPOCH", ">LAST SEQUENCE", ">LAST OFFSET", ">TIMESTAMP", ">TRANSACTION FROM"});
  for (const auto& entry : entries) {
    table.add({fmt::to_string(entry.id.value()), fmt::to_string(entry.epoch.value()),
               fmt::to_string(entry.last_sequence()), fmt::to_string(entry.last_offset().value()),
               fmt::to_string(entry.last_timestamp),
               entry.transaction_first_offset
                   ? fmt::to_string(entry.transaction_first_offset->value())
                   : "-"});
  }
  return table;
}

}  // namespace cairn::cli
