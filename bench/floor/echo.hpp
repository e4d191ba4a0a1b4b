// SPDX-License-Identifier: Apache-2.0
// Frames over loopback: a client keeps a window of requests in flight, a server answers each. Both
// sides are a thread and a connected socket; CPU is counted a side.
#pragma once

#include <functional>

#include "common/measure.hpp"
#include "common/socket.hpp"

namespace cairn::bench {

struct Exchange {
  std::size_t request_size = 0;  // the 4 bytes of its length included
  std::size_t response_size = 64;
  std::size_t in_flight = 1;
  std::uint64_t requests = 0;
  int file = -1;  // responses are read from this file, piece after piece; -1: from memory
  std::uint64_t file_size = 0;
};

struct ExchangeResult {
  double seconds = 0;
  double server_cpu = 0;
  double client_cpu = 0;
  Samples round_trips;
};

/// What the server does with the requests of one read, before it answers them.
using Work = std::function<void(BytesView frames)>;

/// Runs the exchange. The server takes all whole frames of a read at once and answers them in one
/// write, as Cairn does.
ExchangeResult run_exchange(const Exchange& exchange, const Work& work);

}  // namespace cairn::bench
