// SPDX-License-Identifier: Apache-2.0
#include "sim_network.hpp"

#include <algorithm>

namespace cairn::world {

using runtime::Endpoint;
using runtime::Task;

namespace {

std::unexpected<Error> broken(const char* why) { return fail(ErrorCode::network_exception, why); }

bool is_own(const std::string& host) {
  return host.empty() || host == "localhost" || host == "127.0.0.1" || host == "0.0.0.0";
}

}  // namespace

class SimStream : public runtime::Stream {
 public:
  SimStream(SimFabric& fabric, runtime::Clock& clock, std::shared_ptr<Pipe> in,
            std::shared_ptr<Pipe> out, Endpoint local, Endpoint peer)
      : fabric_(fabric),
        clock_(clock),
        in_(std::move(in)),
        out_(std::move(out)),
        local_(std::move(local)),
        peer_(std::move(peer)) {}
  ~SimStream() override { SimStream::close(); }

  Task<Result<std::size_t>> read_some(MutableBytes into) override {
    interrupted_ = false;
    CO_TRY(co_await wait_readable());
    Pipe::Segment& first = in_->segments.front();
    if (first.bytes.empty()) co_return std::size_t{0};
    const std::size_t count = std::min(into.size(), first.bytes.size() - first.taken);
    std::copy_n(first.bytes.begin() + static_cast<std::ptrdiff_t>(first.taken), count,
                into.begin());
    first.taken += count;
    in_->in_flight -= count;
    if (first.taken == first.bytes.size()) in_->segments.pop_front();
    in_->writable.set();
    co_return count;
  }

  Task<Result<>> wait_readable() override {
    for (;;) {
      if (co_await runtime::cancelled()) co_return broken("the task was cancelled");
      if (closed_) co_return broken("the connection was closed");
      if (in_->reset) co_return broken("the connection was reset");
      if (std::exchange(interrupted_, false)) {
        co_return fail(ErrorCode::network_exception, runtime::interrupted_reason);
      }
      const bool cut = fabric_.is_cut(in_->from, in_->to);
      if (in_->segments.empty() || cut) {
        co_await in_->readable.wait();
      } else if (in_->segments.front().arrives > clock_.now()) {
        co_await in_->readable.wait_until(clock_, in_->segments.front().arrives);
      } else if (in_->segments.front().broken) {
        co_return broken("the connection was reset");
      } else {
        co_return Result<>{};
      }
    }
  }

  void interrupt_read() override {
    interrupted_ = true;
    in_->readable.set();
  }

  Task<Result<>> write(std::span<const BytesView> parts) override {
    for (BytesView part : parts) {
      while (!part.empty()) {
        if (co_await runtime::cancelled()) co_return broken("the task was cancelled");
        if (closed_ || !writable()) co_return broken("the connection was reset");
        if (out_->in_flight >= Pipe::window) {
          co_await out_->writable.wait();
          continue;
        }
        const std::size_t count = std::min(part.size(), Pipe::window - out_->in_flight);
        fabric_.send(*out_, clock_.now(), part.first(count));
        part = part.subspan(count);
      }
    }
    if (closed_ || !writable()) co_return broken("the connection was reset");
    co_return Result<>{};
  }

  void close() override {
    if (std::exchange(closed_, true)) return;
    if (!out_->ended) {
      out_->ended = true;
      fabric_.send(*out_, clock_.now(), {});
    }
    in_->ended = true;
    in_->readable.set();
    in_->writable.set();
    out_->writable.set();
  }

  Endpoint peer() const override { return peer_; }
  Endpoint local() const override { return local_; }

 private:
  bool writable() const { return !out_->reset && !out_->ended && !out_->severed; }

  SimFabric& fabric_;
  runtime::Clock& clock_;
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  Endpoint local_;
  Endpoint peer_;
  bool closed_ = false;
  bool interrupted_ = false;
};

class SimListener : public runtime::Listener {
 public:
  SimListener(SimFabric& fabric, runtime::Clock& clock, Endpoint key, Endpoint shown)
      : fabric_(fabric), clock_(clock), key_(std::move(key)), shown_(std::move(shown)) {
    fabric_.listeners_[key_] = this;
  }
  ~SimListener() override { SimListener::close(); }

  Task<Result<std::unique_ptr<runtime::Stream>>> accept() override {
    while (arrived_.empty() && !closed_) {
      if (!co_await came_.wait()) break;
    }
    if (closed_ || arrived_.empty()) co_return broken("the listener was closed");
    auto [in, out, peer] = std::move(arrived_.front());
    arrived_.pop_front();
    co_return std::make_unique<SimStream>(fabric_, clock_, in, out, shown_, peer);
  }

  Endpoint local() const override { return shown_; }

  void close() override {
    if (std::exchange(closed_, true)) return;
    fabric_.listeners_.erase(key_);
    for (auto& arrival : arrived_) {
      arrival.in->reset = arrival.out->reset = true;
      arrival.in->readable.set();
      arrival.out->readable.set();
    }
    arrived_.clear();
    came_.set();
  }

  struct Arrival {
    std::shared_ptr<Pipe> in;
    std::shared_ptr<Pipe> out;
    Endpoint peer;
  };
  void arrive(Arrival arrival) {
    arrived_.push_back(std::move(arrival));
    came_.set();
  }

 private:
  SimFabric& fabric_;
  runtime::Clock& clock_;
  Endpoint key_;
  Endpoint shown_;
  std::deque<Arrival> arrived_;
  bool closed_ = false;
  runtime::Event came_;
};

class SimNetwork : public runtime::Network {
 public:
  SimNetwork(SimFabric& fabric, std::string host, runtime::Clock& clock)
      : fabric_(fabric), host_(std::move(host)), clock_(clock) {}

  Task<Result<std::unique_ptr<runtime::Listener>>> listen(Endpoint at) override {
    Endpoint key{host_, at.port};
    if (key.port == 0) key.port = fabric_.next_port_++;
    if (fabric_.listeners_.contains(key)) co_return broken("the port is in use");
    const Endpoint shown{at.host.empty() ? host_ : at.host, key.port};
    co_return std::make_unique<SimListener>(fabric_, clock_, key, shown);
  }

  Task<Result<std::unique_ptr<runtime::Stream>>> connect(Endpoint to) override {
    const Endpoint key{is_own(to.host) ? host_ : to.host, to.port};
    const auto delay = fabric_.random_.between(fabric_.conditions_.least_delay.count(),
                                               fabric_.conditions_.most_delay.count());
    if (!co_await clock_.sleep_for(Duration(delay))) co_return broken("the task was cancelled");
    if (fabric_.is_cut(host_, key.host)) {
      co_await clock_.sleep_for(fabric_.conditions_.connect_timeout);
      co_return broken("the node does not answer at this address");
    }
    const auto found = fabric_.listeners_.find(key);
    if (found == fabric_.listeners_.end()) co_return broken(runtime::refused_reason);
    auto there = std::make_shared<Pipe>();
    auto back = std::make_shared<Pipe>();
    there->from = back->to = host_;
    there->to = back->from = key.host;
    there->back = back;
    back->back = there;
    fabric_.pipes_.push_back(there);
    fabric_.pipes_.push_back(back);
    const Endpoint local{host_, fabric_.next_port_++};
    found->second->arrive({there, back, local});
    co_return std::make_unique<SimStream>(fabric_, clock_, back, there, local, to);
  }

 private:
  SimFabric& fabric_;
  std::string host_;
  runtime::Clock& clock_;
};

std::unique_ptr<runtime::Network> SimFabric::make_network(const std::string& host,
                                                          runtime::Clock& clock) {
  return std::make_unique<SimNetwork>(*this, host, clock);
}

void SimFabric::send(Pipe& pipe, Instant now, BytesView bytes) {
  if (pipe.forgotten) {
    pipe.in_flight += bytes.size();
    return;
  }
  if (pipe.breaks_after && *pipe.breaks_after <= bytes.size()) {
    bytes = bytes.first(*pipe.breaks_after);
    if (!bytes.empty()) deliver(pipe, now, bytes);
    sever(pipe, now);
    if (const auto back = pipe.back.lock()) sever(*back, now);
    return;
  }
  if (pipe.breaks_after) *pipe.breaks_after -= bytes.size();
  deliver(pipe, now, bytes);
}

void SimFabric::sever(Pipe& pipe, Instant now) {
  pipe.breaks_after.reset();
  pipe.severed = true;
  pipe.last_arrival = std::max(pipe.last_arrival, now + conditions_.least_delay);
  pipe.segments.push_back({.arrives = pipe.last_arrival, .bytes = {}, .broken = true});
  pipe.readable.set();
  pipe.writable.set();
}

void SimFabric::deliver(Pipe& pipe, Instant now, BytesView bytes) {
  do {
    const std::size_t most = std::min(bytes.size(), conditions_.largest_chunk);
    const std::size_t count = most == 0 ? 0 : 1 + random_.below(most);
    const auto delay =
        random_.between(conditions_.least_delay.count(), conditions_.most_delay.count());
    pipe.last_arrival = std::max(pipe.last_arrival, now + Duration(delay));
    pipe.segments.push_back({.arrives = pipe.last_arrival, .bytes = to_bytes(bytes.first(count))});
    pipe.in_flight += count;
    bytes = bytes.subspan(count);
  } while (!bytes.empty());
  pipe.readable.set();
}

void SimFabric::cut(const std::string& a, const std::string& b) {
  cuts_.insert({a, b});
  cuts_.insert({b, a});
}

void SimFabric::cut_one_way(const std::string& from, const std::string& to) {
  cuts_.insert({from, to});
}

void SimFabric::forget_between(const std::string& a, const std::string& b) {
  for (const auto& weak : pipes_) {
    const auto pipe = weak.lock();
    const bool between =
        pipe && ((pipe->from == a && pipe->to == b) || (pipe->from == b && pipe->to == a));
    if (between) pipe->forgotten = true;
  }
}

void SimFabric::reset_after(const std::string& from, const std::string& to, std::size_t bytes) {
  for (const auto& weak : pipes_) {
    const auto pipe = weak.lock();
    if (pipe && pipe->from == from && pipe->to == to && !pipe->ended) pipe->breaks_after = bytes;
  }
}

void SimFabric::heal(const std::string& a, const std::string& b) {
  cuts_.erase({a, b});
  cuts_.erase({b, a});
  wake_all();
}

void SimFabric::heal_all() {
  cuts_.clear();
  wake_all();
}

bool SimFabric::is_cut(const std::string& from, const std::string& to) const {
  return cuts_.contains({from, to});
}

void SimFabric::wake_all() {
  std::erase_if(pipes_, [](const auto& pipe) { return pipe.expired(); });
  for (const auto& pipe : pipes_) {
    if (const auto alive = pipe.lock()) alive->readable.set();
  }
}

void SimFabric::reset_between(const std::string& a, const std::string& b) {
  for (const auto& weak : pipes_) {
    const auto pipe = weak.lock();
    if (!pipe) continue;
    const bool between = (pipe->from == a && pipe->to == b) || (pipe->from == b && pipe->to == a);
    if (!between) continue;
    pipe->reset = true;
    pipe->readable.set();
    pipe->writable.set();
  }
}

void SimFabric::reset_host(const std::string& host) {
  std::set<std::string> peers;
  for (const auto& weak : pipes_) {
    const auto pipe = weak.lock();
    if (pipe && pipe->from == host) peers.insert(pipe->to);
  }
  for (const std::string& peer : peers) reset_between(host, peer);
}

std::size_t SimFabric::connections_of(const std::string& host) const {
  return static_cast<std::size_t>(std::ranges::count_if(pipes_, [&](const auto& weak) {
    const auto pipe = weak.lock();
    return pipe && pipe->from == host && !pipe->ended;
  }));
}

void SimFabric::silence_host(const std::string& host) {
  // Nothing more comes from it; a process that starts there later knows none of these streams.
  for (const auto& weak : pipes_) {
    const auto pipe = weak.lock();
    if (pipe && pipe->from == host) pipe->ended = true;
  }
}

}  // namespace cairn::world
