// SPDX-License-Identifier: Apache-2.0
// What the generator writes. Each function turns part of the model into text; none keeps anything,
// and the same model gives the same text.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "output.hpp"
#include "schema.hpp"

namespace cairn::protocol::generator {

/// The header with the structs of one schema file.
std::string emit_header(const File& file);

/// The bodies of read() and write() of one schema file, to be included by a unity source.
std::string emit_codec(const File& file);
void emit_read(Output& out, const Message& message, const Struct& structure);
void emit_write(Output& out, const Message& message, const Struct& structure);

/// The bodies of write_json().
std::string emit_json(const File& file);
/// The bodies of fill(), which gives a message random values that its version carries.
std::string emit_fill(const File& file);

/// enum class ApiKey.
std::string emit_api_key(std::span<const File> files);
/// The body of api_table().
std::string emit_api_table(std::span<const File> files);
/// The body of message_table(), with `member` of AnyMessage for each message.
std::string emit_message_table(std::span<const File> files);
/// The body of the table of round trips.
std::string emit_fill_table(std::span<const File> files);

/// docs/PROTOCOL.md
std::string emit_documentation(std::span<const File> files);

/// A source that includes the fragments "<folder>/<path>.cpp" of some files, in namespace
/// cairn::protocol, after the line `include`.
std::string emit_unity(const std::string& folder, std::span<const File* const> files,
                       const std::string& include);
/// Splits the files over `count` sources of about equal work, the same way each time.
std::vector<std::vector<const File*>> balance(std::span<const File> files, std::size_t count);

/// "const FetchRequest::FetchTopic& m", and the signature around it: parameters that the body does
/// not mention have no name, so that nothing is unused.
void emit_function(Output& out, const std::string& signature_start, const std::string& target,
                   const std::string& body, bool public_function);

}  // namespace cairn::protocol::generator
