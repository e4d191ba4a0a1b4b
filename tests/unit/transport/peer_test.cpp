// SPDX-License-Identifier: Apache-2.0
// The client's side against a small server of ours that answers ApiVersions and Heartbeat.
#include <cairn/protocol/messages/heartbeat.hpp>
#include <cairn/transport/acceptor.hpp>
#include <cairn/transport/peer.hpp>

#include "unit/runtime/backends.hpp"

namespace cairn::transport {
namespace peer_test {

using namespace std::chrono_literals;
using protocol::ApiKey;
using runtime::Task;
using runtime::testing::Seams;

struct Node : Service {
  explicit Node(runtime::Clock& clock) : clock(clock) {}

  struct NodeSession : Session {
    explicit NodeSession(Node& node) : node(node) {}
    bool may_overlap(const Frame&) const override { return false; }
    Task<Reply> serve(Frame frame, runtime::Latch&) override {
      protocol::Reader reader(frame.bytes);
      const auto header = protocol::read_request_header(reader);
      if (!header) co_return Reply::closing();
      const auto key = static_cast<ApiKey>(header->request_api_key);
      std::int16_t version = header->request_api_version;
      protocol::Writer writer;
      const std::size_t length = writer.reserve_length();
      if (key == ApiKey::api_versions) {
        if (node.thinks_for > 0s) co_await node.clock.sleep_for(node.thinks_for);
        protocol::ApiVersionsResponse response;
        if (version > node.newest_api_versions) {
          response.error_code = ErrorCode::unsupported_version;
          version = 0;
        }
        response.api_keys.emplace_back();
        response.api_keys.back().api_key = 18;
        response.api_keys.back().max_version = node.newest_api_versions;
        response.api_keys.emplace_back();
        response.api_keys.back().api_key = 12;
        response.api_keys.back().max_version = 3;
        protocol::write_response_header(writer, key, version, header->correlation_id);
        write(writer, response, version);
      } else {
        auto request = protocol::decode<protocol::HeartbeatRequest>(reader.rest(), version);
        EXPECT_TRUE(request);
        node.heartbeat_version = version;
        if (request->group_id == "far") co_await node.clock.sleep_for(700ms);
        if (request->group_id == "slow") co_await node.clock.sleep_for(20s);
        if (request->group_id == "break") co_return Reply::closing();
        protocol::HeartbeatResponse response;
        response.throttle_time_ms = request->generation_id;
        protocol::write_response_header(writer, key, version, header->correlation_id);
        write(writer, response, version);
      }
      writer.set_length(length);
      co_return Reply{.frame = std::move(writer).finish()};
    }
    Node& node;
  };

  std::unique_ptr<Session> open_session(const runtime::Endpoint&) override {
    ++connections;
    return std::make_unique<NodeSession>(*this);
  }

  runtime::Clock& clock;
  std::int16_t newest_api_versions = 4;
  std::int16_t heartbeat_version = -1;
  int connections = 0;
  Duration thinks_for{};  // before it answers ApiVersions
};

struct Setting {
  explicit Setting(Seams& s) : seams(s), node(s.shard.clock()) {}
  Task<> start() {
    auto listener = co_await seams.network.listen({"127.0.0.1", 0});
    acceptor = std::make_unique<Acceptor>(seams.shard, "PLAINTEXT", *std::move(listener), node,
                                          memory, quota, AcceptorLimits{});
    acceptor->start();
    PeerOptions options;
    options.request_timeout = 5s;
    peer = std::make_unique<Peer>(seams.shard, seams.network, acceptor->local(), options);
  }
  Task<> stop() {
    co_await peer->stop();
    co_await acceptor->stop(1s);
  }
  Task<ErrorCode> heartbeat(std::string group, int generation) {
    protocol::HeartbeatRequest request;
    request.group_id = std::move(group);
    request.generation_id = generation;
    const auto response = co_await peer->call(std::move(request));
    if (response) EXPECT_EQ(response->throttle_time_ms, generation);
    co_return code_of(response);
  }

  Seams& seams;
  Node node;
  RequestMemory memory;
  ConnectionQuota quota;
  std::unique_ptr<Acceptor> acceptor;
  std::unique_ptr<Peer> peer;
};

template <class Backend>
class Peers : public ::testing::Test {};
TYPED_TEST_SUITE(Peers, runtime::testing::Backends, runtime::testing::BackendNames);

Task<> call_once(Setting& setting, int generation, int& done) {
  if (co_await setting.heartbeat("g", generation) == ErrorCode::none) ++done;
}

Task<> calls(Seams& s) {
  Setting setting(s);
  co_await setting.start();
  int done = 0;
  runtime::TaskGroup group(s.shard.context());
  for (int i = 0; i < 300; ++i) group.spawn(call_once(setting, i, done));
  co_await group.join();
  EXPECT_EQ(done, 300);
  EXPECT_EQ(setting.node.connections, 1);
  EXPECT_EQ(setting.node.heartbeat_version, 3);  // the highest that both know
  co_await setting.stop();
}
TYPED_TEST(Peers, calls_are_pipelined_over_one_connection_in_the_common_version) {
  TypeParam::run(calls);
}

Task<> old_node(Seams& s) {
  Setting setting(s);
  co_await setting.start();
  setting.node.newest_api_versions = 2;
  EXPECT_EQ(co_await setting.heartbeat("g", 1), ErrorCode::none);
  EXPECT_EQ(setting.peer->advertised().at(ApiKey::api_versions).max, 2);
  co_await setting.stop();
}
TYPED_TEST(Peers, negotiation_steps_down_for_an_older_node) { TypeParam::run(old_node); }

Task<> reconnect(Seams& s) {
  Setting setting(s);
  co_await setting.start();
  EXPECT_EQ(co_await setting.heartbeat("break", 1), ErrorCode::network_exception);
  EXPECT_FALSE(setting.peer->connected());
  EXPECT_EQ(co_await setting.heartbeat("g", 2), ErrorCode::none);
  EXPECT_EQ(setting.node.connections, 2);
  co_await setting.stop();
}
TYPED_TEST(Peers, a_broken_connection_fails_its_calls_and_the_next_connects_anew) {
  TypeParam::run(reconnect);
}

Task<> timeouts(Seams& s) {
  Setting setting(s);
  co_await setting.start();
  const Instant start = s.shard.clock().now();
  EXPECT_EQ(co_await setting.heartbeat("slow", 1), ErrorCode::request_timed_out);
  EXPECT_GE(s.shard.clock().now() - start, 5s);
  EXPECT_LE(s.shard.clock().now() - start, 6s);
  co_await setting.stop();
}
TEST(Peers, a_call_without_answer_times_out) { runtime::testing::SimulatedBackend::run(timeouts); }

/// Whoever asks for the connection gives up before it can be there, again and again.
Task<> slow_node(Seams& s) {
  Setting setting(s);
  co_await setting.start();
  setting.node.thinks_for = 3s;
  PeerOptions options;
  options.connect_timeout = 1s;
  Peer peer(s.shard, s.network, setting.acceptor->local(), options);
  const Instant start = s.shard.clock().now();
  bool ready = false;
  while (!ready && s.shard.clock().now() - start < 60s) {
    ready = (co_await peer.ready(s.shard.clock().now() + 2s)).has_value();
  }
  EXPECT_TRUE(ready);
  EXPECT_LE(s.shard.clock().now() - start, 8s);  // 1 s, 2 s, then 3 of 4 s
  EXPECT_EQ(setting.node.connections, 3);
  co_await peer.stop();
  co_await setting.stop();
}
TEST(Peers, a_node_that_is_slow_to_answer_is_reached_in_the_end) {
  runtime::testing::SimulatedBackend::run(slow_node);
}

/// The dial takes most of the first call's time: its connection is there for the next.
Task<> far_node(Seams& s) {
  Setting setting(s);
  co_await setting.start();
  setting.node.thinks_for = 700ms;
  const Instant start = s.shard.clock().now();
  ErrorCode code = ErrorCode::request_timed_out;
  while (code != ErrorCode::none && s.shard.clock().now() - start < 60s) {
    protocol::HeartbeatRequest request;
    request.group_id = "far";
    const Instant deadline = s.shard.clock().now() + 1s;
    code = code_of(co_await setting.peer->call_by(std::move(request), std::nullopt, deadline));
  }
  EXPECT_EQ(code, ErrorCode::none);
  EXPECT_LE(s.shard.clock().now() - start, 3s);
  EXPECT_EQ(setting.node.connections, 1);
  co_await setting.stop();
}
TEST(Peers, a_connection_that_lives_outlasts_a_call_that_timed_out) {
  runtime::testing::SimulatedBackend::run(far_node);
}

/// A dial that is under way ends with the peer.
Task<> stop_while_dialling(Seams& s) {
  Setting setting(s);
  co_await setting.start();
  setting.node.thinks_for = 3s;
  Peer peer(s.shard, s.network, setting.acceptor->local(), {});
  const Instant start = s.shard.clock().now();
  EXPECT_FALSE(co_await peer.ready(start + 1s));
  co_await peer.stop();
  EXPECT_LE(s.shard.clock().now() - start, 1500ms);
  EXPECT_FALSE(co_await peer.ready(start + 60s));
  co_await setting.stop();
}
TYPED_TEST(Peers, stop_ends_a_dial) { TypeParam::run(stop_while_dialling); }

Task<> backoff(Seams& s) {
  PeerOptions options;
  Peer peer(s.shard, s.network, {"127.0.0.1", 1}, options);
  const Instant start = s.shard.clock().now();
  int attempts = 0;
  while (s.shard.clock().now() - start < 20s) {
    EXPECT_FALSE(co_await peer.ready(s.shard.clock().now() + 5s));
    ++attempts;
  }
  EXPECT_GE(attempts, 15);
  EXPECT_LE(attempts, 30);
  co_await peer.stop();
}
TEST(Peers, reconnecting_backs_off_up_to_a_limit) {
  runtime::testing::SimulatedBackend::run(backoff);
}

}  // namespace peer_test
}  // namespace cairn::transport
