// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/post.hpp>

#include <cairn/base/log.hpp>
#include <cairn/transport/connection.hpp>

namespace cairn::transport {

using runtime::Task;

namespace {

/// A connection that has been quiet so long gives its buffer back.
constexpr Duration quiet_after = std::chrono::seconds(1);

}  // namespace

Connection::Connection(runtime::Shard& shard, runtime::TaskGroup& tasks,
                       std::unique_ptr<runtime::Stream> stream, std::unique_ptr<Session> session,
                       RequestMemory& memory, const ConnectionLimits& limits)
    : shard_(shard),
      tasks_(tasks),
      stream_(std::move(stream)),
      session_(std::move(session)),
      memory_(memory),
      limits_(limits),
      frames_(limits.max_request_bytes, &memory.blocks()),
      last_active_(shard.clock().now()) {}

Connection::~Connection() = default;

Task<> Connection::run() {
  while (!closed_ && !draining_) {
    if (!co_await serve_frames() || draining_) break;
    if (!co_await read_more()) break;
  }
  draining_ = true;
  frames_.release();
  // What is in progress refers to this object: wait for it, cancelled or not.
  while (overlapping_ > 0 || writing_ || (!replies_.empty() && !closed_)) {
    if (!co_await progress_.wait()) {
      close();  // cancelled: the tasks end on their own
      runtime::Waiter turn;
      const runtime::Timer pause(shard_.clock(), turn,
                                 shard_.clock().now() + std::chrono::milliseconds(1));
      co_await turn.suspend(runtime::Cancellation::ignored);
    }
  }
  close();
}

/// False: the peer has ended or broken the connection, or nothing more is to be read.
Task<bool> Connection::read_more() {
  if (!co_await memory_.wait_for_room()) co_return false;
  // A client that sends one request at a time is waited for without a buffer: others use it
  // meanwhile. A large one is kept until the connection has been quiet for a while.
  const bool one_by_one = frames_of_read_ == 1 && frames_.capacity() <= FrameBuffer::block_size;
  if (is_quiet() && (one_by_one || frames_of_read_ == 0)) {
    frames_.release();
    const Result<> readable = co_await stream_->wait_readable();
    if (!readable || draining_) co_return false;
  }
  frames_of_read_ = 0;
  const MutableBytes space = frames_.space();
  reading_ = true;
  const Result<std::size_t> read = co_await stream_->read_some(space);
  reading_ = false;
  if (!read)
    co_return is_quiet() && !closed_ && !draining_ && runtime::is_interrupted(read.error());
  if (*read == 0) co_return false;
  frames_.filled(*read);
  last_read_ = last_active_ = shard_.clock().now();
  co_return true;
}

/// Whether it could wait without its buffer.
bool Connection::is_quiet() const { return frames_.empty() && replies_.empty() && !writing_; }

/// Serves every whole frame. False: the connection is to be closed.
Task<bool> Connection::serve_frames() {
  for (;;) {
    const Result<std::optional<Frame>> next = frames_.next();
    if (!next) {
      const runtime::Endpoint peer = stream_->peer();
      logging::warn("closing connection client={}: {}", to_string(peer), next.error().why);
      co_return false;
    }
    if (!*next) co_return true;
    const std::size_t bytes = (*next)->bytes.size();
    ++frames_of_read_;
    if (!co_await wait_for_room(bytes)) co_return false;

    auto owned = std::make_unique<Exchange>();
    Exchange& exchange = *owned;
    exchange.request = **next;
    exchange.request.received = last_read_;
    exchange.request_bytes = bytes;
    replies_.push_back(std::move(owned));
    pipelined_bytes_ += bytes;
    ++steps_;
    memory_.take(bytes);
    if (session_->may_overlap(exchange.request)) {
      ++overlapping_;
      tasks_.spawn(serve_overlapping(exchange));
      if (!co_await exchange.next_may_start.wait()) co_return false;
    } else {
      co_await serve(exchange);
    }
    if (closed_ || draining_) co_return !closed_;
  }
}

bool Connection::below_limits(std::size_t request_bytes) const {
  if (replies_.empty()) return true;
  return replies_.size() < limits_.max_requests_in_flight &&
         pipelined_bytes_ + request_bytes <= limits_.max_pipelined_bytes;
}

Task<bool> Connection::wait_for_room(std::size_t request_bytes) {
  while (!below_limits(request_bytes)) {
    if (closed_ || !co_await progress_.wait()) co_return false;
  }
  co_return !closed_;
}

Task<> Connection::serve(Exchange& exchange) {
  Reply reply = co_await session_->serve(exchange.request, exchange.next_may_start);
  finish(exchange, std::move(reply));
  if (writing_ || !replies_.front()->reply) co_return;
  writing_ = true;
  if (frames_.has_frame()) {
    tasks_.spawn(write_replies());  // it may have company by then, and the next one may take long
  } else {
    co_await write_replies();
  }
}

Task<> Connection::serve_overlapping(Exchange& exchange) {
  Reply reply = co_await session_->serve(exchange.request, exchange.next_may_start);
  exchange.next_may_start.set();
  finish(exchange, std::move(reply));
  if (!writing_ && !replies_.empty() && replies_.front()->reply) {
    writing_ = true;
    co_await let_others_catch_up();
    co_await write_replies();
  }
  --overlapping_;
  progress_.set();
}

/// Requests of the same read, or of the same flush, are ready a few turns after this one: one write
/// then takes all their replies. Ends when nothing has begun or ended for some turns.
Task<> Connection::let_others_catch_up() {
  for (int still = 0; still < 3 && pipelined_bytes_ < limits_.max_pipelined_bytes; ++still) {
    const std::uint64_t before = steps_;
    co_await boost::asio::post(runtime::use_task);
    if (steps_ != before) still = 0;
  }
}

/// The reply is ready; it leaves once all before it have left.
void Connection::finish(Exchange& exchange, Reply reply) {
  ++steps_;
  memory_.give_back(exchange.request_bytes);
  pipelined_bytes_ -= exchange.request_bytes;
  exchange.request = {};
  exchange.reply_bytes = reply.frame ? reply.frame->size() : 0;
  pipelined_bytes_ += exchange.reply_bytes;
  if (reply.close) draining_ = true;
  exchange.reply = std::move(reply);
  last_active_ = shard_.clock().now();
}

/// Sends the replies that are ready, and those that become so meanwhile. REQUIRES: writing_ is
/// ours.
Task<> Connection::write_replies() {
  std::vector<std::unique_ptr<Exchange>> leaving;
  std::vector<BytesView> parts;
  while (!closed_ && !replies_.empty() && replies_.front()->reply) {
    leaving.clear();
    parts.clear();
    bool last = false;
    std::size_t bytes = 0;
    while (!last && leaving.size() < replies_.size() && replies_[leaving.size()]->reply) {
      std::unique_ptr<Exchange>& exchange = replies_[leaving.size()];
      if (exchange->reply->frame) exchange->reply->frame->append_chunks(parts);
      last = exchange->reply->close;
      bytes += exchange->reply_bytes;
      leaving.push_back(std::move(exchange));
    }
    replies_.erase(replies_.begin(),
                   replies_.begin() + static_cast<std::ptrdiff_t>(leaving.size()));
    write_began_ = shard_.clock().now();
    const Result<> written = parts.empty() ? Result<>{} : co_await stream_->write(parts);
    pipelined_bytes_ -= bytes;
    last_active_ = shard_.clock().now();
    if (!written || last) close();
    progress_.set();
  }
  writing_ = false;
  progress_.set();
}

void Connection::drain() {
  draining_ = true;
  if (replies_.empty() && !writing_) {
    close();
  } else if (reading_) {
    stream_->interrupt_read();
  }
}

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  stream_->close();
  progress_.set();
}

void Connection::look_after(Instant now) {
  if (closed_) return;
  if (writing_) {
    if (now - write_began_ > limits_.write_timeout) {
      logging::warn("closing connection client={}: it takes no bytes", to_string(stream_->peer()));
      close();
    }
    return;
  }
  if (!replies_.empty()) return;  // it waits for us, not we for it
  if (now - last_active_ > limits_.max_idle) return close();
  if (reading_ && is_quiet() && now - last_active_ > quiet_after) stream_->interrupt_read();
}

}  // namespace cairn::transport
