// SPDX-License-Identifier: Apache-2.0
// The server's side of one connection: reads much at once, serves the frames in order, writes all
// replies that are ready in one gathered write. Bounds: requests in flight, bytes of requests and
// of replies not yet sent; at a bound it stops reading, which pushes back on the client. A peer
// that takes no bytes for write_timeout is cut off. Idle, it holds no buffer.
//
//   reading --frame--> serving --reply--> replies_ (in request order) --gathered write--> sent
//
// Owner: the Acceptor. Everything runs in the Acceptor's TaskGroup.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include <cairn/base/time.hpp>
#include <cairn/runtime/shard.hpp>
#include <cairn/transport/request_memory.hpp>
#include <cairn/transport/session.hpp>

namespace cairn::transport {

struct ConnectionLimits {
  std::size_t max_request_bytes = 100 * 1024 * 1024;  // socket.request.max.bytes
  std::size_t max_requests_in_flight = 64;
  std::size_t max_pipelined_bytes = 8 * 1024 * 1024;  // a single larger request is let through
  Duration max_idle = std::chrono::minutes(10);       // connections.max.idle.ms
  Duration write_timeout = std::chrono::seconds(30);
};

struct InAcceptor;

class Connection : public runtime::Hook<InAcceptor> {
 public:
  Connection(runtime::Shard& shard, runtime::TaskGroup& tasks,
             std::unique_ptr<runtime::Stream> stream, std::unique_ptr<Session> session,
             RequestMemory& memory, const ConnectionLimits& limits);
  ~Connection();

  /// Serves until either side ends or the task is cancelled; then no request is in progress.
  runtime::Task<> run();
  /// Stops reading; requests begun are answered first.
  void drain();
  void close();

  /// Called now and then by the Acceptor: gives back the buffer of a connection that is quiet,
  /// closes one that is idle, or whose peer takes no bytes.
  void look_after(Instant now);
  Instant last_active() const { return last_active_; }
  const runtime::Stream& stream() const { return *stream_; }
  bool busy() const { return !replies_.empty(); }

 private:
  struct Exchange {  // a request in progress, in request order
    Frame request;
    std::optional<Reply> reply;
    runtime::Latch next_may_start;
    std::size_t request_bytes = 0;
    std::size_t reply_bytes = 0;
  };

  runtime::Task<bool> read_more();
  runtime::Task<bool> serve_frames();
  runtime::Task<bool> wait_for_room(std::size_t request_bytes);
  runtime::Task<> serve(Exchange& exchange);
  runtime::Task<> serve_overlapping(Exchange& exchange);
  runtime::Task<> let_others_catch_up();
  runtime::Task<> write_replies();
  void finish(Exchange& exchange, Reply reply);
  bool below_limits(std::size_t request_bytes) const;
  bool is_quiet() const;

  runtime::Shard& shard_;
  runtime::TaskGroup& tasks_;
  std::unique_ptr<runtime::Stream> stream_;
  std::unique_ptr<Session> session_;
  RequestMemory& memory_;
  const ConnectionLimits& limits_;
  FrameBuffer frames_;
  std::vector<std::unique_ptr<Exchange>> replies_;  // in request order
  std::size_t pipelined_bytes_ = 0;
  std::uint64_t steps_ = 0;      // requests begun and ended
  std::size_t overlapping_ = 0;  // tasks of requests that overlap
  bool writing_ = false;
  bool reading_ = false;            // a read holds the buffer
  std::size_t frames_of_read_ = 0;  // whole frames that the last read brought
  bool draining_ = false;
  bool closed_ = false;
  Instant last_active_, last_read_{};
  Instant write_began_;
  runtime::Event progress_;  // a reply was sent, a task of ours ended, or we closed
};

}  // namespace cairn::transport
