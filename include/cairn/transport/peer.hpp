// SPDX-License-Identifier: Apache-2.0
// The client's side of one connection to one node: connects when first needed, asks for
// ApiVersions, pipelines requests, matches replies by correlation id, and after a failure connects
// again, later and later. Every call ends: with its reply, with REQUEST_TIMED_OUT, or with
// NETWORK_EXCEPTION when the connection breaks (nothing is sent twice; whether to try again is the
// caller's to know). Owner: whoever calls; stop() it before it dies.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <cairn/protocol/header.hpp>
#include <cairn/protocol/message.hpp>
#include <cairn/protocol/messages/api_versions.hpp>
#include <cairn/runtime/network.hpp>
#include <cairn/runtime/shard.hpp>
#include <cairn/transport/frame.hpp>

namespace cairn::transport {

struct PeerOptions {
  std::string client_id = "cairn";
  std::string software_name = "cairn";
  std::string software_version = "0.1.0";
  /// Of each half of a dial (connection, ApiVersions); twice as long after each that took longer.
  Duration connect_timeout = std::chrono::seconds(10);
  Duration connect_timeout_limit = std::chrono::seconds(30);
  Duration request_timeout = std::chrono::seconds(30);
  Duration backoff_first = std::chrono::milliseconds(50);  // reconnect.backoff.ms
  Duration backoff_limit = std::chrono::seconds(1);        // reconnect.backoff.max.ms
  std::size_t max_response_bytes = 512 * 1024 * 1024;
  std::size_t max_in_flight = 128;
};

/// A response and the frame that its Records point into.
template <class Response>
struct Answer {
  Response response;
  std::shared_ptr<const void> frame;
};

class Peer {
 public:
  Peer(runtime::Shard& shard, runtime::Network& network, runtime::Endpoint endpoint,
       PeerOptions options);
  ~Peer();

  /// Connects if need be (waiting out the backoff, at most until `deadline`). A dial goes on when
  /// whoever began it has given up: a node that is slow to answer would never be reached otherwise.
  runtime::Task<Result<>> ready(Instant deadline);
  /// What the node advertised; empty while not connected.
  const std::map<protocol::ApiKey, protocol::VersionRange>& advertised() const {
    return advertised_;
  }
  /// Its whole answer to ApiVersions (features, epochs); the last one, if it is not connected now.
  const protocol::ApiVersionsResponse& api_versions() const { return api_versions_; }
  /// The highest version both sides know. REQUIRES for a meaningful answer: connected.
  Result<std::int16_t> common_version(protocol::ApiKey key, protocol::VersionRange ours) const;
  const runtime::Endpoint& endpoint() const { return endpoint_; }
  bool connected() const { return link_ != nullptr; }

  /// Calls in the highest common version within request_timeout.
  template <class Request>
  runtime::Task<Result<typename Request::Response>> call(Request request) {
    return call_by(std::move(request), std::nullopt, deadline());
  }
  template <class Request>
  runtime::Task<Result<typename Request::Response>> call(Request request, std::int16_t version) {
    return call_by(std::move(request), version, deadline());
  }
  template <class Request>
  runtime::Task<Result<typename Request::Response>> call_by(Request request,
                                                            std::optional<std::int16_t> version,
                                                            Instant deadline);
  /// The same for responses that carry Records (Fetch, FetchSnapshot, ShareFetch).
  template <class Request>
  runtime::Task<Result<Answer<typename Request::Response>>> ask(Request request,
                                                                std::optional<std::int16_t> version,
                                                                Instant deadline);
  /// Sends and expects no reply (Produce with acks=0).
  template <class Request>
  runtime::Task<Result<>> send(Request request, std::optional<std::int16_t> version,
                               Instant deadline);

  /// Closes the connection; calls in flight fail.
  void disconnect();
  /// disconnect() for good, and joins.
  runtime::Task<> stop();

 private:
  struct Link;     // one connection
  struct Pending;  // one call in flight

  Instant deadline() const { return shard_.clock().now() + options_.request_timeout; }
  /// Sends a frame and waits for the body of its reply (the response header is checked and
  /// skipped).
  runtime::Task<Result<Frame>> exchange(protocol::ApiKey key, std::int16_t version,
                                        std::int32_t correlation_id, protocol::OutgoingFrame frame,
                                        Instant deadline);
  runtime::Task<Result<>> transmit(protocol::OutgoingFrame frame, Instant deadline);
  runtime::Task<> dial();
  runtime::Task<Result<>> connect();
  runtime::Task<Result<>> negotiate(Instant deadline);
  void note_dial(const Result<>& dialled);
  runtime::Task<> read_loop(std::shared_ptr<Link> link);
  runtime::Task<> write_loop(std::shared_ptr<Link> link);
  void break_link(std::shared_ptr<Link> link, Error error);
  std::int32_t next_correlation_id() { return next_correlation_id_++ & 0x7fffffff; }

  runtime::Shard& shard_;
  runtime::Network& network_;
  runtime::Endpoint endpoint_;
  PeerOptions options_;
  std::shared_ptr<Link> link_;
  bool connecting_ = false;
  bool stopped_ = false;
  runtime::Event connect_ended_;
  std::uint64_t dials_ = 0;
  Result<> dialled_;  // what became of the last one
  Duration patience_{};
  Duration backoff_{};
  Instant next_attempt_{};
  std::map<protocol::ApiKey, protocol::VersionRange> advertised_;
  protocol::ApiVersionsResponse api_versions_;
  std::uint32_t next_correlation_id_ = 0;
  runtime::TaskGroup tasks_;
};

template <class Request>
runtime::Task<Result<Answer<typename Request::Response>>> Peer::ask(
    Request request, std::optional<std::int16_t> version, Instant deadline) {
  CO_TRY(co_await ready(deadline));
  if (!version) {
    CO_TRY(version, common_version(Request::api_key, Request::versions));
  }
  const std::int32_t id = next_correlation_id();
  protocol::Writer writer;
  const std::size_t length = writer.reserve_length();
  protocol::write_request_header(writer, Request::api_key, *version, id, options_.client_id);
  write(writer, request, *version);
  if (!writer.ok()) co_return fail(ErrorCode::invalid_request, writer.refusal());
  writer.set_length(length);
  protocol::OutgoingFrame frame = std::move(writer).finish();
  CO_TRY(Frame body, co_await exchange(Request::api_key, *version, id, std::move(frame), deadline));
  CO_TRY(auto response, protocol::decode<typename Request::Response>(body.bytes, *version));
  co_return Answer<typename Request::Response>{std::move(response), std::move(body.owner)};
}

template <class Request>
runtime::Task<Result<typename Request::Response>> Peer::call_by(Request request,
                                                                std::optional<std::int16_t> version,
                                                                Instant deadline) {
  using enum protocol::ApiKey;
  static_assert(Request::api_key != fetch && Request::api_key != fetch_snapshot &&
                    Request::api_key != share_fetch,
                "the response carries Records: use ask, which keeps their frame");
  CO_TRY(auto answer, co_await ask(std::move(request), version, deadline));
  co_return std::move(answer.response);
}

template <class Request>
runtime::Task<Result<>> Peer::send(Request request, std::optional<std::int16_t> version,
                                   Instant deadline) {
  CO_TRY(co_await ready(deadline));
  if (!version) {
    CO_TRY(version, common_version(Request::api_key, Request::versions));
  }
  protocol::Writer writer;
  const std::size_t length = writer.reserve_length();
  protocol::write_request_header(writer, Request::api_key, *version, next_correlation_id(),
                                 options_.client_id);
  write(writer, request, *version);
  if (!writer.ok()) co_return fail(ErrorCode::invalid_request, writer.refusal());
  writer.set_length(length);
  co_return co_await transmit(std::move(writer).finish(), deadline);
}

}  // namespace cairn::transport
