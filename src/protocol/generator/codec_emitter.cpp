// SPDX-License-Identifier: Apache-2.0
// Functions of a file, and how they are spread over unity sources.
#include "emitters.hpp"
#include "names.hpp"

namespace cairn::protocol::generator {
namespace {

bool mentions(std::string_view body, std::string_view name) {
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (auto at = body.find(name); at != std::string_view::npos; at = body.find(name, at + 1)) {
    const auto end = at + name.size();
    const bool begins = at == 0 || (!is_word(body[at - 1]) && body[at - 1] != '.');
    if (begins && (end == body.size() || !is_word(body[end]))) return true;
  }
  return false;
}

std::size_t work_of(const File& file) {
  std::size_t work = 4;
  for (const Message& message : file.messages) {
    for (const Struct& structure : message.structs) work += 8 + 2 * structure.fields.size();
  }
  return work;
}

}  // namespace

void emit_function(Output& out, const std::string& signature_start, const std::string& target,
                   const std::string& body, bool public_function) {
  std::string start = signature_start;
  std::string parameter = target;
  std::string version = "std::int16_t";
  if (mentions(body, "version")) version += " version";
  if (!mentions(body, "m")) parameter.erase(parameter.rfind(' '));
  // "Reader& r, ": the name is the letter before the comma.
  const auto comma = start.rfind(',');
  if (!mentions(body, start.substr(comma - 1, 1))) start.erase(comma - 2, 2);
  out.raw(fmt::format("{}{}{}, {}) {{\n{}}}\n\n", public_function ? "" : "static ", start,
                      parameter, version, body));
}

std::string emit_codec(const File& file) {
  Output out;
  out.raw(generated_notice);
  out.line("// {}", file.path);
  out.blank();
  for (const Message& message : file.messages) {
    for (const Struct& structure : message.structs) {
      emit_read(out, message, structure);
      emit_write(out, message, structure);
    }
  }
  return out.text();
}

std::string emit_unity(const std::string& folder, std::span<const File* const> files,
                       const std::string& include) {
  Output out;
  out.raw(generated_notice);
  out.line("{}", include);
  out.blank();
  for (const File* file : files) out.line("#include <{}>", file->header);
  out.blank();
  out.line("namespace cairn::protocol {{");
  out.blank();
  for (const File* file : files) out.line("#include \"{}/{}.cpp\"", folder, file->path);
  out.blank();
  out.line("}}  // namespace cairn::protocol");
  return out.text();
}

std::vector<std::vector<const File*>> balance(std::span<const File> files, std::size_t count) {
  std::vector<const File*> largest_first;
  for (const File& file : files) largest_first.push_back(&file);
  std::ranges::sort(largest_first, [](const File* a, const File* b) {
    return std::pair(work_of(*b), a->path) < std::pair(work_of(*a), b->path);
  });

  std::vector<std::vector<const File*>> parts(count);
  std::vector<std::size_t> work(count, 0);
  for (const File* file : largest_first) {
    const auto least = static_cast<std::size_t>(std::ranges::min_element(work) - work.begin());
    parts[least].push_back(file);
    work[least] += work_of(*file);
  }
  for (auto& part : parts) std::ranges::sort(part, {}, &File::path);
  return parts;
}

}  // namespace cairn::protocol::generator
