// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>

#include <cairn/base/log.hpp>
#include <cairn/transport/peer.hpp>

namespace cairn::transport {

using runtime::Task;

namespace {

/// Who has said something so lately is slow, not gone: it keeps its connection.
constexpr Duration lively = std::chrono::seconds(1);

std::unexpected<Error> not_connected() {
  return fail(ErrorCode::network_exception, "the node cannot be reached");
}
std::unexpected<Error> timed_out() {
  return fail(ErrorCode::request_timed_out, "the node did not answer in time");
}
std::unexpected<Error> stopped() {
  return fail(ErrorCode::network_exception, "the connection was closed");
}

}  // namespace

/// Lives in the frame of the call that waits.
struct Peer::Pending {
  Pending(protocol::ApiKey of, std::int16_t at) : key(of), version(at) {}

  protocol::ApiKey key;
  std::int16_t version;
  Result<Frame> reply = std::unexpected(Error{});
  bool done = false;
  runtime::Event ended;
};

struct Peer::Link {
  explicit Link(std::unique_ptr<runtime::Stream> connected, std::size_t max_response_bytes)
      : stream(std::move(connected)), frames(max_response_bytes) {}

  std::unique_ptr<runtime::Stream> stream;
  FrameBuffer frames;
  std::map<std::int32_t, Pending*> pending;  // by correlation id; null: abandoned
  std::deque<protocol::OutgoingFrame> unsent;
  runtime::Event has_unsent;
  runtime::Event has_room;
  Instant heard{};
  bool broken = false;
};

Peer::Peer(runtime::Shard& shard, runtime::Network& network, runtime::Endpoint endpoint,
           PeerOptions options)
    : shard_(shard),
      network_(network),
      endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      tasks_(shard.context()) {}

Peer::~Peer() = default;

Result<std::int16_t> Peer::common_version(protocol::ApiKey key, protocol::VersionRange ours) const {
  const auto theirs = advertised_.find(key);
  if (theirs == advertised_.end()) {
    return fail(ErrorCode::unsupported_version, "the node does not have this API");
  }
  const std::int16_t highest = std::min(ours.max, theirs->second.max);
  if (highest < std::max(ours.min, theirs->second.min)) {
    return fail(ErrorCode::unsupported_version, "the node has no version of this API in common");
  }
  return highest;
}

Task<Result<>> Peer::ready(Instant deadline) {
  std::uint64_t own = 0;  // the dial that this call began
  while (!stopped_) {
    if (connecting_) {
      if (co_await connect_ended_.wait_until(shard_.clock(), deadline)) continue;
      co_return own == dials_ ? not_connected() : timed_out();
    }
    if (link_) co_return Result<>{};
    if (own != 0 && own == dials_) {
      if (dialled_) co_return not_connected();  // it broke at once
      co_return dialled_;
    }
    const Instant now = shard_.clock().now();
    if (next_attempt_ > now) {
      if (next_attempt_ > deadline) co_return not_connected();
      if (!co_await shard_.clock().sleep_until(next_attempt_)) co_return stopped();
      continue;
    }
    connecting_ = true;
    own = ++dials_;
    tasks_.spawn(dial());
  }
  co_return stopped();
}

Task<> Peer::dial() {
  const Result<> dialled = co_await connect();
  note_dial(dialled);
  connecting_ = false;
  connect_ended_.set();
}

/// Where the next one finds its pause and its patience.
void Peer::note_dial(const Result<>& dialled) {
  dialled_ = dialled;
  if (dialled) {
    backoff_ = patience_ = Duration::zero();
    return;
  }
  // Twice as long each time, and a fifth to either side so that a crowd spreads out.
  backoff_ = std::clamp(backoff_ * 2, options_.backoff_first, options_.backoff_limit);
  const auto jitter = backoff_.count() / 5;
  next_attempt_ =
      shard_.clock().now() + backoff_ + Duration(shard_.random().between(-jitter, jitter));
}

namespace {

struct Attempt {
  Result<std::unique_ptr<runtime::Stream>> stream = std::unexpected(Error{});
  runtime::Latch done;
};

Task<> attempt_to_connect(runtime::Network& network, runtime::Endpoint to, Attempt& attempt) {
  attempt.stream = co_await network.connect(std::move(to));
  attempt.done.set();
}

}  // namespace

Task<Result<>> Peer::connect() {
  const Duration limit = std::max(options_.connect_timeout, options_.connect_timeout_limit);
  const Duration patience = std::clamp(patience_, options_.connect_timeout, limit);
  patience_ = patience * 2;
  Attempt attempt;
  {
    runtime::TaskGroup connecting(shard_.context());
    connecting.spawn(attempt_to_connect(network_, endpoint_, attempt));
    const Instant deadline = shard_.clock().now() + patience;
    const bool in_time = co_await attempt.done.wait_until(shard_.clock(), deadline);
    if (!in_time) connecting.cancel();
    co_await connecting.join();
    if (!in_time) co_return not_connected();
  }
  if (stopped_) co_return stopped();
  if (!attempt.stream) {
    patience_ = patience;  // it did answer
    co_return std::unexpected(attempt.stream.error());
  }
  link_ = std::make_shared<Link>(*std::move(attempt.stream), options_.max_response_bytes);
  const std::shared_ptr<Link> link = link_;
  tasks_.spawn(read_loop(link));
  tasks_.spawn(write_loop(link));
  const Result<> negotiated = co_await negotiate(shard_.clock().now() + patience);
  if (!negotiated) break_link(link, negotiated.error());
  co_return negotiated;
}

/// ApiVersions in our newest version; a node that does not know that answers in version 0.
Task<Result<>> Peer::negotiate(Instant deadline) {
  using Request = protocol::ApiVersionsRequest;
  std::int16_t version = Request::versions.max;
  for (;;) {
    Request request;
    request.client_software_name = options_.software_name;
    request.client_software_version = options_.software_version;
    const std::int32_t id = next_correlation_id();
    protocol::Writer writer;
    const std::size_t length = writer.reserve_length();
    protocol::write_request_header(writer, Request::api_key, version, id, options_.client_id);
    write(writer, request, version);
    writer.set_length(length);
    protocol::OutgoingFrame frame = std::move(writer).finish();
    CO_TRY(const Frame body,
           co_await exchange(Request::api_key, version, id, std::move(frame), deadline));
    auto response = protocol::decode<protocol::ApiVersionsResponse>(body.bytes, version);
    if (!response && version > 0)
      response = protocol::decode<protocol::ApiVersionsResponse>(body.bytes, 0);
    if (!response) co_return std::unexpected(response.error());
    if (response->error_code == ErrorCode::unsupported_version && version > 0) {
      std::int16_t highest = 0;
      for (const auto& api : response->api_keys) {
        if (api.api_key == static_cast<std::int16_t>(Request::api_key)) highest = api.max_version;
      }
      version = std::clamp<std::int16_t>(highest, 0, static_cast<std::int16_t>(version - 1));
      continue;
    }
    if (response->error_code != ErrorCode::none) {
      co_return fail(response->error_code, "the node refused ApiVersions");
    }
    advertised_.clear();
    for (const auto& api : response->api_keys) {
      advertised_[static_cast<protocol::ApiKey>(api.api_key)] = {api.min_version, api.max_version};
    }
    api_versions_ = *std::move(response);
    co_return Result<>{};
  }
}

Task<Result<Frame>> Peer::exchange(protocol::ApiKey key, std::int16_t version,
                                   std::int32_t correlation_id, protocol::OutgoingFrame frame,
                                   Instant deadline) {
  const std::shared_ptr<Link> link = link_;
  if (!link) co_return not_connected();
  while (!link->broken && link->pending.size() >= options_.max_in_flight) {
    if (!co_await link->has_room.wait_until(shard_.clock(), deadline)) co_return timed_out();
  }
  if (link->broken) co_return not_connected();
  Pending pending(key, version);
  link->pending.emplace(correlation_id, &pending);
  link->unsent.push_back(std::move(frame));
  link->has_unsent.set();
  while (!pending.done) {
    if (co_await pending.ended.wait_until(shard_.clock(), deadline)) continue;
    if (pending.done) break;
    link->pending[correlation_id] = nullptr;  // its reply may still come: nobody waits for it
    const Instant now = shard_.clock().now();
    if (now < deadline) co_return stopped();
    if (now - link->heard >= lively) break_link(link, timed_out().error());
    co_return timed_out();
  }
  co_return std::move(pending.reply);
}

Task<Result<>> Peer::transmit(protocol::OutgoingFrame frame, Instant deadline) {
  const std::shared_ptr<Link> link = link_;
  if (!link) co_return not_connected();
  while (!link->broken && link->unsent.size() >= options_.max_in_flight) {
    if (!co_await link->has_room.wait_until(shard_.clock(), deadline)) co_return timed_out();
  }
  if (link->broken) co_return not_connected();
  link->unsent.push_back(std::move(frame));
  link->has_unsent.set();
  co_return Result<>{};
}

Task<> Peer::write_loop(std::shared_ptr<Link> link) {
  std::vector<BytesView> parts;
  while (!link->broken) {
    if (link->unsent.empty()) {
      if (!co_await link->has_unsent.wait()) break;
      continue;
    }
    const std::deque<protocol::OutgoingFrame> leaving = std::exchange(link->unsent, {});
    parts.clear();
    for (const protocol::OutgoingFrame& frame : leaving) frame.append_chunks(parts);
    const Result<> written = co_await link->stream->write(parts);
    if (!written) break_link(link, written.error());
    link->has_room.set();
  }
}

Task<> Peer::read_loop(std::shared_ptr<Link> link) {
  while (!link->broken) {
    const Result<std::size_t> read = co_await link->stream->read_some(link->frames.space());
    if (link->broken) co_return;
    if (!read || *read == 0) {
      break_link(link, read ? not_connected().error() : read.error());
      co_return;
    }
    link->heard = shard_.clock().now();
    link->frames.filled(*read);
    for (;;) {
      auto next = link->frames.next();
      if (!next) break_link(link, next.error());
      if (!next || !*next) break;
      Frame frame = **std::move(next);
      if (frame.bytes.size() < sizeof(std::int32_t)) {
        break_link(link, fail(ErrorCode::invalid_request, "a reply without a header").error());
        co_return;
      }
      const auto found = link->pending.find(load_big_endian<std::int32_t>(frame.bytes.data()));
      if (found == link->pending.end()) {
        break_link(link, fail(ErrorCode::invalid_request, "a reply nobody asked for").error());
        co_return;
      }
      Pending* const waiting = found->second;
      link->pending.erase(found);
      link->has_room.set();
      if (waiting == nullptr) continue;
      Pending& pending = *waiting;
      protocol::Reader reader(frame.bytes);
      const auto header = protocol::read_response_header(reader, pending.key, pending.version);
      if (header) {
        pending.reply = Frame{reader.rest(), std::move(frame.owner)};
      } else {
        pending.reply = std::unexpected(header.error());
      }
      pending.done = true;
      pending.ended.set();
    }
    if (link->pending.empty() && link->frames.empty() &&
        link->frames.capacity() > 4 * FrameBuffer::block_size) {
      link->frames.release();
    }
  }
}

void Peer::break_link(std::shared_ptr<Link> link, Error error) {
  if (std::exchange(link->broken, true)) return;
  if (link_ == link) link_.reset();
  link->stream->close();
  for (auto& [id, pending] : link->pending) {
    if (pending == nullptr) continue;
    pending->reply = fail(ErrorCode::network_exception, error.why);
    pending->done = true;
    pending->ended.set();
  }
  link->pending.clear();
  link->has_unsent.set();
  link->has_room.set();
}

void Peer::disconnect() {
  if (link_) break_link(link_, stopped().error());
}

Task<> Peer::stop() {
  stopped_ = true;
  disconnect();
  tasks_.cancel();
  connect_ended_.set();
  co_await tasks_.join();
}

}  // namespace cairn::transport
