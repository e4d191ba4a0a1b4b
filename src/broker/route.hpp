// SPDX-License-Identifier: Apache-2.0
// The table from API key to handler. A Route decodes a request of one API, calls its handler (the
// overload of `handle` for that request) and encodes the answer. An API is served, and advertised,
// if and only if it has a Route: dispatch_*.cpp list the requests of a slice, one line each.
#pragma once

#include <array>
#include <span>

#include <cairn/base/log.hpp>
#include <cairn/broker/broker.hpp>
#include <cairn/protocol/header.hpp>
#include <cairn/protocol/messages/api_versions.hpp>
#include <cairn/protocol/messages/produce.hpp>
#include <cairn/transport/session.hpp>

namespace cairn::broker {

/// What a session learns from its ApiVersions request.
struct ClientSoftware {
  std::string name;
  std::string version;
};

/// A request that was understood and answered; or why not, and then the connection is closed.
struct Served {
  std::optional<protocol::OutgoingFrame> frame;  // none: nothing is to be sent
  ErrorCode error = ErrorCode::none;             // the answer's own, for the metrics
};

struct Route {
  using Serve = runtime::Task<Result<Served>> (*)(Broker&, const RequestContext&, ClientSoftware&,
                                                  BytesView body);

  protocol::ApiKey key;
  Serve serve;
};

/// Whether an API that has a Route is served on such a listener.
inline bool is_served(const protocol::ApiEntry& api, bool controller_listener) {
  return controller_listener ? api.on_controller : api.on_broker;
}

/// All of them, in order of key.
std::span<const Route> routes();
/// Null if the API is not served.
const Route* find_route(std::int16_t key);

std::span<const Route> session_routes();
std::span<const Route> data_routes();
std::span<const Route> group_routes();
std::span<const Route> admin_routes();
std::span<const Route> quorum_routes();

namespace detail {

inline void remember(ClientSoftware& software, const protocol::ApiVersionsRequest& request) {
  software = {request.client_software_name, request.client_software_version};
}
template <class Request>
void remember(ClientSoftware&, const Request&) {}

/// Produce with acks=0 has no answer, and where it failed the connection is closed to tell.
template <class Request>
bool wants_answer(const Request&) {
  return true;
}
inline bool wants_answer(const protocol::ProduceRequest& request) { return request.acks != 0; }

template <class Response>
bool failed(const Response&) {
  return false;
}
bool failed(const protocol::ProduceResponse& response);

template <class Response>
ErrorCode error_of(const Response& response) {
  if constexpr (requires { response.error_code; }) return response.error_code;
  return ErrorCode::none;
}

template <class Response>
protocol::OutgoingFrame encode_frame(const Response& response, std::int16_t version,
                                     std::int32_t correlation_id) {
  protocol::Writer writer;
  const std::size_t length = writer.reserve_length();
  protocol::write_response_header(writer, Response::api_key, version, correlation_id);
  write(writer, response, version);
  // A field that this version cannot carry is left out; the rest is worth more than nothing.
  if (!writer.ok()) {
    logging::warn("answer lacks a field version={} field={}", version, writer.refusal());
  }
  writer.set_length(length);
  return std::move(writer).finish();
}

/// Bytes behind the message are passed over, as Kafka does: librdkafka 2.16 leaves some behind
/// Metadata 13.
template <class Request>
Result<Request> decode_request(BytesView body, std::int16_t version) {
  protocol::Reader reader(body);
  Request request;
  read(reader, request, version);
  if (!reader.ok()) return fail(ErrorCode::invalid_request, reader.why());
  return request;
}

}  // namespace detail

template <class Request>
runtime::Task<Result<Served>> serve(Broker& broker, const RequestContext& context,
                                    ClientSoftware& software, BytesView body) {
  CO_TRY(Request request, detail::decode_request<Request>(body, context.version));
  detail::remember(software, request);
  const bool wanted = detail::wants_answer(request);
  const typename Request::Response response = co_await handle(broker, context, std::move(request));
  if (!wanted) {
    if (detail::failed(response)) {
      co_return fail(ErrorCode::none, "a request without acknowledgement failed");
    }
    co_return Served{};
  }
  co_return Served{.frame = detail::encode_frame(response, context.version, context.correlation_id),
                   .error = detail::error_of(response)};
}

template <class... Requests>
constexpr std::array<Route, sizeof...(Requests)> routes_of() {
  return {Route{Requests::api_key, &serve<Requests>}...};
}

}  // namespace cairn::broker
