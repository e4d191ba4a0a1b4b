// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/protocol/header.hpp>

namespace cairn::protocol {
namespace header_tests {

Bytes request_header(ApiKey key, std::int16_t version) {
  Writer writer(Writer::never_splice);
  write_request_header(writer, key, version, 7, "me");
  return std::move(writer).finish_contiguous();
}

TEST(Header, follows_the_version_of_the_api) {
  const Bytes old = request_header(ApiKey::produce, 8);
  const Bytes flexible = request_header(ApiKey::produce, 9);
  EXPECT_EQ(old.size(), 12);
  EXPECT_EQ(flexible.size(), 13);  // and no tagged fields; the client id keeps its int16 length
  for (const Bytes& bytes : {old, flexible}) {
    Reader reader(bytes);
    const auto header = read_request_header(reader);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->correlation_id, 7);
    EXPECT_EQ(header->client_id, "me");
    EXPECT_EQ(reader.left(), 0);
  }
}

TEST(Header, of_an_api_versions_response_is_always_version_0) {
  EXPECT_EQ(response_header_version(api_entry(ApiKey::api_versions), 4), 0);
  EXPECT_EQ(response_header_version(api_entry(ApiKey::metadata), 9), 1);
  EXPECT_EQ(response_header_version(api_entry(ApiKey::metadata), 8), 0);
}

TEST(Header, is_read_for_a_version_we_do_not_know) {
  const Bytes bytes = request_header(ApiKey::api_versions, 99);
  Reader reader(bytes);
  const auto header = read_request_header(reader);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->request_api_version, 99);
}

TEST(Header, with_an_unknown_or_removed_key_is_refused) {
  for (const std::int16_t key : {-1, 4, 7, 93, 32767}) {
    Writer writer(Writer::never_splice);
    writer.write(key);
    writer.write_bytes(Bytes(20));
    const Bytes bytes = std::move(writer).finish_contiguous();
    Reader reader(bytes);
    EXPECT_EQ(code_of(read_request_header(reader)), ErrorCode::invalid_request) << key;
  }
}

TEST(ApiTable, is_in_order_and_complete) {
  EXPECT_EQ(api_table().size(), 89);
  EXPECT_TRUE(std::ranges::is_sorted(api_table(), {}, &ApiEntry::key));
  for (const ApiEntry& api : api_table()) {
    EXPECT_TRUE(api.on_broker || api.on_controller) << api.name;
    EXPECT_LE(api.advertised.max, api.supported.max) << api.name;
  }
}

TEST(ApiTable, advertises_produce_0_for_librdkafka) {
  const ApiEntry& produce = api_entry(ApiKey::produce);
  EXPECT_EQ(produce.supported, (VersionRange{3, 13}));
  EXPECT_EQ(produce.advertised, (VersionRange{0, 13}));
}

TEST(ApiTable, hides_two_phase_commit) {
  const ApiEntry& init = api_entry(ApiKey::init_producer_id);
  EXPECT_EQ(init.supported, (VersionRange{0, 6}));
  EXPECT_EQ(init.advertised, (VersionRange{0, 5}));
}

TEST(ApiTable, knows_where_an_api_is_served) {
  EXPECT_TRUE(api_entry(ApiKey::create_topics).forwarded);
  EXPECT_TRUE(api_entry(ApiKey::vote).cluster_action);
  EXPECT_FALSE(api_entry(ApiKey::vote).on_broker);
  EXPECT_TRUE(api_entry(ApiKey::push_telemetry).needs_telemetry);
}

}  // namespace header_tests
}  // namespace cairn::protocol
