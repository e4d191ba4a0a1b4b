// SPDX-License-Identifier: Apache-2.0
// Reads one schema file into the model. Throws SchemaError for what is not right in it, naming the
// file, the line, the field and what was expected: the only exception of this program, caught in
// main.
#pragma once

#include <filesystem>
#include <stdexcept>

#include "schema.hpp"

namespace cairn::protocol::generator {

class SchemaError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `root` is the schema folder, `path` a file in it.
File read_schema_file(const std::filesystem::path& root, const std::filesystem::path& path);

}  // namespace cairn::protocol::generator
