// SPDX-License-Identifier: Apache-2.0
// Kafka's rules for a connection: what is answered, and what closes it.
#include <algorithm>

#include <cairn/broker/listener_service.hpp>
#include <cairn/protocol/header.hpp>
#include <cairn/protocol/messages/api_versions.hpp>
#include <cairn/protocol/messages/create_topics.hpp>
#include <cairn/protocol/messages/heartbeat.hpp>

#include "unit/runtime/backends.hpp"

namespace cairn::broker {
namespace session_test {

using protocol::ApiKey;
using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;
using runtime::Task;
using runtime::testing::Seams;

/// A broker whose parts are not reached by what is tested here.
struct Fixture {
  explicit Fixture(Seams& seams, ListenerRole role = ListenerRole::broker)
      : broker(Broker::Parts{
            .config = config,
            .shard = seams.shard,
            .controller_shard = seams.shard,
            .partitions = *reinterpret_cast<partition::PartitionTable*>(nowhere),
            .groups = *reinterpret_cast<coordinator::GroupCoordinator*>(nowhere),
            .controller = *reinterpret_cast<controller::Controller*>(nowhere),
            .cluster_id = "c",
        }),
        service(broker, "PLAINTEXT", role),
        session(service.open_session({"10.1.2.3", 4711})) {}

  Task<transport::Reply> send(Bytes frame) {
    kept = std::move(frame);
    runtime::Latch next;
    co_return co_await session->serve({kept, nullptr}, next);
  }

  alignas(64) std::byte nowhere[64] = {};
  config::ServerConfig config{};
  Broker broker;
  ListenerService service;
  std::unique_ptr<transport::Session> session;
  Bytes kept;
};

Bytes api_versions(std::int16_t version, std::string name = "test-client",
                   std::string software = "1.0") {
  ApiVersionsRequest request;
  request.client_software_name = std::move(name);
  request.client_software_version = std::move(software);
  protocol::Writer writer(protocol::Writer::never_splice);
  protocol::write_request_header(writer, ApiKey::api_versions, version, 77, "id");
  write(writer, request, std::min<std::int16_t>(version, 4));
  return std::move(writer).finish_contiguous();
}

Bytes bare_header(std::int16_t key, std::int16_t version) {
  Bytes frame(14);
  store_big_endian(frame.data(), key);
  store_big_endian(frame.data() + 2, version);
  store_big_endian(frame.data() + 4, std::int32_t{5});
  store_big_endian(frame.data() + 8, std::int16_t{-1});
  return frame;
}

ApiVersionsResponse decode_answer(transport::Reply& reply, std::int16_t version) {
  EXPECT_TRUE(reply.frame);
  const Bytes bytes = std::move(*reply.frame).contiguous();
  EXPECT_EQ(load_big_endian<std::int32_t>(bytes.data()), static_cast<int>(bytes.size()) - 4);
  EXPECT_EQ(load_big_endian<std::int32_t>(bytes.data() + 4), 77);
  auto response = protocol::decode<ApiVersionsResponse>(BytesView(bytes).subspan(8), version);
  EXPECT_TRUE(response);
  return response ? *response : ApiVersionsResponse{};
}

Task<> ranges(Seams& s) {
  Fixture fixture(s);
  for (std::int16_t version = 0; version <= 4; ++version) {
    auto reply = co_await fixture.send(api_versions(version));
    const auto response = decode_answer(reply, version);
    EXPECT_FALSE(reply.close);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    EXPECT_TRUE(
        std::ranges::is_sorted(response.api_keys, {}, &ApiVersionsResponse::ApiVersion::api_key));
    const auto& produce = response.api_keys.front();
    EXPECT_EQ(produce.api_key, 0);
    EXPECT_EQ(produce.min_version, 0);  // although 0-2 are refused
    EXPECT_EQ(produce.max_version, 13);
    const bool zero = std::ranges::any_of(response.supported_features,
                                          [](const auto& f) { return f.min_version == 0; });
    EXPECT_TRUE(version == 4 || !zero);
  }
}
TEST(ApiVersions, lists_what_is_served_in_every_version) {
  runtime::testing::SimulatedBackend::run(ranges);
}

Task<> unknown_version(Seams& s) {
  Fixture fixture(s);
  auto reply = co_await fixture.send(api_versions(9));
  const auto response = decode_answer(reply, 0);
  EXPECT_FALSE(reply.close);
  EXPECT_EQ(response.error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(response.api_keys.size(), 1u);
  EXPECT_EQ(response.api_keys.front().api_key, 18);
  EXPECT_EQ(response.api_keys.front().max_version, 4);
}
TEST(ApiVersions, a_version_we_do_not_know_is_answered_in_version_0) {
  runtime::testing::SimulatedBackend::run(unknown_version);
}

Task<> software(Seams& s) {
  Fixture fixture(s);
  for (const std::string name : {"", "-a", "a-", "a b", "a\n", "$"}) {
    auto reply = co_await fixture.send(api_versions(3, name));
    EXPECT_EQ(decode_answer(reply, 3).error_code, ErrorCode::invalid_request) << name;
  }
  auto reply = co_await fixture.send(api_versions(3, "apache-kafka-java", "4.3.1"));
  EXPECT_EQ(decode_answer(reply, 3).error_code, ErrorCode::none);
}
TEST(ApiVersions, a_bad_software_name_is_an_invalid_request) {
  runtime::testing::SimulatedBackend::run(software);
}

Task<> features(Seams& s) {
  Fixture fixture(s);
  auto image = std::make_shared<metadata::Image>();
  image->offset = Offset{42};
  image->features.set("metadata.version", 30);
  image->features.set("transaction.version", 2);  // kept for Kafka: a promise we do not make
  fixture.broker.publish(image, fixture.broker.effective_config());
  fixture.broker.set_kraft_version(1);
  auto reply = co_await fixture.send(api_versions(4));
  const auto response = decode_answer(reply, 4);
  EXPECT_EQ(response.finalized_features_epoch, 42);
  EXPECT_EQ(response.finalized_features.size(), 2u);
  EXPECT_EQ(response.finalized_features.front().name, "metadata.version");
  EXPECT_EQ(response.finalized_features.front().max_version_level, 30);
}
TEST(ApiVersions, finalized_features_come_from_the_image) {
  runtime::testing::SimulatedBackend::run(features);
}

Task<> refusals(Seams& s) {
  Fixture fixture(s);
  EXPECT_TRUE((co_await fixture.send(bare_header(999, 0))).close);  // no such API
  EXPECT_TRUE((co_await fixture.send(bare_header(0, 2))).close);    // Produce 2: gone
  EXPECT_TRUE((co_await fixture.send(bare_header(12, 0))).close);   // Heartbeat without a body
  EXPECT_TRUE((co_await fixture.send(Bytes(3))).close);
  EXPECT_TRUE((co_await fixture.send(bare_header(52, 0))).close);  // Vote: only for controllers
}
TEST(ClientSession, what_cannot_be_served_closes_the_connection) {
  runtime::testing::SimulatedBackend::run(refusals);
}

}  // namespace session_test
}  // namespace cairn::broker
