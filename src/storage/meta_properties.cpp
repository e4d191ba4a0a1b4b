// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include <fmt/format.h>

#include <cairn/storage/meta_properties.hpp>

namespace cairn::storage {

namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\f");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\f") - first + 1);
}

std::optional<std::int32_t> number(std::string_view text) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Java writes ':' and '=' of values with a backslash before them.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

std::string escape(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == ':' || c == '=' || c == '#' || c == '!' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

Result<std::map<std::string, std::string>> read_properties(std::string_view text) {
  std::map<std::string, std::string> properties;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    const auto separator = line.find_first_of("=:");
    if (separator == std::string_view::npos) {
      return fail(ErrorCode::kafka_storage_error, "meta.properties: a line without '='");
    }
    properties[std::string(trim(line.substr(0, separator)))] =
        unescape(trim(line.substr(separator + 1)));
  }
  return properties;
}

}  // namespace

Result<MetaProperties> decode_meta_properties(BytesView file) {
  TRY(auto properties, read_properties(as_text(file)));
  const auto take = [&](const char* key) -> std::optional<std::string> {
    auto node = properties.extract(key);
    if (node.empty()) return std::nullopt;
    return std::move(node.mapped());
  };
  MetaProperties meta;
  const auto version = take("version");
  const auto parsed_version = version ? number(*version) : std::nullopt;
  if (!parsed_version || *parsed_version < 0 || *parsed_version > 1) {
    return fail(ErrorCode::kafka_storage_error, "meta.properties: version must be 0 or 1");
  }
  meta.cluster_id = take("cluster.id").value_or("");
  const auto id = take(*parsed_version == 0 ? "broker.id" : "node.id");
  if (id) {
    const auto parsed = number(*id);
    if (!parsed || *parsed < 0) {
      return fail(ErrorCode::kafka_storage_error, "meta.properties: node.id must be a number");
    }
    meta.node_id = BrokerId(*parsed);
  }
  if (*parsed_version == 1 && (!id || meta.cluster_id.empty())) {
    return fail(ErrorCode::kafka_storage_error,
                "meta.properties: cluster.id and node.id must be there");
  }
  if (const auto directory = take("directory.id")) {
    meta.directory_id = Uuid::parse(*directory);
    if (!meta.directory_id || meta.directory_id->is_reserved()) {
      return fail(ErrorCode::kafka_storage_error,
                  "meta.properties: directory.id is no id of a directory");
    }
  }
  meta.others = std::move(properties);
  return meta;
}

Bytes encode_meta_properties(const MetaProperties& properties) {
  std::string text = "#\n";  // Java writes a comment with the date here
  text += fmt::format("cluster.id={}\n", escape(properties.cluster_id));
  if (properties.directory_id) {
    text += fmt::format("directory.id={}\n", properties.directory_id->text());
  }
  text += fmt::format("node.id={}\n", properties.node_id);
  for (const auto& [key, value] : properties.others) {
    text += fmt::format("{}={}\n", escape(key), escape(value));
  }
  text += "version=1\n";
  return to_bytes(text);
}

}  // namespace cairn::storage
