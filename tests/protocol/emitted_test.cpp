// SPDX-License-Identifier: Apache-2.0
// What the generator emits, for a reviewer to see: one API and one record. After a change that is
// meant, `ninja protocol_accept` takes the new output over.
#include <gtest/gtest.h>

#include "golden_vectors.hpp"

namespace cairn::protocol::testing {
namespace {

void expect_same(const std::string& kept, const std::string& generated) {
  EXPECT_EQ(read_text(CAIRN_SOURCES "/" + kept), read_text(CAIRN_GENERATED "/" + generated))
      << kept << " is not what the generator writes: build the target protocol_accept";
}

}  // namespace

TEST(Generator, emits_the_kept_api) {
  const std::string kept = "tests/protocol/emitted/";
  expect_same(kept + "list_offsets.hpp.txt", "cairn/protocol/messages/list_offsets.hpp");
  expect_same(kept + "list_offsets.cpp.txt", "codecs/api/02_list_offsets.cpp");
}

TEST(Generator, emits_the_kept_record) {
  const std::string kept = "tests/protocol/emitted/";
  expect_same(kept + "partition_record.hpp.txt",
              "cairn/protocol/records/metadata/partition_record.hpp");
  expect_same(kept + "partition_record.cpp.txt", "codecs/record/metadata/partition_record.cpp");
}

TEST(Generator, wrote_the_documentation) { expect_same("docs/PROTOCOL.md", "PROTOCOL.md"); }

}  // namespace cairn::protocol::testing
