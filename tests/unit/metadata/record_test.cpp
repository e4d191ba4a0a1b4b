// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/metadata/features.hpp>
#include <cairn/metadata/record.hpp>

namespace cairn::metadata {
namespace {

template <std::size_t... I>
std::vector<Record> one_of_each(std::index_sequence<I...>) {
  return {Record{std::variant_alternative_t<I, RecordBody>{}, 0}...};
}

TEST(MetadataRecord, each_of_the_26_types_comes_back_as_it_went) {
  const auto records = one_of_each(std::make_index_sequence<std::variant_size_v<RecordBody>>{});
  EXPECT_EQ(records.size(), 26u);
  for (const Record& record : records) {
    const Bytes value = encode_record(record);
    const auto decoded = decode_record(value);
    ASSERT_TRUE(decoded) << record_name(record);
    EXPECT_EQ(*decoded, record) << record_name(record);
  }
}

TEST(MetadataRecord, has_the_bytes_that_kafka_writes) {
  protocol::FeatureLevelRecord feature;
  feature.name = "metadata.version";
  feature.feature_level = 30;
  const std::string_view kafkas("\x01\x0c\x00\x11metadata.version\x00\x1e\x00", 23);
  EXPECT_EQ(as_text(encode_record({feature, 0})), kafkas);
}

TEST(MetadataRecord, refuses_what_it_does_not_know) {
  const auto code = [](std::initializer_list<int> bytes) {
    Bytes value;
    for (const int byte : bytes) value.push_back(std::byte(byte));
    return code_of(decode_record(value));
  };
  EXPECT_EQ(code({}), ErrorCode::corrupt_message);
  EXPECT_EQ(code({1, 20}), ErrorCode::corrupt_message);
  EXPECT_EQ(code({2, 20, 0, 0}), ErrorCode::unsupported_version) << "frame";
  EXPECT_EQ(code({1, 99, 0, 0}), ErrorCode::unsupported_version) << "type";
  EXPECT_EQ(code({1, 20, 9, 0}), ErrorCode::unsupported_version) << "version";
  EXPECT_EQ(code({1, 20, 0, 0, 0}), ErrorCode::corrupt_message) << "bytes left over";
  EXPECT_EQ(code({1, 20, 0, 0}), ErrorCode::none);
}

TEST(MetadataRecord, a_registration_change_has_the_version_of_its_content) {
  protocol::BrokerRegistrationChangeRecord change;
  change.fenced = 1;
  EXPECT_EQ(to_record(change).version, 0);
  change.in_controlled_shutdown = 1;
  EXPECT_EQ(to_record(change).version, 1);
  change.log_dirs = {Uuid{1, 1}};
  EXPECT_EQ(to_record(change).version, 2);
  change.cordoned_log_dirs.emplace();
  EXPECT_EQ(to_record(change).version, 3);
}

}  // namespace
}  // namespace cairn::metadata
