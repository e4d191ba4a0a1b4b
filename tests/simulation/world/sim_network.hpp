// SPDX-License-Identifier: Apache-2.0
// The simulated network: byte streams between named hosts, with delay, arbitrary chunks, bounded
// windows, resets and partitions. Bytes of a stream arrive in order; while two hosts are cut off
// from each other nothing arrives, and what was on its way arrives after the cut is healed, as with
// TCP. Owner: the World. A stream is two pipes that both ends hold.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <cairn/base/random.hpp>
#include <cairn/runtime/event.hpp>
#include <cairn/runtime/network.hpp>

namespace cairn::world {

/// One direction of a stream.
struct Pipe {
  static constexpr std::size_t window = 256 * 1024;

  struct Segment {
    Instant arrives;
    Bytes bytes;          // empty: the end of the stream
    bool broken = false;  // or its breaking
    std::size_t taken = 0;
  };

  std::string from;
  std::string to;
  std::deque<Segment> segments;
  std::size_t in_flight = 0;
  Instant last_arrival{};
  bool reset = false;
  bool ended = false;      // nothing more is written
  bool severed = false;    // who writes is told so; who reads finds it behind what had been sent
  bool forgotten = false;  // what is sent goes nowhere, and nobody is told
  std::optional<std::size_t> breaks_after;  // that many bytes more
  std::weak_ptr<Pipe> back;
  runtime::Event readable;
  runtime::Event writable;
};

struct NetworkConditions {
  Duration least_delay = std::chrono::microseconds(50);
  Duration most_delay = std::chrono::milliseconds(2);
  std::size_t largest_chunk = 16 * 1024;
  Duration connect_timeout = std::chrono::seconds(20);  // towards a host that is cut off or off
};

class SimFabric {
 public:
  explicit SimFabric(Random random) : random_(random) {}

  std::unique_ptr<runtime::Network> make_network(const std::string& host, runtime::Clock& clock);
  NetworkConditions& conditions() { return conditions_; }

  /// Nothing passes between two hosts, in both directions, until heal.
  void cut(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);
  void heal_all();
  bool is_cut(const std::string& from, const std::string& to) const;

  /// Breaks every connection between two hosts; both sides notice.
  void reset_between(const std::string& a, const std::string& b);
  /// Breaks each of their connections after this many more bytes in one direction: in the middle of
  /// a frame, mostly. What was sent before still arrives.
  void reset_after(const std::string& from, const std::string& to, std::size_t bytes);
  /// Nothing passes from one to the other, until heal; the other way is open.
  void cut_one_way(const std::string& from, const std::string& to);
  /// Their connections of now are dead, and neither side is told (half-open).
  void forget_between(const std::string& a, const std::string& b);
  /// The process died: peers notice.
  void reset_host(const std::string& host);
  /// For checkers: streams that a host holds, also those whose other end is gone.
  std::size_t connections_of(const std::string& host) const;
  /// The machine lost power: peers notice nothing.
  void silence_host(const std::string& host);

 private:
  friend class SimStream;
  friend class SimListener;
  friend class SimNetwork;

  void send(Pipe& pipe, Instant now, BytesView bytes);
  void deliver(Pipe& pipe, Instant now, BytesView bytes);
  void sever(Pipe& pipe, Instant now);
  void wake_all();

  Random random_;
  NetworkConditions conditions_;
  std::map<runtime::Endpoint, class SimListener*> listeners_;
  std::vector<std::weak_ptr<Pipe>> pipes_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::uint16_t next_port_ = 30000;
};

}  // namespace cairn::world
