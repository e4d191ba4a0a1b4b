// SPDX-License-Identifier: Apache-2.0
// cairn_protocol_generator SCHEMA OUTPUT CODECS: reads every schema file below SCHEMA and writes
// the generated sources into OUTPUT, the codecs in CODECS unity sources.
#include <cstdlib>
#include <iostream>
#include <map>

#include "emitters.hpp"
#include "schema_reader.hpp"

namespace cairn::protocol::generator {
namespace {

namespace fs = std::filesystem;

std::vector<File> read_all(const fs::path& root) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  std::vector<File> files;
  for (const fs::path& path : paths) files.push_back(read_schema_file(root, path));
  return files;
}

void check_unique(const std::vector<File>& files) {
  std::map<std::string, std::string> names;
  std::map<int, std::string> keys;
  for (const File& file : files) {
    for (const Message& message : file.messages) {
      const auto [known, added] = names.emplace(message.name(), file.path);
      if (!added)
        throw SchemaError(file.path + ": " + message.name() + " is in " + known->second + " too");
    }
    if (!file.api) continue;
    const auto [known, added] = keys.emplace(file.api->key, file.path);
    if (!added) throw SchemaError(file.path + ": its key is that of " + known->second + " too");
  }
}

void write(const fs::path& path, const std::string& text) {
  Output out;
  out.raw(text);
  out.write_to(path);
}

void write_unities(const fs::path& to, const std::string& folder, std::span<const File> files,
                   std::size_t count, const std::string& include) {
  const auto parts = balance(files, count);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    write(to / fmt::format("{}_{}.cpp", folder, i), emit_unity(folder, parts[i], include));
  }
}

void generate(const fs::path& schema, const fs::path& to, std::size_t codecs) {
  const std::vector<File> files = read_all(schema);
  check_unique(files);
  for (const File& file : files) {
    write(to / file.header, emit_header(file));
    write(to / "codecs" / (file.path + ".cpp"), emit_codec(file));
    write(to / "json" / (file.path + ".cpp"), emit_json(file));
    write(to / "fill" / (file.path + ".cpp"), emit_fill(file));
  }
  write_unities(to, "codecs", files, codecs, R"(#include "codec.hpp")");
  write_unities(to, "json", files, codecs / 2, "#include <cairn/protocol/json_writer.hpp>");
  write_unities(to, "fill", files, codecs / 2, R"(#include "fill.hpp")");
  write(to / "cairn/protocol/api_key.hpp", emit_api_key(files));
  write(to / "api_table_data.cpp", emit_api_table(files));
  write(to / "message_table.cpp", emit_message_table(files));
  write(to / "round_trip_table.cpp", emit_fill_table(files));
  write(to / "PROTOCOL.md", emit_documentation(files));
}

}  // namespace
}  // namespace cairn::protocol::generator

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: cairn_protocol_generator SCHEMA OUTPUT CODECS\n";
    return 2;
  }
  try {
    cairn::protocol::generator::generate(argv[1], argv[2], std::strtoul(argv[3], nullptr, 10));
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
