// SPDX-License-Identifier: Apache-2.0
// Connections: read a request, route it, write the answer, and again while the peer keeps it alive.
#include <array>

#include <fmt/format.h>

#include <cairn/base/log.hpp>
#include <cairn/http/server.hpp>

#include "request_reader.hpp"

namespace cairn::http {

namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

std::string head_of(const Response& response, bool keep_alive) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{}Cache-Control: no-store\r\n"
      "\r\n",
      response.status, reason_of(response.status), response.content_type, response.body.size(),
      response.status == 405 ? "Allow: GET, HEAD\r\n" : "",
      keep_alive ? "" : "Connection: close\r\n");
}

}  // namespace

struct Server::Connection {
  std::unique_ptr<runtime::Stream> stream;
  RequestReader reader;
  Instant deadline;
  runtime::Canceller watcher;
};

Server::Server(runtime::Shard& shard, runtime::Network& network, Routes routes, Limits limits)
    : shard_(shard),
      network_(network),
      routes_(std::move(routes)),
      limits_(limits),
      tasks_(shard.context()) {}

Server::~Server() = default;

runtime::Task<Result<>> Server::listen(runtime::Endpoint at) {
  CO_TRY(listener_, co_await network_.listen(std::move(at)));
  tasks_.spawn(accept());
  co_return Result<>();
}

runtime::Endpoint Server::local() const { return listener_->local(); }

runtime::Task<> Server::stop() {
  if (listener_) listener_->close();
  tasks_.cancel();
  co_await tasks_.join();
}

runtime::Task<> Server::accept() {
  while (!tasks_.stopping()) {
    auto stream = co_await listener_->accept();
    if (!stream) co_return;
    if (connection_count_ >= limits_.connections) {
      logging::warn("http: connection refused peer={} limit={}",
                    runtime::to_string((*stream)->peer()), limits_.connections);
      continue;
    }
    auto connection = std::make_shared<Connection>();
    connection->stream = std::move(*stream);
    connection->reader = RequestReader(limits_.header_bytes);
    connection->deadline = shard_.clock().now() + limits_.request_timeout;
    ++connection_count_;
    tasks_.spawn(serve(connection));
    tasks_.spawn(watch(connection), connection->watcher);
  }
}

runtime::Task<> Server::serve(std::shared_ptr<Connection> connection) {
  bool open = true;
  while (open && !tasks_.stopping()) {
    connection->deadline = shard_.clock().now() + limits_.request_timeout;
    open = co_await serve_one(*connection);
  }
  connection->stream->close();
  connection->watcher.cancel();
  --connection_count_;
}

/// Closes the stream when its deadline has passed, which ends whatever waits on it.
runtime::Task<> Server::watch(std::shared_ptr<Connection> connection) {
  for (;;) {
    const Instant deadline = connection->deadline;
    if (!co_await shard_.clock().sleep_until(deadline)) co_return;
    if (connection->deadline > shard_.clock().now()) continue;  // it moved meanwhile
    connection->stream->close();
    co_return;
  }
}

/// False: the connection is done with.
runtime::Task<bool> Server::serve_one(Connection& connection) {
  auto parsed = co_await connection.reader.next(*connection.stream);
  if (parsed.outcome == RequestReader::Outcome::end) co_return false;
  connection.deadline = shard_.clock().now() + limits_.response_timeout;

  Response response;
  bool keep_alive = parsed.keep_alive;
  if (parsed.outcome == RequestReader::Outcome::refused) {
    response = {.status = parsed.refusal, .body = "this request is not understood\n"};
    keep_alive = false;
  } else if (!parsed.is_get && !parsed.is_head) {
    response = {.status = 405, .body = "only GET and HEAD are served\n"};
  } else if (const auto* handler = routes_.find(parsed.request.path)) {
    auto answering = (*handler)(std::move(parsed.request));
    response = co_await std::move(answering);
  } else {
    response = {.status = 404, .body = "there is:\n" + routes_.index()};
  }
  if (tasks_.stopping()) co_return false;

  const std::string head = head_of(response, keep_alive);
  const std::array<BytesView, 2> parts = {as_bytes(head), as_bytes(response.body)};
  const std::span<const BytesView> sent(parts.data(), parsed.is_head ? 1 : 2);
  const auto written = co_await connection.stream->write(sent);
  co_return written&& keep_alive;
}

}  // namespace cairn::http
