// SPDX-License-Identifier: Apache-2.0
#include "reassignment_file.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "json_reader.hpp"
#include "output.hpp"

namespace cairn::cli {

namespace {

using Refusal = std::unexpected<std::string>;

std::optional<std::int32_t> number_of(const JsonValue* value) {
  const auto* number = value ? value->as<std::int64_t>() : nullptr;
  if (!number || *number < 0 || *number > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int32_t>(*number);
}

bool has_duplicates(std::vector<BrokerId> ids) {
  std::ranges::sort(ids);
  return std::ranges::adjacent_find(ids) != ids.end();
}

std::expected<std::vector<BrokerId>, std::string> replicas_from(const JsonValue& entry,
                                                                const TopicPartition& id) {
  const JsonValue* replicas = entry.find("replicas");
  const auto* list = replicas ? replicas->as<JsonValue::Array>() : nullptr;
  if (!list || list->empty()) {
    return Refusal(fmt::format("{}: \"replicas\" must be a list of broker ids", id));
  }
  std::vector<BrokerId> out;
  for (const auto& value : *list) {
    const auto number = number_of(&value);
    if (!number) return Refusal(fmt::format("{}: \"replicas\" must be broker ids", id));
    out.emplace_back(*number);
  }
  if (has_duplicates(out)) return Refusal(fmt::format("{}: a broker stands there twice", id));
  return out;
}

/// Whether no replica is told which directory of its broker to lie in.
bool leaves_directories_open(const JsonValue& entry) {
  const JsonValue* directories = entry.find("log_dirs");
  const auto* list = directories ? directories->as<JsonValue::Array>() : nullptr;
  return !list || std::ranges::all_of(*list, [](const JsonValue& directory) {
    const auto* name = directory.as<std::string>();
    return name && *name == "any";
  });
}

}  // namespace

std::expected<Plan, std::string> read_reassignment(std::string_view text) {
  const auto root = read_json(text);
  if (!root) return Refusal(root.error());
  const JsonValue* version = root->find("version");
  if (version && number_of(version) != 1) return Refusal("only version 1 is known");
  const JsonValue* partitions = root->find("partitions");
  const auto* entries = partitions ? partitions->as<JsonValue::Array>() : nullptr;
  if (!entries) return Refusal("\"partitions\" is missing: an array of moves");
  Plan plan;
  for (const auto& entry : *entries) {
    const JsonValue* topic = entry.find("topic");
    const auto* name = topic ? topic->as<std::string>() : nullptr;
    const auto index = number_of(entry.find("partition"));
    if (!name || name->empty() || !index) {
      return Refusal("each of \"partitions\" needs \"topic\" and \"partition\"");
    }
    const TopicPartition id{*name, PartitionIndex(*index)};
    auto replicas = replicas_from(entry, id);
    if (!replicas) return Refusal(replicas.error());
    if (!leaves_directories_open(entry)) {
      return Refusal(
          fmt::format("{}: moves between a broker's directories (\"log_dirs\") are not "
                      "made here; use kafka-reassign-partitions",
                      id));
    }
    if (!plan.emplace(id, *std::move(replicas)).second) {
      return Refusal(fmt::format("{}: stands there twice", id));
    }
  }
  if (plan.empty()) return Refusal("no partition is to be moved");
  return plan;
}

std::string write_reassignment(const Plan& plan) {
  Json json;
  json.begin_object().field("version", std::int64_t{1}).key("partitions").begin_array();
  for (const auto& [id, replicas] : plan) {
    json.begin_object().field("topic", id.topic).field("partition", id.partition.value());
    json.key("replicas").begin_array();
    for (const auto replica : replicas) json.value(replica.value());
    json.end_array().end_object();
  }
  return std::move(json.end_array().end_object().text());
}

std::optional<std::vector<BrokerId>> read_broker_ids(std::string_view text) {
  std::vector<BrokerId> out;
  while (true) {
    const auto comma = text.find(',');
    const auto word = text.substr(0, comma);
    std::int32_t number = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size() || number < 0) return std::nullopt;
    out.emplace_back(number);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (has_duplicates(out)) return std::nullopt;
  return out;
}

}  // namespace cairn::cli
