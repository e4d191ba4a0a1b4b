// SPDX-License-Identifier: Apache-2.0
// What a server does with the frames of one connection; transport knows nothing else of it.
// Requests of a connection are served one after another, in order, and so are the replies; a
// request that overlaps lets the next one start early (its Latch) while its own reply is still to
// come. Owner: the Connection owns its Session; the Service outlives all of them.
#pragma once

#include <memory>
#include <optional>

#include <cairn/protocol/writer.hpp>
#include <cairn/runtime/event.hpp>
#include <cairn/runtime/network.hpp>
#include <cairn/transport/frame.hpp>

namespace cairn::transport {

/// What becomes of a request.
struct Reply {
  std::optional<protocol::OutgoingFrame> frame;  // with its length; none: nothing is sent
  /// Close the connection once the replies up to this one are sent.
  bool close = false;

  static Reply none() { return {}; }
  static Reply closing() { return {.frame = std::nullopt, .close = true}; }
};

class Session {
 public:
  virtual ~Session() = default;

  /// Whether the request may let the next one start before its reply is ready. Such a request runs
  /// in a task of its own.
  virtual bool may_overlap(const Frame& request) const = 0;
  /// `next_may_start` is for requests that may overlap: set it once the order of what they did is
  /// fixed. It is set for them when serve returns. Both arguments live until then.
  virtual runtime::Task<Reply> serve(Frame request, runtime::Latch& next_may_start) = 0;
};

class Service {
 public:
  virtual ~Service() = default;

  virtual std::unique_ptr<Session> open_session(const runtime::Endpoint& peer) = 0;
};

}  // namespace cairn::transport
