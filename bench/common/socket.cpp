// SPDX-License-Identifier: Apache-2.0
#include "common/socket.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cairn::bench {
namespace {

void set_no_delay(int socket) {
  const int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

void give_up(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), errno == 0 ? "no more known" : strerror(errno));
  std::exit(1);
}

Descriptor::~Descriptor() {
  if (number_ >= 0) close(number_);
}

Descriptor listen_on_loopback() {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(0);
  const auto* const at = reinterpret_cast<const sockaddr*>(&address);
  if (bind(listener.number(), at, sizeof address) != 0 || listen(listener.number(), 128) != 0) {
    give_up("listen");
  }
  return listener;
}

std::uint16_t port_of(const Descriptor& listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(listener.number(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

Descriptor accept_one(const Descriptor& listener) {
  Descriptor peer(accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC));
  if (peer.number() < 0) give_up("accept");
  set_no_delay(peer.number());
  return peer;
}

Descriptor try_connect(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return {};
  Descriptor connected;
  for (const addrinfo* at = found; at != nullptr && connected.number() < 0; at = at->ai_next) {
    Descriptor peer(socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0));
    if (connect(peer.number(), at->ai_addr, at->ai_addrlen) == 0) connected = std::move(peer);
  }
  freeaddrinfo(found);
  if (connected.number() >= 0) set_no_delay(connected.number());
  return connected;
}

Descriptor connect_to(const std::string& host, std::uint16_t port) {
  Descriptor peer = try_connect(host, port);
  if (peer.number() < 0) give_up("connect to " + host + ":" + std::to_string(port));
  return peer;
}

void send_all(int socket, BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) give_up("send");
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

bool receive_all(int socket, MutableBytes into) {
  while (!into.empty()) {
    const ssize_t got = recv(socket, into.data(), into.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) give_up("receive");
    if (got == 0) return false;
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

HostPort parse_host_port(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) give_up("an address is host:port, not " + text);
  return {text.substr(0, colon), static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1)))};
}

}  // namespace cairn::bench
