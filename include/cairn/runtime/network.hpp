// SPDX-License-Identifier: Apache-2.0
// The seam to the network: byte streams, as TCP gives them. A Stream is used by at most one reader
// and one writer at a time, on one shard. A cancelled task's operation fails with
// NETWORK_EXCEPTION. close() ends pending operations with an error; streams and listeners close
// when destroyed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <cairn/base/bytes.hpp>
#include <cairn/base/result.hpp>
#include <cairn/runtime/task.hpp>

namespace cairn::runtime {

struct Endpoint {
  std::string host;  // name or address, without brackets
  std::uint16_t port = 0;

  auto operator<=>(const Endpoint&) const = default;
};

/// "127.0.0.1:9092", "[::1]:9092".
std::string to_string(const Endpoint& endpoint);

class Stream {
 public:
  virtual ~Stream() = default;

  /// What has arrived, at least one byte, up to the size of `into`. 0: the peer has ended its side.
  virtual Task<Result<std::size_t>> read_some(MutableBytes into) = 0;
  /// Returns when read_some would not wait (bytes, end or error), so that an idle connection holds
  /// no buffer.
  virtual Task<Result<>> wait_readable() = 0;
  /// Makes a pending read_some fail with `interrupted`; the stream stays usable.
  virtual void interrupt_read() = 0;
  /// Writes all parts in order, or fails. Any number of parts.
  virtual Task<Result<>> write(std::span<const BytesView> parts) = 0;
  virtual void close() = 0;
  virtual Endpoint peer() const = 0;
  virtual Endpoint local() const = 0;
};

inline constexpr const char interrupted_reason[] = "the read was interrupted";
inline bool is_interrupted(const Error& error) { return error.why == interrupted_reason; }
/// The reason of a connect() that every address of the node refused: its machine is there, and
/// nothing listens. Any other failure says nothing of the process.
inline constexpr const char refused_reason[] = "the connection was refused";
inline bool is_refused(const Error& error) { return error.why == refused_reason; }

class Listener {
 public:
  virtual ~Listener() = default;

  /// Fails when closed or cancelled; passing failures (no descriptors left) are waited out inside.
  virtual Task<Result<std::unique_ptr<Stream>>> accept() = 0;
  /// With the port that was really bound.
  virtual Endpoint local() const = 0;
  virtual void close() = 0;
};

class Network {
 public:
  virtual ~Network() = default;

  /// An empty host is every address; port 0 lets the system choose.
  virtual Task<Result<std::unique_ptr<Listener>>> listen(Endpoint at) = 0;
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Endpoint to) = 0;
};

}  // namespace cairn::runtime
