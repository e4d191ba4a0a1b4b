// SPDX-License-Identifier: Apache-2.0
// A TCP connection. Writes go straight to the socket with one gathered call and wait only when the
// kernel takes no more. Owner: whoever connected or accepted it.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <cairn/runtime/network.hpp>

namespace cairn::runtime::asio {

using Tcp = boost::asio::ip::tcp;
using Socket = boost::asio::basic_stream_socket<Tcp, Executor>;

Endpoint to_endpoint(const Tcp::endpoint& address);

class TcpStream : public Stream {
 public:
  explicit TcpStream(Socket socket);

  Task<Result<std::size_t>> read_some(MutableBytes into) override;
  Task<Result<>> wait_readable() override;
  void interrupt_read() override;
  Task<Result<>> write(std::span<const BytesView> parts) override;
  void close() override;
  Endpoint peer() const override { return peer_; }
  Endpoint local() const override { return local_; }

 private:
  Socket socket_;
  Endpoint peer_;
  Endpoint local_;
  bool interrupted_ = false;
};

}  // namespace cairn::runtime::asio
