// SPDX-License-Identifier: Apache-2.0
// What the kernel says of the sockets of this process.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "backends.hpp"

namespace cairn::runtime {
namespace socket_options_test {

/// The sockets whose local port is `port`: a listener and what it has accepted.
std::vector<int> sockets_at(std::uint16_t port) {
  std::vector<int> found;
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (address.sin_family == AF_INET && ntohs(address.sin_port) == port) {
      found.push_back(descriptor);
    }
  }
  return found;
}

int option_of(int descriptor, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(descriptor, SOL_SOCKET, option, &value, &size), 0);
  return value;
}

int backlog_of(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  EXPECT_EQ(::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  return static_cast<int>(info.tcpi_sacked);  // that is what it means for a listener
}

Task<> accept_into(Listener& listener, std::unique_ptr<Stream>& into) {
  auto stream = co_await listener.accept();
  if (stream) into = *std::move(stream);
}

Task<> listen_with_options(Shard& shard) {
  asio::Network network(shard.context());
  network.configure({.send_buffer = 20'000, .receive_buffer = 30'000, .backlog = 7});
  auto listener = co_await network.listen({"127.0.0.1", 0});
  TaskGroup group(shard.context());
  std::unique_ptr<Stream> server;
  group.spawn(accept_into(**listener, server));
  auto client = co_await network.connect((*listener)->local());
  EXPECT_TRUE(client);
  co_await group.join();
  const auto sockets = sockets_at((*listener)->local().port);
  EXPECT_EQ(sockets.size(), 2u);
  for (const int socket : sockets) {  // the kernel doubles what it is asked for
    EXPECT_EQ(option_of(socket, SO_SNDBUF), 40'000);
    EXPECT_EQ(option_of(socket, SO_RCVBUF), 60'000);
    if (option_of(socket, SO_ACCEPTCONN) != 0) EXPECT_EQ(backlog_of(socket), 7);
  }
}

TEST(SocketOptions, hold_for_a_listener_and_what_it_accepts) {
  asio::run_until_done([](Shard& shard) { return listen_with_options(shard); });
}

}  // namespace socket_options_test
}  // namespace cairn::runtime
