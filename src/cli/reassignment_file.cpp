// SPDX-License-Identifier: Apache-2.0
#include "reassignment_file.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "output.hpp"

namespace cairn::cli {

namespace {

using Refusal = std::unexpected<std::string>;

using Value = nlohmann::json;

/// A member of an object; null if this is none, or has no such member.
const Value* member(const Value& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

const Value* list(const Value& object, const char* name) {
  const Value* found = member(object, name);
  return found && found->is_array() ? found : nullptr;
}

std::optional<std::int32_t> number_of(const Value* value) {
  if (!value || !value->is_number_unsigned()) return std::nullopt;
  const auto number = value->get<std::uint64_t>();
  if (number > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  return static_cast<std::int32_t>(number);
}

bool has_duplicates(std::vector<BrokerId> ids) {
  std::ranges::sort(ids);
  return std::ranges::adjacent_find(ids) != ids.end();
}

std::expected<std::vector<BrokerId>, std::string> replicas_from(const Value& entry,
                                                                const TopicPartition& id) {
  const Value* replicas = list(entry, "replicas");
  if (!replicas || replicas->empty()) {
    return Refusal(fmt::format("{}: \"replicas\" must be a list of broker ids", id));
  }
  std::vector<BrokerId> out;
  for (const Value& value : *replicas) {
    const auto number = number_of(&value);
    if (!number) return Refusal(fmt::format("{}: \"replicas\" must be broker ids", id));
    out.emplace_back(*number);
  }
  if (has_duplicates(out)) return Refusal(fmt::format("{}: a broker stands there twice", id));
  return out;
}

/// Whether no replica is told which directory of its broker to lie in.
bool leaves_directories_open(const Value& entry) {
  const Value* directories = list(entry, "log_dirs");
  return !directories ||
         std::ranges::all_of(*directories, [](const Value& each) { return each == "any"; });
}

}  // namespace

std::expected<Plan, std::string> read_reassignment(std::string_view text) {
  Value root;
  try {
    root = Value::parse(text);
  } catch (const Value::parse_error& error) {
    return Refusal(fmt::format("not JSON: {}", error.what()));
  }
  const Value* version = member(root, "version");
  if (version && number_of(version) != 1) return Refusal("only version 1 is known");
  const Value* entries = list(root, "partitions");
  if (!entries) return Refusal("\"partitions\" is missing: an array of moves");
  Plan plan;
  for (const Value& entry : *entries) {
    const Value* topic = member(entry, "topic");
    const std::string name = topic && topic->is_string() ? topic->get<std::string>() : "";
    const auto index = number_of(member(entry, "partition"));
    if (name.empty() || !index) {
      return Refusal("each of \"partitions\" needs \"topic\" and \"partition\"");
    }
    const TopicPartition id{name, PartitionIndex(*index)};
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
