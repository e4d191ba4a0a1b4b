// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/protocol/json.hpp>
#include <cairn/protocol/messages/fetch.hpp>
#include <cairn/protocol/records/metadata/config_record.hpp>

namespace cairn::protocol::testing {

TEST(Json, has_kafkas_names_and_null) {
  const ConfigRecord record{.resource_type = 2, .resource_name = "t", .name = "a", .value = {}};
  EXPECT_EQ(to_json(record, 0), R"({"ResourceType":2,"ResourceName":"t","Name":"a","Value":null})");
}

TEST(Json, escapes_text_and_replaces_what_is_no_utf8) {
  ConfigRecord record;
  record.name = "\"\\\n\x01\xc3\xa9\xc3(\xff";
  const std::string json = to_json(record, 0);
  EXPECT_NE(json.find("\"Name\":\"\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd(\xef\xbf\xbd\""),
            std::string::npos)
      << json;
}

TEST(Json, shows_only_the_fields_of_the_version) {
  EXPECT_NE(to_json(FetchRequest{}, 14).find("\"ReplicaId\":-1"), std::string::npos);
  EXPECT_EQ(to_json(FetchRequest{}, 15).find("\"ReplicaId\""), std::string::npos);
}

TEST(Json, finds_a_record_by_its_log_and_type) {
  const AnyMessage* const value = find_record("group", 1, "Value");
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(value->name, "OffsetCommitValue");
  EXPECT_EQ(find_record("metadata", 9, "Record")->name, "RemoveTopicRecord");
  EXPECT_EQ(find_record("metadata", 999, "Record"), nullptr);
}

TEST(Json, refuses_bytes_that_are_no_such_message) {
  const AnyMessage& message = *find_message("ConfigRecord");
  EXPECT_EQ(code_of(message.to_json({}, 0)), ErrorCode::corrupt_message);
  EXPECT_EQ(code_of(message.to_json({}, 1)), ErrorCode::unsupported_version);
}

}  // namespace cairn::protocol::testing
