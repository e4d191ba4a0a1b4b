// SPDX-License-Identifier: Apache-2.0
// The server's side against a scripted session, mostly in the simulated world.
#include <cairn/transport/acceptor.hpp>

#include "unit/runtime/backends.hpp"

namespace cairn::transport {
namespace connection_test {

using namespace std::chrono_literals;
using runtime::Task;
using runtime::testing::Seams;

/// Requests are text: "echo X", "slow X" (100 ms), "over X" (lets the next start, then 100 ms),
/// "none", "close X". Notes the order in which they start.
struct Script : Service {
  explicit Script(runtime::Clock& clock) : clock(clock) {}

  struct ScriptedSession : Session {
    explicit ScriptedSession(Script& script) : script(script) {}
    bool may_overlap(const Frame& request) const override {
      return as_text(request.bytes).starts_with("over");
    }
    Task<Reply> serve(Frame request, runtime::Latch& next_may_start) override {
      const std::string text(as_text(request.bytes));
      script.started.push_back(text);
      if (text.starts_with("over")) {
        next_may_start.set();
        co_await script.clock.sleep_for(100ms);
      }
      if (text.starts_with("slow")) co_await script.clock.sleep_for(100ms);
      script.ended.push_back(text);
      if (text == "none") co_return Reply::none();
      Reply reply;
      reply.close = text.starts_with("close");
      protocol::Writer writer;
      const std::size_t length = writer.reserve_length();
      writer.write_bytes(as_bytes(text));
      if (text == "echo big") writer.write_bytes(Bytes(200'000));
      writer.set_length(length);
      reply.frame = std::move(writer).finish();
      co_return reply;
    }
    Script& script;
  };

  std::unique_ptr<Session> open_session(const runtime::Endpoint&) override {
    return std::make_unique<ScriptedSession>(*this);
  }

  runtime::Clock& clock;
  std::vector<std::string> started;
  std::vector<std::string> ended;
};

struct Client {
  std::unique_ptr<runtime::Stream> stream;
  FrameBuffer frames{10 << 20};

  Task<bool> send(std::vector<std::string> requests) {
    Bytes wire;
    for (const std::string& request : requests) {
      std::byte length[4];
      store_big_endian(length, static_cast<std::int32_t>(request.size()));
      append(wire, length);
      append(wire, as_bytes(request));
    }
    const BytesView parts[] = {wire};
    co_return (co_await stream->write(parts)).has_value();
  }
  /// Empty at the end of the stream.
  Task<std::string> receive() {
    for (;;) {
      auto next = frames.next();
      if (next && *next) co_return std::string(as_text((**next).bytes));
      auto read = co_await stream->read_some(frames.space());
      if (!read || *read == 0) co_return "";
      frames.filled(*read);
    }
  }
};

struct Server {
  explicit Server(Seams& s, AcceptorLimits limits = {}, ConnectionCaps caps = {})
      : seams(s), script(s.shard.clock()), quota(std::move(caps)), limits_(limits) {}
  Task<> start() {
    auto listener = co_await seams.network.listen({"127.0.0.1", 0});
    acceptor = std::make_unique<Acceptor>(seams.shard, "PLAINTEXT", *std::move(listener), script,
                                          memory, quota, limits_);
    acceptor->start();
  }
  Task<> connect(Client& client) {
    auto stream = co_await seams.network.connect(acceptor->local());
    EXPECT_TRUE(stream);
    client.stream = *std::move(stream);
  }

  Seams& seams;
  Script script;
  RequestMemory memory;
  ConnectionQuota quota;
  AcceptorLimits limits_;
  std::unique_ptr<Acceptor> acceptor;
};

template <class Backend>
class Connections : public ::testing::Test {};
TYPED_TEST_SUITE(Connections, runtime::testing::Backends, runtime::testing::BackendNames);

using Strings = std::vector<std::string>;

Task<> ordered(Seams& s) {
  Server server(s);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  co_await client.send({"over 1", "over 2", "none", "slow 3", "echo 4"});
  Strings replies;
  for (int i = 0; i < 4; ++i) replies.push_back(co_await client.receive());
  EXPECT_EQ(replies, (Strings{"over 1", "over 2", "slow 3", "echo 4"}));
  EXPECT_EQ(server.script.started, (Strings{"over 1", "over 2", "none", "slow 3", "echo 4"}));
  co_await server.acceptor->stop(1s);
  EXPECT_EQ(co_await client.receive(), "");
}
TYPED_TEST(Connections, replies_keep_the_order_of_requests_that_overlap) {
  TypeParam::run(ordered);
}

Task<> one_at_a_time(Seams& s) {
  Server server(s);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  co_await client.send({"slow 1"});
  co_await client.send({"echo 2"});
  co_await s.shard.clock().sleep_for(50ms);
  EXPECT_EQ(server.script.started, (Strings{"slow 1"}));
  EXPECT_EQ(co_await client.receive(), "slow 1");
  EXPECT_EQ(co_await client.receive(), "echo 2");
  co_await server.acceptor->stop(1s);
}
TYPED_TEST(Connections, requests_that_do_not_overlap_wait_for_each_other) {
  TypeParam::run(one_at_a_time);
}

Task<> early_reply(Seams& s) {
  Server server(s);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  const Instant start = s.shard.clock().now();
  co_await client.send({"echo 1", "slow 2"});
  EXPECT_EQ(co_await client.receive(), "echo 1");
  EXPECT_LT(s.shard.clock().now() - start, 90ms);
  EXPECT_EQ(co_await client.receive(), "slow 2");
  co_await server.acceptor->stop(1s);
}
TYPED_TEST(Connections, a_reply_does_not_wait_for_a_slow_request_behind_it) {
  TypeParam::run(early_reply);
}

Task<> closing(Seams& s) {
  Server server(s);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  co_await client.send({"echo 1", "close 2", "echo 3"});
  EXPECT_EQ(co_await client.receive(), "echo 1");
  EXPECT_EQ(co_await client.receive(), "close 2");
  EXPECT_EQ(co_await client.receive(), "");
  EXPECT_EQ(server.script.started.size(), 2u);
  co_await server.acceptor->stop(1s);
}
TYPED_TEST(Connections, a_closing_reply_is_the_last) { TypeParam::run(closing); }

Task<> bad_length(Seams& s) {
  AcceptorLimits limits;
  limits.connection.max_request_bytes = 100;
  Server server(s, limits);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  co_await client.send({"echo 1", std::string(101, 'x')});
  EXPECT_EQ(co_await client.receive(), "echo 1");
  EXPECT_EQ(co_await client.receive(), "");
  co_await server.acceptor->stop(1s);
}
TYPED_TEST(Connections, a_frame_above_the_limit_closes_after_the_earlier_replies) {
  TypeParam::run(bad_length);
}

Task<> caps(Seams& s) {
  Server server(s, {}, {.per_address = 1});
  co_await server.start();
  Client first;
  co_await server.connect(first);
  co_await first.send({"echo 1"});
  EXPECT_EQ(co_await first.receive(), "echo 1");
  Client second;
  co_await server.connect(second);
  co_await second.send({"echo 2"});
  EXPECT_EQ(co_await second.receive(), "");
  first.stream->close();
  co_await s.shard.clock().sleep_for(50ms);
  Client third;
  co_await server.connect(third);
  co_await third.send({"echo 3"});
  EXPECT_EQ(co_await third.receive(), "echo 3");
  co_await server.acceptor->stop(1s);
  EXPECT_EQ(server.acceptor->connections(), 0u);
}
TYPED_TEST(Connections, an_address_has_no_more_connections_than_its_limit) { TypeParam::run(caps); }

Task<> total_cap(Seams& s) {
  Server server(s, {}, {.in_all = 2});
  co_await server.start();
  Client first, second, third;
  co_await server.connect(first);
  co_await server.connect(second);
  co_await server.connect(third);  // waits in the backlog
  co_await third.send({"echo 3"});
  co_await s.shard.clock().sleep_for(50ms);
  EXPECT_EQ(server.acceptor->connections(), 2u);
  first.stream->close();
  EXPECT_EQ(co_await third.receive(), "echo 3");
  co_await server.acceptor->stop(1s);
}
TYPED_TEST(Connections, beyond_the_total_a_connection_waits_for_another_to_go) {
  TypeParam::run(total_cap);
}

Task<> nodes_beyond_the_total(Seams& s) {
  AcceptorLimits limits;
  limits.of_nodes = true;
  Server server(s, limits, {.in_all = 1});
  co_await server.start();
  std::vector<Client> nodes(3);
  for (Client& node : nodes) {
    co_await server.connect(node);
    co_await node.send({"echo"});
    EXPECT_EQ(co_await node.receive(), "echo");
  }
  co_await server.acceptor->stop(1s);
}
TYPED_TEST(Connections, other_nodes_come_in_also_beyond_the_total) {
  TypeParam::run(nodes_beyond_the_total);
}

Task<> rate_of_listener(Seams& s) {
  AcceptorLimits limits;
  limits.rate = {.per_second = 2, .windows = 3, .window_length = 100ms};
  Server server(s, limits);
  co_await server.start();
  std::vector<Client> clients(4);
  const Instant start = s.shard.clock().now();
  for (Client& client : clients) {
    co_await server.connect(client);
    co_await client.send({"echo"});
    EXPECT_EQ(co_await client.receive(), "echo");
  }
  const Duration took = s.shard.clock().now() - start;
  EXPECT_GE(took, 350ms);  // 2 a second, but nobody waits longer than a window
  EXPECT_LT(took, 2s);
  co_await server.acceptor->stop(1s);
}
TYPED_TEST(Connections, above_the_rate_a_connection_waits) { TypeParam::run(rate_of_listener); }

Task<> rate_of_all(Seams& s) {
  const ConnectionRateLimit slow{.per_second = 1, .windows = 2, .window_length = 100ms};
  for (const bool of_nodes : {false, true}) {
    AcceptorLimits limits;
    limits.of_nodes = of_nodes;
    Server server(s, limits, {.rate = slow});
    co_await server.start();
    const Instant start = s.shard.clock().now();
    std::vector<Client> clients(4);
    for (Client& client : clients) {
      co_await server.connect(client);
      co_await client.send({"echo"});
      EXPECT_EQ(co_await client.receive(), "echo");
    }
    EXPECT_EQ(s.shard.clock().now() - start < 250ms, of_nodes);
    co_await server.acceptor->stop(1s);
  }
}
TYPED_TEST(Connections, the_rate_of_all_listeners_does_not_hold_up_other_nodes) {
  TypeParam::run(rate_of_all);
}

Task<> stop_while_held_up(Seams& s) {
  AcceptorLimits limits;
  limits.rate = {.per_second = 0, .windows = 2, .window_length = 60s};
  Server server(s, limits);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  co_await client.send({"echo"});
  co_await s.shard.clock().sleep_for(50ms);
  const Instant start = s.shard.clock().now();
  co_await server.acceptor->stop(1s);
  EXPECT_LT(s.shard.clock().now() - start, 1s);
  EXPECT_EQ(co_await client.receive(), "");
}
TYPED_TEST(Connections, stopping_does_not_wait_for_who_is_held_up) {
  TypeParam::run(stop_while_held_up);
}

Task<> drain(Seams& s) {
  Server server(s);
  co_await server.start();
  Client busy;
  Client idle;
  co_await server.connect(busy);
  co_await server.connect(idle);
  co_await busy.send({"over 1", "slow 2"});
  co_await s.shard.clock().sleep_for(20ms);
  const Instant start = s.shard.clock().now();
  co_await server.acceptor->stop(10s);
  EXPECT_LT(s.shard.clock().now() - start, 1s);
  EXPECT_EQ(co_await busy.receive(), "over 1");
  EXPECT_EQ(co_await busy.receive(), "slow 2");
  EXPECT_EQ(co_await busy.receive(), "");
  EXPECT_EQ(co_await idle.receive(), "");
}
TYPED_TEST(Connections, stopping_answers_what_has_begun) { TypeParam::run(drain); }

Task<> impatient(Seams& s) {
  Server server(s);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  co_await client.send({"over 1", "over 2", "over 3"});
  co_await s.shard.clock().sleep_for(20ms);
  co_await server.acceptor->stop(1ms);
  EXPECT_EQ(server.acceptor->connections(), 0u);
}
TYPED_TEST(Connections, stopping_without_patience_cancels_what_has_begun) {
  TypeParam::run(impatient);
}

Task<> idle_close(Seams& s) {
  AcceptorLimits limits;
  limits.connection.max_idle = 10s;
  Server server(s, limits);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  co_await client.send({"echo 1"});
  EXPECT_EQ(co_await client.receive(), "echo 1");
  co_await s.shard.clock().sleep_for(5s);  // its buffer is gone by now
  co_await client.send({"echo 2"});
  EXPECT_EQ(co_await client.receive(), "echo 2");
  const Instant start = s.shard.clock().now();
  EXPECT_EQ(co_await client.receive(), "");
  EXPECT_GE(s.shard.clock().now() - start, 9s);
  EXPECT_LE(s.shard.clock().now() - start, 13s);
  co_await server.acceptor->stop(1s);
}
TEST(Connections, an_idle_connection_is_closed_and_a_quiet_one_serves_on) {
  runtime::testing::SimulatedBackend::run(idle_close);
}

Task<> slow_reader(Seams& s) {
  AcceptorLimits limits;
  limits.connection.max_pipelined_bytes = 1'000'000;
  limits.connection.write_timeout = 5s;
  Server server(s, limits);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  co_await client.send(Strings(100, "echo big"));
  co_await s.shard.clock().sleep_for(3s);
  EXPECT_LE(server.script.started.size(), 10u);  // it was made to wait
  co_await s.shard.clock().sleep_for(10s);
  EXPECT_EQ(server.acceptor->connections(), 0u);  // and was given up
  co_await server.acceptor->stop(1s);
}
TEST(Connections, a_reader_that_takes_nothing_is_bounded_and_then_cut_off) {
  runtime::testing::SimulatedBackend::run(slow_reader);
}

Task<> memory_budget(Seams& s) {
  Server server(s);
  co_await server.start();
  Client client;
  co_await server.connect(client);
  const std::int64_t all = server.memory.left();
  server.memory.take(static_cast<std::size_t>(all));
  co_await s.shard.clock().sleep_for(10ms);
  Client other;
  co_await server.connect(other);
  co_await other.send({"echo 1"});
  co_await s.shard.clock().sleep_for(100ms);
  EXPECT_TRUE(server.script.started.empty());
  server.memory.give_back(static_cast<std::size_t>(all));
  EXPECT_EQ(co_await other.receive(), "echo 1");
  EXPECT_EQ(server.memory.left(), all);
  co_await server.acceptor->stop(1s);
}
TEST(Connections, nothing_is_read_while_the_request_memory_is_used_up) {
  runtime::testing::SimulatedBackend::run(memory_budget);
}

}  // namespace connection_test
}  // namespace cairn::transport
