// SPDX-License-Identifier: Apache-2.0
// Name servers that do not answer hold up nobody but who asked them.
#include <semaphore>

#include "backends.hpp"

namespace cairn::runtime {
namespace lookups_test {

using namespace std::chrono_literals;

/// Knows "here"; whoever asks for another name waits until the test lets go.
struct NameServer {
  std::counting_semaphore<> let_go{0};
  std::atomic<int> asked = 0;
  std::atomic<int> answered = 0;

  std::vector<std::string> answer(const std::string& host) {
    ++asked;
    if (host != "here") let_go.acquire();
    ++answered;
    return host == "nowhere" ? std::vector<std::string>{} : std::vector<std::string>{"127.0.0.1"};
  }
};

struct Connection {
  bool ended = false;
  bool connected = false;
};

Task<> connect(asio::Network& network, Endpoint to, Connection& connection) {
  auto stream = co_await network.connect(std::move(to));
  connection.connected = stream.has_value();
  connection.ended = true;
}

Task<> lookups(Shard& shard, std::shared_ptr<NameServer> server) {
  asio::Network network(shard.context(),
                        [server](const std::string& host) { return server->answer(host); });
  auto listener = co_await network.listen({"127.0.0.1", 0});
  const std::uint16_t port = (*listener)->local().port;
  TaskGroup slow(shard.context());
  Connection first;
  Connection second;
  Connection third;
  slow.spawn(connect(network, {"slow", port}, first));
  slow.spawn(connect(network, {"slow", port}, second));
  co_await connect(network, {"here", port}, third);
  EXPECT_TRUE(third.connected) << "it waited for another name";
  EXPECT_FALSE(first.ended);
  server->let_go.release();
  co_await slow.join();
  EXPECT_TRUE(first.connected && second.connected);
  EXPECT_EQ(server->asked, 2) << "one answer is enough for both";

  Connection unknown;
  server->let_go.release();
  co_await connect(network, {"nowhere", port}, unknown);
  EXPECT_FALSE(unknown.connected);

  Connection given_up;
  TaskGroup impatient(shard.context());
  impatient.spawn(connect(network, {"slow", port}, given_up));
  co_await shard.clock().sleep_for(10ms);
  impatient.cancel();
  co_await impatient.join();
  EXPECT_TRUE(given_up.ended && !given_up.connected);
}

TEST(Lookups, of_one_name_hold_up_neither_another_nor_the_end) {
  const auto server = std::make_shared<NameServer>();
  asio::run_until_done([&](Shard& shard) { return lookups(shard, server); });
  EXPECT_EQ(server->answered, 3);
  server->let_go.release();  // the answer comes when nobody is there any more
  while (server->answered < 4) std::this_thread::sleep_for(1ms);
}

}  // namespace lookups_test
}  // namespace cairn::runtime
