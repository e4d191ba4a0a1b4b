// SPDX-License-Identifier: Apache-2.0
#include "pump.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace cairn::bench {
namespace {

constexpr std::size_t first_buffer = std::size_t{256} << 10;

}  // namespace

struct Pump::Connection {
  Descriptor socket;
  std::size_t window;
  Lane& lane;
  Bytes* current = nullptr;  // being sent
  std::size_t sent = 0;      // of it
  std::int32_t correlation_id = 0;
  std::deque<std::int64_t> sent_at = {};
  Bytes buffer = Bytes(first_buffer);
  std::size_t received = 0;
  bool waits_to_write = false;
};

Pump::Pump(Waiting waiting) : waiting_(waiting), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Pump::~Pump() = default;

void Pump::add(Descriptor socket, std::size_t window, Lane& lane) {
  fcntl(socket.number(), F_SETFL, fcntl(socket.number(), F_GETFL) | O_NONBLOCK);
  auto connection = std::make_unique<Connection>(Connection{std::move(socket), window, lane});
  epoll_event event{.events = EPOLLIN, .data = {.ptr = connection.get()}};
  epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, connection->socket.number(), &event);
  connections_.push_back(std::move(connection));
}

void Pump::run(const std::function<bool()>& done, bool drain) {
  std::array<epoll_event, 64> events;
  sending_ = true;
  while (true) {
    if (sending_ && done()) sending_ = false;
    const bool idle = std::ranges::all_of(connections_, [](const auto& connection) {
      return connection->sent_at.empty() && connection->current == nullptr;
    });
    if (!sending_ && (idle || !drain)) return;
    for (const auto& connection : connections_) fill(*connection);
    const std::int64_t wait = timeout_ns();
    const timespec timeout{.tv_sec = 0, .tv_nsec = wait};
    const int count =
        epoll_pwait2(epoll_.number(), events.data(), events.size(), &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if ((events[static_cast<std::size_t>(i)].events & EPOLLOUT) != 0) flush(connection);
      if ((events[static_cast<std::size_t>(i)].events & (EPOLLIN | EPOLLHUP)) != 0) {
        receive(connection);
      }
    }
  }
}

std::int64_t Pump::timeout_ns() const {
  std::int64_t wait = 100'000'000;
  for (const auto& connection : connections_) {
    if (connection->sent_at.size() >= connection->window) continue;
    if (const auto at = connection->lane.wake_at()) wait = std::min(wait, *at - now_ns());
  }
  const bool spin = waiting_ == Waiting::spinning && wait < 1'000'000;
  return spin ? 0 : std::max<std::int64_t>(wait, 0);
}

void Pump::fill(Connection& connection) {
  if (connection.waits_to_write) return;
  while (true) {
    if (connection.current == nullptr) {
      if (!sending_ || connection.sent_at.size() >= connection.window) return;
      const std::int64_t now = now_ns();
      connection.current = connection.lane.next(now);
      if (connection.current == nullptr) return;
      store_big_endian(connection.current->data() + 8, ++connection.correlation_id);
      connection.sent = 0;
      if (connection.lane.expects_answers()) connection.sent_at.push_back(now);
    }
    flush(connection);
    if (connection.current != nullptr) return;
  }
}

void Pump::flush(Connection& connection) {
  if (connection.current == nullptr) return;
  BytesView rest = BytesView(*connection.current).subspan(connection.sent);
  while (!rest.empty()) {
    const ssize_t sent = send(connection.socket.number(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) give_up("send");
    if (sent < 0) break;
    rest = rest.subspan(static_cast<std::size_t>(sent));
  }
  connection.sent = connection.current->size() - rest.size();
  if (rest.empty()) {
    connection.current = nullptr;
    connection.lane.sent();
  }
  if (connection.waits_to_write != !rest.empty()) {
    connection.waits_to_write = !rest.empty();
    epoll_event event{.events = EPOLLIN | (connection.waits_to_write ? EPOLLOUT : 0U),
                      .data = {.ptr = &connection}};
    epoll_ctl(epoll_.number(), EPOLL_CTL_MOD, connection.socket.number(), &event);
  }
}

void Pump::receive(Connection& connection) {
  const MutableBytes room = MutableBytes(connection.buffer).subspan(connection.received);
  const ssize_t got = recv(connection.socket.number(), room.data(), room.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got < 0) give_up("receive");
  if (got == 0) {
    errno = 0;
    give_up("the server closed a connection");
  }
  connection.received += static_cast<std::size_t>(got);
  hand_over(connection);
}

void Pump::hand_over(Connection& connection) {
  std::size_t at = 0;
  const std::int64_t now = now_ns();
  while (connection.received - at >= 4) {
    const std::size_t size = load_big_endian<std::uint32_t>(connection.buffer.data() + at);
    if (connection.received - at - 4 < size) {
      const std::size_t needed = size + 4 + first_buffer;
      if (connection.buffer.size() < needed) connection.buffer.resize(needed);
      break;
    }
    const BytesView response = BytesView(connection.buffer).subspan(at + 4, size);
    connection.lane.answered(response, connection.sent_at.front(), now);
    connection.sent_at.pop_front();
    at += 4 + size;
  }
  const auto begin = connection.buffer.begin();
  std::move(begin + static_cast<std::ptrdiff_t>(at),
            begin + static_cast<std::ptrdiff_t>(connection.received), begin);
  connection.received -= at;
}

}  // namespace cairn::bench
