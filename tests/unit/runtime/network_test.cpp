// SPDX-License-Identifier: Apache-2.0
#include "backends.hpp"

namespace cairn::runtime {
namespace network_test {

using namespace std::chrono_literals;

template <class Backend>
class Networks : public ::testing::Test {};
TYPED_TEST_SUITE(Networks, testing::Backends, testing::BackendNames);

Task<> echo(Listener& listener) {
  auto stream = co_await listener.accept();
  if (!stream) co_return;
  Bytes buffer(1 << 16);
  for (;;) {
    auto read = co_await (*stream)->read_some(buffer);
    if (!read || *read == 0) co_return;
    const BytesView parts[] = {BytesView(buffer).first(*read)};
    if (!co_await (*stream)->write(parts)) co_return;
  }
}

Task<> write_all(Stream& stream, const std::string& text) {
  std::vector<BytesView> parts;
  for (std::size_t at = 0; at < text.size(); at += 777) {
    parts.push_back(as_bytes(text).subspan(at, std::min<std::size_t>(777, text.size() - at)));
  }
  EXPECT_TRUE(co_await stream.write(parts));
}

Task<> round_trip(testing::Seams& s) {
  auto listener = co_await s.network.listen({"127.0.0.1", 0});
  EXPECT_TRUE(listener);
  const Endpoint at = (*listener)->local();
  EXPECT_EQ(at.host, "127.0.0.1");
  EXPECT_NE(at.port, 0);
  TaskGroup group(s.shard.context());
  group.spawn(echo(**listener));
  auto stream = co_await s.network.connect(at);
  EXPECT_TRUE(stream);
  std::string sent;
  for (int i = 0; sent.size() < 3'000'000; ++i) sent += std::to_string(i);
  group.spawn(write_all(**stream, sent));
  std::string got;
  Bytes buffer(100'000);
  while (got.size() < sent.size()) {
    auto read = co_await (*stream)->read_some(buffer);
    if (!read || *read == 0) break;
    got += as_text(BytesView(buffer).first(*read));
  }
  EXPECT_EQ(got == sent, true);
  (*stream)->close();
  co_await group.join();
}
TYPED_TEST(Networks, bytes_arrive_whole_and_in_order_whatever_the_chunks) {
  TypeParam::run(round_trip);
}

Task<> refusals(testing::Seams& s) {
  auto listener = co_await s.network.listen({"127.0.0.1", 0});
  const Endpoint at = (*listener)->local();
  EXPECT_FALSE(co_await s.network.listen(at));
  (*listener)->close();
  EXPECT_FALSE(co_await s.network.connect(at));
}
TYPED_TEST(Networks, a_taken_port_and_a_closed_one_are_refused) { TypeParam::run(refusals); }

Task<> accept_into(Listener& listener, std::unique_ptr<Stream>& into) {
  auto stream = co_await listener.accept();
  if (stream) into = *std::move(stream);
}

Task<> read_once(Stream& stream, Bytes& buffer, Result<std::size_t>& result) {
  result = co_await stream.read_some(buffer);
}

Task<> interruptions(testing::Seams& s) {
  auto listener = co_await s.network.listen({"127.0.0.1", 0});
  TaskGroup group(s.shard.context());
  std::unique_ptr<Stream> server;
  group.spawn(accept_into(**listener, server));
  auto client = co_await s.network.connect((*listener)->local());
  co_await group.join();
  Bytes buffer(100);
  Result<std::size_t> read = 0;
  group.spawn(read_once(*server, buffer, read));
  co_await s.shard.clock().sleep_for(5ms);
  server->interrupt_read();
  co_await group.join();
  EXPECT_FALSE(read);
  EXPECT_TRUE(is_interrupted(read.error()));
  const BytesView parts[] = {as_bytes("hello")};
  EXPECT_TRUE(co_await (*client)->write(parts));
  EXPECT_TRUE(co_await server->wait_readable());
  std::string got;
  while (got.size() < 5) {
    auto more = co_await server->read_some(buffer);
    if (!more || *more == 0) break;
    got += as_text(BytesView(buffer).first(*more));
  }
  EXPECT_EQ(got, "hello");
  (*client)->close();
  EXPECT_EQ(*co_await server->read_some(buffer), 0u);
}
TYPED_TEST(Networks, an_interrupted_read_leaves_the_stream_usable) {
  TypeParam::run(interruptions);
}

Task<> cancellation(testing::Seams& s) {
  auto listener = co_await s.network.listen({"127.0.0.1", 0});
  TaskGroup group(s.shard.context());
  std::unique_ptr<Stream> server;
  group.spawn(accept_into(**listener, server));
  auto client = co_await s.network.connect((*listener)->local());
  co_await group.join();
  std::unique_ptr<Stream> never;
  Bytes buffer(100);
  Result<std::size_t> read = 0;
  group.spawn(read_once(*server, buffer, read));
  group.spawn(accept_into(**listener, never));
  co_await s.shard.clock().sleep_for(5ms);
  group.cancel();
  co_await group.join();
  EXPECT_FALSE(read);
  EXPECT_FALSE(never);
}
TYPED_TEST(Networks, cancellation_ends_reads_and_accepts_quietly) { TypeParam::run(cancellation); }

// What the simulated fabric does beyond that.

Task<> ask(world::Process& p, Endpoint to, std::string& got) {
  auto stream = co_await p.network().connect(to);
  if (!stream) co_return;
  const BytesView parts[] = {as_bytes("ping")};
  if (!co_await (*stream)->write(parts)) co_return;
  Bytes buffer(10);
  while (got.size() < 4) {
    auto read = co_await (*stream)->read_some(buffer);
    if (!read || *read == 0) {
      got = "broken";
      co_return;
    }
    got += as_text(BytesView(buffer).first(*read));
  }
}

Task<> serve_echo(world::Process& p) {
  auto listener = co_await p.network().listen({"", 9092});
  while (!co_await cancelled()) co_await echo(**listener);
}

TEST(SimNetwork, a_cut_holds_bytes_back_until_it_heals) {
  world::World world(5);
  world::Process& server = world.start("server");
  server.shard().tasks().spawn(serve_echo(server));
  world::Process& client = world.start("client");
  world.run_ready();
  std::string got;
  client.shard().tasks().spawn(ask(client, {"server", 9092}, got));
  world.run_for(world.fabric().conditions().most_delay);
  world.fabric().cut("client", "server");
  world.run_for(10s);
  EXPECT_NE(got, "ping");
  world.fabric().heal_all();
  EXPECT_TRUE(world.run_until([&] { return got == "ping"; }, 30s));
}

TEST(SimNetwork, a_killed_process_breaks_its_connections) {
  world::World world(5);
  world::Process& server = world.start("server");
  server.shard().tasks().spawn(serve_echo(server));
  world::Process& client = world.start("client");
  world.run_ready();
  std::string got;
  client.shard().tasks().spawn(ask(client, {"server", 9092}, got));
  world.fabric().conditions().least_delay = world.fabric().conditions().most_delay = 1s;
  world.run_for(1500ms);
  world.kill("server");
  EXPECT_TRUE(world.run_until([&] { return got == "broken"; }, 10s));
}

TEST(World, the_same_seed_gives_the_same_trace) {
  auto trace = [](std::uint64_t seed) {
    world::World world(seed);
    world::Process& server = world.start("server");
    server.shard().tasks().spawn(serve_echo(server));
    world::Process& client = world.start("client");
    std::string got[5];
    world.run_ready();
    for (std::string& each : got) {
      client.shard().tasks().spawn(ask(client, {"server", 9092}, each));
    }
    world.run_for(10s);
    return world.trace_hash();
  };
  EXPECT_EQ(trace(11), trace(11));
  EXPECT_NE(trace(11), trace(12));
}

}  // namespace network_test
}  // namespace cairn::runtime
