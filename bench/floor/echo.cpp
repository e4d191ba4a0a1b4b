// SPDX-License-Identifier: Apache-2.0
#include "echo.hpp"

#include <algorithm>
#include <deque>
#include <thread>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cairn::bench {
namespace {

constexpr std::size_t least_buffer = std::size_t{256} << 10;
constexpr std::size_t most_gathered = 64;  // responses in one write

Bytes frame_of(std::size_t size) {
  Bytes frame(size, std::byte{'x'});
  store_big_endian(frame.data(), static_cast<std::int32_t>(size - 4));
  return frame;
}

std::size_t receive_some(int socket, MutableBytes into) {
  const ssize_t got = recv(socket, into.data(), into.size(), 0);
  if (got < 0) give_up("receive");
  return static_cast<std::size_t>(got);
}

/// Responses whose bytes come from the page cache.
class FromFile {
 public:
  explicit FromFile(const Exchange& exchange)
      : file_(exchange.file), size_(exchange.file_size), response_(exchange.response_size) {}

  BytesView next() {
    if (at_ + response_.size() > size_) at_ = 0;
    const ssize_t got = pread(file_, response_.data(), response_.size(), static_cast<off_t>(at_));
    if (got != static_cast<ssize_t>(response_.size())) give_up("read");
    at_ += response_.size();
    return response_;
  }

 private:
  int file_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  Bytes response_;
};

/// Answers every request until the peer closes.
void serve(int socket, const Exchange& exchange, const Work& work, double& cpu) {
  const double before = thread_cpu();
  Bytes buffer(std::max(least_buffer, exchange.request_size * 2));
  Bytes responses;
  for (std::size_t i = 0; i < most_gathered; ++i)
    append(responses, frame_of(exchange.response_size));
  FromFile from_file(exchange);
  std::size_t filled = 0;
  while (true) {
    const std::size_t got = receive_some(socket, MutableBytes(buffer).subspan(filled));
    if (got == 0) break;
    filled += got;
    std::size_t frames = filled / exchange.request_size;
    if (frames == 0) continue;
    const std::size_t whole = frames * exchange.request_size;
    work(BytesView(buffer).first(whole));
    for (; exchange.file >= 0 && frames > 0; --frames) send_all(socket, from_file.next());
    while (frames > 0) {
      const std::size_t now = std::min(frames, most_gathered);
      send_all(socket, BytesView(responses).first(now * exchange.response_size));
      frames -= now;
    }
    std::move(buffer.begin() + static_cast<std::ptrdiff_t>(whole),
              buffer.begin() + static_cast<std::ptrdiff_t>(filled), buffer.begin());
    filled -= whole;
  }
  cpu = thread_cpu() - before;
}

/// Sends with a window, receives the answers.
void ask(int socket, const Exchange& exchange, ExchangeResult& result) {
  const double before = thread_cpu();
  const Bytes request = frame_of(exchange.request_size);
  Bytes buffer(std::max(least_buffer, exchange.response_size));
  std::deque<std::int64_t> sent_at;
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::size_t partial = 0;
  while (answered < exchange.requests) {
    while (sent < exchange.requests && sent - answered < exchange.in_flight) {
      sent_at.push_back(now_ns());
      send_all(socket, request);
      ++sent;
    }
    partial += receive_some(socket, buffer);
    const std::int64_t now = now_ns();
    for (; partial >= exchange.response_size; partial -= exchange.response_size) {
      result.round_trips.add(now - sent_at.front());
      sent_at.pop_front();
      ++answered;
    }
  }
  result.client_cpu = thread_cpu() - before;
}

}  // namespace

ExchangeResult run_exchange(const Exchange& exchange, const Work& work) {
  const Descriptor listener = listen_on_loopback();
  Descriptor client = connect_to("127.0.0.1", port_of(listener));
  const Descriptor server = accept_one(listener);
  ExchangeResult result;
  std::thread serving([&] { serve(server.number(), exchange, work, result.server_cpu); });
  const std::int64_t before = now_ns();
  ask(client.number(), exchange, result);
  result.seconds = static_cast<double>(now_ns() - before) / 1e9;
  shutdown(client.number(), SHUT_WR);
  serving.join();
  return result;
}

}  // namespace cairn::bench
