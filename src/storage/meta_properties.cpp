// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include <fmt/format.h>

#include <cairn/storage/meta_properties.hpp>

namespace cairn::storage {

namespace {

constexpr std::string_view blanks = " \t\r\f";

/// Without blanks around it, but for one with a backslash before it.
std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  text.remove_prefix(first);
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      end = ++i + 1;
    } else if (!blanks.contains(text[i])) {
      end = i + 1;
    }
  }
  return text.substr(0, end);
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
    if (std::string_view(":=#!\\").contains(c) || blanks.contains(c)) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

/// The first '=' or ':' that has no backslash before it.
std::size_t find_separator(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '=' || line[i] == ':') {
      return i;
    }
  }
  return std::string_view::npos;
}

Result<std::map<std::string, std::string>> read_properties(std::string_view text) {
  std::map<std::string, std::string> properties;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    const auto separator = find_separator(line);
    if (separator == std::string_view::npos) {
      return fail(ErrorCode::kafka_storage_error, "meta.properties: a line without '='");
    }
    properties[unescape(trim(line.substr(0, separator)))] =
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
  const auto cluster_id = take("cluster.id");
  meta.cluster_id = cluster_id.value_or("");
  const auto broker_id = *parsed_version == 0 ? take("broker.id") : std::nullopt;
  const auto node_id = take("node.id");  // means nothing beside a broker.id
  const auto id = *parsed_version == 0 ? broker_id : node_id;
  if (id) {
    const auto parsed = number(*id);
    if (!parsed || *parsed < 0) {
      return fail(ErrorCode::kafka_storage_error, "meta.properties: node.id must be a number");
    }
    meta.node_id = BrokerId(*parsed);
  }
  if (!id || !cluster_id || (*parsed_version == 0 && cluster_id->empty())) {
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
