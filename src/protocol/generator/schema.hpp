// SPDX-License-Identifier: Apache-2.0
// The model of the schema files: messages of fields and structs, and the APIs made of them. Built
// by schema_reader, complete and checked; the emitters only read it.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace cairn::protocol::generator {

/// A range of versions, empty if min > max.
struct Versions {
  int min = 0;
  int max = -1;

  bool empty() const { return min > max; }
  bool contains(int version) const { return min <= version && version <= max; }
  Versions within(Versions other) const {
    return {std::max(min, other.min), std::min(max, other.max)};
  }
  Versions hull(Versions other) const {
    if (empty()) return other;
    return {std::min(min, other.min), std::max(max, other.max)};
  }
  bool operator==(const Versions&) const = default;
};

inline constexpr int unbounded = 32767;

enum class Kind {
  boolean,
  int8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  float64,
  uuid,
  error_code,
  string,
  bytes,
  records,
  structure,
};

struct Struct;

struct Field {
  std::string name;        // Kafka's, such as "LeaderEpoch"
  std::string type_name;   // as in the schema
  Kind kind = Kind::int8;  // of an element, if it is an array
  bool array = false;
  const Struct* structure = nullptr;
  Versions versions;
  Versions nullable;
  Versions flexible;  // versions in which its lengths are compact
  std::optional<int> tag;
  std::optional<std::string> default_value;
  bool ignorable = false;
  std::string about;

  bool can_be_null() const { return !nullable.empty(); }
  bool default_is_null() const { return default_value == "null"; }
};

struct Struct {
  std::string name;
  std::string qualified;  // C++: "FetchRequest" or "FetchRequest::FetchTopic"
  Versions versions;      // in which it can occur
  Versions flexible;      // the part of them that has tagged fields
  std::vector<Field> fields;

  bool ever_flexible() const { return !flexible.empty(); }
};

enum class Role { request, response, record, header };

struct Message {
  Role role = Role::record;
  std::string about;
  Versions versions;
  Versions flexible;
  std::optional<int> id;  // of a record: its type
  // Inner structs before the structs that use them; the message itself is the last.
  std::vector<Struct> structs;

  const Struct& body() const { return structs.back(); }
  const std::string& name() const { return body().name; }
};

struct Api {
  std::string name;
  int key = 0;
  std::string about;
  Versions advertised;
  bool on_broker = false;
  bool on_controller = false;
  bool forwarded = false;
  bool cluster_action = false;
  bool telemetry = false;
};

/// One schema file: the two messages of an API, or one record or header.
struct File {
  std::string path;  // inside the schema folder, without the ending: "record/metadata/topic_record"
  std::string
      header;        // of the generated header: "cairn/protocol/records/metadata/topic_record.hpp"
  std::string stem;  // "topic_record"
  std::optional<Api> api;
  std::vector<Message> messages;
};

}  // namespace cairn::protocol::generator
