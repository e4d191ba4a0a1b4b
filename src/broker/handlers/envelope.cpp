// SPDX-License-Identifier: Apache-2.0
// Envelope (key 58), version 0. A broker hands a client's request to the active controller: the
// request's own frame inside, and who the client is. The answer's frame goes back the same way.
// Only requests that brokers forward may come so.
#include <cairn/protocol/records/embedded/default_principal_data.hpp>

#include "../route.hpp"
#include "client_address.hpp"
#include "forward.hpp"
#include "quorum.hpp"

namespace cairn::broker {
namespace {

constexpr std::int16_t principal_version = 0;

/// "User:name"; anonymous where the envelope does not say.
std::string principal_of(const std::optional<Bytes>& bytes) {
  constexpr std::string_view anonymous = "User:ANONYMOUS";
  if (!bytes || bytes->size() < sizeof principal_version) return std::string(anonymous);
  protocol::Reader reader(*bytes);
  std::int16_t version = 0;
  protocol::DefaultPrincipalData principal;
  reader.read(version);
  read(reader, principal, principal_version);
  if (!reader.ok() || version != principal_version) return std::string(anonymous);
  return principal.type + ":" + principal.name;
}

}  // namespace

Bytes flatten(const protocol::OutgoingFrame& frame) {
  std::vector<BytesView> parts;
  frame.append_chunks(parts);
  Bytes bytes;
  for (const BytesView part : parts) append(bytes, part);
  return bytes;
}

protocol::EnvelopeRequest make_envelope(const RequestContext& context, Bytes request) {
  protocol::DefaultPrincipalData principal;
  const auto colon = context.principal.find(':');
  principal.type = context.principal.substr(0, colon);
  principal.name = colon == std::string::npos ? "" : context.principal.substr(colon + 1);
  protocol::Writer writer;
  writer.write(principal_version);
  write(writer, principal, principal_version);
  protocol::EnvelopeRequest envelope;
  envelope.request_data = std::move(request);
  envelope.request_principal = flatten(std::move(writer).finish());
  envelope.client_host_address = address_bytes(context.client_host);
  return envelope;
}

runtime::Task<protocol::EnvelopeResponse> handle(Broker& broker, const RequestContext& context,
                                                 protocol::EnvelopeRequest request) {
  protocol::EnvelopeResponse response;
  const auto refuse = [&response](ErrorCode code) {
    response.error_code = code;
    return response;
  };
  protocol::Reader reader(request.request_data);
  const Result<protocol::RequestHeader> header = protocol::read_request_header(reader);
  if (!header) co_return refuse(ErrorCode::invalid_request);
  const Route* route = find_route(header->request_api_key);
  if (route == nullptr) co_return refuse(ErrorCode::unsupported_version);
  const protocol::ApiEntry& api = protocol::api_entry(route->key);
  if (!api.forwarded || !api.on_controller) co_return refuse(ErrorCode::invalid_request);
  if (!api.supported.contains(header->request_api_version)) {
    co_return refuse(ErrorCode::unsupported_version);
  }
  if (!broker.controller.is_active()) co_return refuse(ErrorCode::not_controller);

  RequestContext inner = context;
  inner.api_key = route->key;
  inner.version = header->request_api_version;
  inner.correlation_id = header->correlation_id;
  inner.client_id = header->client_id.value_or("");
  inner.client_host = address_text(request.client_host_address);
  inner.principal = principal_of(request.request_principal);
  inner.next_may_start = nullptr;
  ClientSoftware software;
  Result<Served> served = co_await route->serve(broker, inner, software, reader.rest());
  if (!served || !served->frame) co_return refuse(ErrorCode::invalid_request);
  if (served->error == ErrorCode::not_controller) co_return refuse(ErrorCode::not_controller);
  Bytes frame = flatten(*served->frame);
  constexpr std::size_t length_size = sizeof(std::int32_t);
  frame.erase(frame.begin(), frame.begin() + length_size);
  response.response_data = std::move(frame);
  co_return response;
}

}  // namespace cairn::broker
