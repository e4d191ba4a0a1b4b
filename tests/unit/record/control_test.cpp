// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/protocol/records/control/kraft_version_record.hpp>
#include <cairn/protocol/records/control/leader_change_message.hpp>
#include <cairn/protocol/records/control/snapshot_footer_record.hpp>
#include <cairn/protocol/records/control/snapshot_header_record.hpp>
#include <cairn/protocol/records/control/voters_record.hpp>
#include <cairn/record/control.hpp>

#include "tests/unit/record/batches.hpp"
#include "tests/unit/record/golden_java.hpp"

namespace cairn::record {
namespace {

/// Reads the one record of a golden control batch with `parse` and writes it again.
template <class Parse>
void expect_same_bytes(std::string_view hex, Parse parse) {
  const Bytes bytes = testing::from_hex(hex);
  const BatchView batch = testing::view(bytes);
  RecordReader reader = RecordReader::open(batch).value();
  const auto record = reader.next();
  ASSERT_TRUE(record);
  const auto value = parse(*record);
  ASSERT_TRUE(value) << value.error().why;
  BatchOptions options;
  options.base_offset = batch.base_offset();
  options.leader_epoch = batch.leader_epoch();
  options.control = true;
  BatchBuilder builder(options);
  append_control(builder, batch.base_timestamp(), *value);
  EXPECT_EQ(testing::to_hex(builder.build()), hex);
}

TEST(ControlRecord, the_quorum_s_records_are_java_s_byte_for_byte) {
  expect_same_bytes(golden::leader_change, parse_leader_change);
  expect_same_bytes(golden::snapshot_header, parse_snapshot_header);
  expect_same_bytes(golden::snapshot_footer, parse_snapshot_footer);
  expect_same_bytes(golden::kraft_version, parse_kraft_version);
  expect_same_bytes(golden::kraft_voters, parse_voters);
}

TEST(ControlRecord, fields_come_out_of_java_s_bytes) {
  const Bytes bytes = testing::from_hex(golden::kraft_voters);
  RecordReader reader = RecordReader::open(testing::view(bytes)).value();
  const auto record = reader.next();
  const auto voters = parse_voters(*record).value();
  ASSERT_EQ(voters.voters.size(), 1u);
  EXPECT_EQ(voters.voters[0].voter_id, 1);
  EXPECT_EQ(voters.voters[0].endpoints[0].host, "h1");
  EXPECT_EQ(code_of(parse_leader_change(*record)), ErrorCode::invalid_record);
}

TEST(ControlRecord, a_type_of_tomorrow_is_refused_by_name) {
  RecordView record;
  EXPECT_EQ(code_of(parse_control_type(record)), ErrorCode::invalid_record);
  const Bytes newer = testing::from_hex("0000002a");
  record.key = newer;
  EXPECT_EQ(code_of(parse_control_type(record)), ErrorCode::invalid_record);
}

}  // namespace
}  // namespace cairn::record
