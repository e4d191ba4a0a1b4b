// SPDX-License-Identifier: Apache-2.0
// A mistake in a schema file is reported with file, line, field and what was expected.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema_reader.hpp"

namespace cairn::protocol::generator {
namespace {

using ::testing::HasSubstr;

// The error that a record file named thing.yaml with these fields gives.
std::string error_of(const std::string& fields,
                     const std::string& head = "versions: 0-2\nflexible: 1+\n") {
  const std::filesystem::path folder = ::testing::TempDir() + "/cairn_schema_error";
  std::filesystem::create_directories(folder / "record");
  const auto path = folder / "record" / "thing.yaml";
  std::ofstream(path) << "record: Thing\nabout: a thing\n" << head << "fields:\n" << fields;
  try {
    read_schema_file(folder, path);
  } catch (const SchemaError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST(SchemaReader, accepts_a_sound_file) {
  EXPECT_EQ(error_of("  - {name: Id, type: int32, versions: 0+, default: -1, about: a}\n"),
            "no error");
}

TEST(SchemaReader, names_file_line_and_field) {
  const auto error = error_of(
      "  - {name: Id, type: int32, versions: 0+, about: a}\n"
      "  - {name: Size, type: int31, versions: 0+, about: a}\n");
  EXPECT_THAT(error, HasSubstr("thing.yaml:7: field Thing.Size: 'type' is 'int31', expected"));
}

TEST(SchemaReader, refuses_a_missing_key) {
  EXPECT_THAT(error_of("  - {name: Id, type: int32, about: a}\n"),
              HasSubstr("'versions' is missing"));
}

TEST(SchemaReader, refuses_an_unknown_key) {
  EXPECT_THAT(error_of("  - {name: Id, type: int32, versions: 0+, nulable: 0+, about: a}\n"),
              HasSubstr("unknown key 'nulable'"));
}

TEST(SchemaReader, refuses_versions_that_are_no_range) {
  EXPECT_THAT(error_of("  - {name: Id, type: int32, versions: 3-1, about: a}\n"),
              HasSubstr("'versions' is '3-1', expected versions such as 3-13"));
}

TEST(SchemaReader, refuses_versions_outside_the_message) {
  EXPECT_THAT(error_of("  - {name: Id, type: int32, versions: 0-5, about: a}\n"),
              HasSubstr("versions end after its struct's"));
}

TEST(SchemaReader, refuses_null_where_the_type_has_none) {
  EXPECT_THAT(error_of("  - {name: Id, type: int32, versions: 0+, nullable: 0+, about: a}\n"),
              HasSubstr("cannot be null"));
}

TEST(SchemaReader, refuses_a_tag_in_versions_that_are_not_flexible) {
  EXPECT_THAT(error_of("  - {name: Id, type: int32, versions: 0+, tag: 0, about: a}\n"),
              HasSubstr("a tagged field needs flexible versions"));
}

TEST(SchemaReader, refuses_a_struct_that_is_not_defined) {
  EXPECT_THAT(error_of("  - {name: Parts, type: \"[]Part\", versions: 0+, about: a}\n"),
              HasSubstr("field Thing.Parts: its struct is not defined"));
}

TEST(SchemaReader, refuses_a_struct_that_is_not_used) {
  EXPECT_THAT(error_of("  - Part:\n      - {name: Id, type: int32, versions: 0+, about: a}\n"),
              HasSubstr("struct Part is not used"));
}

TEST(SchemaReader, refuses_a_message_without_an_end) {
  EXPECT_THAT(error_of("  []\n", "versions: 0+\nflexible: none\n"), HasSubstr("must have an end"));
}

}  // namespace cairn::protocol::generator
