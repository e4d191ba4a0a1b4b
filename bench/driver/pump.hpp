// SPDX-License-Identifier: Apache-2.0
// Drives many connections from one thread: each sends frames as they lie, keeps up to a window of
// them in flight and hands over the answers in order. Non-blocking sockets under one epoll.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "common/measure.hpp"
#include "common/socket.hpp"

namespace cairn::bench {

/// What a connection sends and what becomes of the answers.
class Lane {
 public:
  virtual ~Lane() = default;
  /// The next frame, or null if there is none now (ask again after an answer, or at wake_at). It
  /// stays as it is until sent() is called.
  virtual Bytes* next(std::int64_t now) = 0;
  /// All of the frame from next() went to the kernel.
  virtual void sent() {}
  /// A response without its length; `sent_at` is when next() gave its request.
  virtual void answered(BytesView response, std::int64_t sent_at, std::int64_t now) = 0;
  /// When next() will have a frame although nothing is answered; nothing for never.
  virtual std::optional<std::int64_t> wake_at() const { return std::nullopt; }
  /// Whether an answer follows each frame (not with acks=0).
  virtual bool expects_answers() const { return true; }
};

class Pump {
 public:
  /// How to wait less than a millisecond. Spinning is punctual, and takes a core from the server.
  enum class Waiting : std::uint8_t { spinning, asleep };

  explicit Pump(Waiting waiting = Waiting::spinning);
  ~Pump();

  void add(Descriptor socket, std::size_t window, Lane& lane);
  /// Runs until done() is true and, if `drain`, nothing is in flight; done is asked once a round.
  void run(const std::function<bool()>& done, bool drain = true);

 private:
  struct Connection;

  void fill(Connection& connection);
  void flush(Connection& connection);
  void receive(Connection& connection);
  void hand_over(Connection& connection);
  std::int64_t timeout_ns() const;

  Waiting waiting_;
  Descriptor epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  bool sending_ = true;
};

}  // namespace cairn::bench
