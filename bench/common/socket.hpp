// SPDX-License-Identifier: Apache-2.0
// Plain blocking sockets for load generators and floors: nothing between them and the system calls.
// Errors end the program with a line: a benchmark that lost its peer has no result.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <cairn/base/bytes.hpp>

namespace cairn::bench {

/// Prints what failed and errno, and ends the program with status 1.
[[noreturn]] void give_up(const std::string& what);

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  int number() const { return number_; }

 private:
  int number_ = -1;
};

/// A listener on a free port of 127.0.0.1.
Descriptor listen_on_loopback();
std::uint16_t port_of(const Descriptor& listener);
Descriptor accept_one(const Descriptor& listener);
/// TCP_NODELAY set. Gives up if the peer refuses.
Descriptor connect_to(const std::string& host, std::uint16_t port);
/// The same, but an invalid descriptor when the peer refuses.
Descriptor try_connect(const std::string& host, std::uint16_t port);

void send_all(int socket, BytesView bytes);
/// False at the end of the stream.
bool receive_all(int socket, MutableBytes into);

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
/// "host:port" taken apart.
HostPort parse_host_port(const std::string& text);

}  // namespace cairn::bench
