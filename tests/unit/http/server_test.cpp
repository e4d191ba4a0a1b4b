// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cairn/http/metrics.hpp>
#include <cairn/http/server.hpp>
#include <cairn/runtime/asio.hpp>

namespace cairn::http {
namespace server_test {

using namespace std::chrono_literals;
using runtime::Task;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

struct World {
  runtime::Shard& shard;
  runtime::asio::Network network{shard.context()};
  Server server;
  bool ready = false;

  World(runtime::Shard& on, Limits limits) : shard(on), server(on, network, routes(), limits) {}

  Routes routes() {
    Routes all;
    add_metrics_route(all,
                      {.gather = [this] { return gather(shard); },
                       .write_partitions = [](MetricsText& text) { return partitions(text); }});
    add_health_routes(all, [this] { return Readiness{ready, "loading 3 of 4 logs"}; });
    return all;
  }
  static Task<std::vector<Sample>> gather(runtime::Shard& shard) {
    co_return shard.metrics().samples();
  }
  static Task<> partitions(MetricsText& text) {
    text.family("kafka_log_log_size", MetricKind::gauge, "Bytes.");
    text.sample({{"topic", "t"}, {"partition", "0"}}, 7);
    co_return;
  }
};

using Body = Task<> (*)(World&);

Task<> with_server(runtime::Shard& shard, Body body, Limits limits) {
  World world(shard, limits);
  auto listening = co_await world.server.listen({"127.0.0.1", 0});
  EXPECT_TRUE(listening);
  co_await body(world);
  co_await world.server.stop();
  EXPECT_EQ(world.server.connection_count(), 0u);
}

void run(Body body, Limits limits = {}) {
  runtime::asio::run_until_done(
      [=](runtime::Shard& shard) { return with_server(shard, body, limits); });
}

Task<std::unique_ptr<runtime::Stream>> connect(World& world) {
  auto stream = co_await world.network.connect(world.server.local());
  EXPECT_TRUE(stream);
  co_return std::move(*stream);
}

Task<> send(runtime::Stream& stream, std::string text) {
  const BytesView parts[] = {as_bytes(text)};
  EXPECT_TRUE(co_await stream.write(parts));
}

/// All there is until the peer closes.
Task<std::string> read_all(runtime::Stream& stream) {
  std::string got;
  Bytes buffer(1 << 14);
  for (;;) {
    auto read = co_await stream.read_some(buffer);
    if (!read || *read == 0) co_return got;
    got += as_text(BytesView(buffer).first(*read));
  }
}

/// One request on a connection of its own, which it asks to close.
Task<std::string> ask(World& world, std::string request_line) {
  auto stream = co_await connect(world);
  co_await send(*stream, request_line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  co_return co_await read_all(*stream);
}

}  // namespace server_test

using namespace server_test;

TEST(HttpServer, serves_metrics_in_prometheus_text) {
  run([](World& world) -> Task<> {
    world.shard.metrics().counter("c_total", "Cs.").add(3);
    const auto answer = co_await ask(world, "GET /metrics?x=1");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\n\r\n# HELP c_total Cs.\n"));
    EXPECT_THAT(answer, EndsWith("kafka_log_log_size{topic=\"t\",partition=\"0\"} 7\n"));
  });
}

TEST(HttpServer, tells_live_from_ready) {
  run([](World& world) -> Task<> {
    EXPECT_THAT(co_await ask(world, "GET /health/live"), StartsWith("HTTP/1.1 200 "));
    const auto not_ready = co_await ask(world, "GET /health/ready");
    EXPECT_THAT(not_ready, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_THAT(not_ready, EndsWith("\r\n\r\nnot ready: loading 3 of 4 logs\n"));
    world.ready = true;
    EXPECT_THAT(co_await ask(world, "GET /health/ready"), StartsWith("HTTP/1.1 200 "));
  });
}

TEST(HttpServer, lists_what_there_is_where_nothing_is) {
  run([](World& world) -> Task<> {
    const auto answer = co_await ask(world, "GET /nothing");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 Not Found\r\n"));
    EXPECT_THAT(answer, EndsWith("there is:\n/health/live\n/health/ready\n/metrics\n"));
  });
}

TEST(HttpServer, answers_head_without_a_body) {
  run([](World& world) -> Task<> {
    const auto answer = co_await ask(world, "HEAD /health/live");
    EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  });
}

TEST(HttpServer, refuses_other_methods_and_bodies) {
  run([](World& world) -> Task<> {
    EXPECT_THAT(co_await ask(world, "DELETE /metrics"), HasSubstr("405 Method Not Allowed"));
    auto stream = co_await connect(world);
    co_await send(*stream, "POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_THAT(co_await read_all(*stream), StartsWith("HTTP/1.1 413 "));
  });
}

TEST(HttpServer, keeps_a_connection_and_takes_pipelined_requests) {
  run([](World& world) -> Task<> {
    auto stream = co_await connect(world);
    co_await send(*stream,
                  "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /health/live HTTP/1.1\r\n");
    co_await world.shard.clock().sleep_for(10ms);
    co_await send(*stream, "Host: x\r\nConnection: close\r\n\r\n");
    const auto answers = co_await read_all(*stream);
    EXPECT_EQ(answers.find("live\nHTTP/1.1 200 OK"), answers.find("live\n"));
    EXPECT_THAT(answers, EndsWith("live\n"));
  });
}

TEST(HttpServer, refuses_what_is_not_http) {
  run([](World& world) -> Task<> {
    auto stream = co_await connect(world);
    co_await send(*stream, std::string("\0\0\0\x10 not http at all\r\n\r\n", 25));
    EXPECT_THAT(co_await read_all(*stream), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  });
}

TEST(HttpServer, bounds_the_header) {
  run(
      [](World& world) -> Task<> {
        auto stream = co_await connect(world);
        co_await send(*stream, "GET / HTTP/1.1\r\nX: " + std::string(3000, 'x'));
        EXPECT_THAT(co_await read_all(*stream), StartsWith("HTTP/1.1 431 "));
      },
      {.header_bytes = 1000});
}

TEST(HttpServer, closes_a_connection_that_sends_no_request_in_time) {
  run(
      [](World& world) -> Task<> {
        auto stream = co_await connect(world);
        co_await send(*stream, "GET / HT");
        EXPECT_THAT(co_await read_all(*stream), IsEmpty());
      },
      {.request_timeout = 50ms});
}

TEST(HttpServer, closes_connections_above_its_limit) {
  run(
      [](World& world) -> Task<> {
        auto first = co_await connect(world);
        co_await send(*first, "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
        Bytes buffer(1024);
        EXPECT_TRUE(co_await first->read_some(buffer));
        auto second = co_await connect(world);
        EXPECT_THAT(co_await read_all(*second), IsEmpty());
        EXPECT_EQ(world.server.connection_count(), 1u);
      },
      {.connections = 1});
}

TEST(HttpServer, stops_with_connections_open) {
  run([](World& world) -> Task<> {
    auto stream = co_await connect(world);
    co_await send(*stream, "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    Bytes buffer(1024);
    EXPECT_TRUE(co_await stream->read_some(buffer));
  });
}

}  // namespace cairn::http
