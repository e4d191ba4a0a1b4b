// SPDX-License-Identifier: Apache-2.0
#include "client_session.hpp"

#include "handlers/session.hpp"

namespace cairn::broker {

using transport::Reply;

namespace {

constexpr std::int16_t first_flexible_produce = 9;

/// Whether a produce request asks for acks=all, read from its front.
bool asks_for_all(BytesView frame) {
  protocol::Reader reader(frame);
  const Result<protocol::RequestHeader> header = protocol::read_request_header(reader);
  if (!header) return false;
  std::optional<std::string> transactional_id;
  reader.read(transactional_id,
              protocol::compact_if(header->request_api_version >= first_flexible_produce));
  std::int16_t acks = 0;
  reader.read(acks);
  return reader.ok() && acks == -1;
}

}  // namespace

/// Only a produce that waits for its commit has anything to wait for after its append. The others
/// are served one by one, which costs no task of their own.
bool ClientSession::may_overlap(const transport::Frame& request) const {
  constexpr auto produce = static_cast<std::int16_t>(protocol::ApiKey::produce);
  return request.bytes.size() >= sizeof(std::int16_t) &&
         load_big_endian<std::int16_t>(request.bytes.data()) == produce &&
         asks_for_all(request.bytes);
}

RequestContext ClientSession::context_of(const protocol::RequestHeader& header) const {
  RequestContext context;
  context.api_key = static_cast<protocol::ApiKey>(header.request_api_key);
  context.version = header.request_api_version;
  context.correlation_id = header.correlation_id;
  context.client_id = header.client_id.value_or("");
  context.client_host = peer_.host;
  context.client_port = peer_.port;
  context.listener_name = service_.listener_name();
  context.controller_listener = service_.role() == ListenerRole::controller;
  context.client_software_name = software_.name;
  context.client_software_version = software_.version;
  return context;
}

bool ClientSession::is_served_here(const protocol::ApiEntry& api) const {
  return is_served(api, service_.role() == ListenerRole::controller);
}

Reply ClientSession::refuse(const protocol::RequestHeader* header, const char* why) {
  metrics_.count_refused();
  if (header == nullptr) {
    logging::warn("closing connection client={} listener={}: {}", to_string(peer_),
                  service_.listener_name(), why);
  } else {
    logging::warn("closing connection client={} client_id={} listener={} api_key={} version={}: {}",
                  to_string(peer_), header->client_id.value_or(""), service_.listener_name(),
                  header->request_api_key, header->request_api_version, why);
  }
  return Reply::closing();
}

runtime::Task<Reply> ClientSession::serve(transport::Frame request,
                                          runtime::Latch& next_may_start) {
  protocol::Reader reader(request.bytes);
  const Result<protocol::RequestHeader> header = protocol::read_request_header(reader);
  if (!header) co_return refuse(nullptr, header.error().why);

  const Route* route = find_route(header->request_api_key);
  if (route == nullptr) co_return refuse(&*header, "the API is not served");
  const protocol::ApiEntry& api = protocol::api_entry(route->key);
  if (!is_served_here(api)) co_return refuse(&*header, "the API is not served on this listener");
  if (!api.supported.contains(header->request_api_version)) {
    if (api.key != protocol::ApiKey::api_versions) {
      co_return refuse(&*header, "the version of the API is not supported");
    }
    auto frame = detail::encode_frame(unsupported_api_versions(), 0, header->correlation_id);
    co_return Reply{.frame = std::move(frame), .close = false};
  }

  const Instant begun = service_.broker().now();
  RequestTimes times{.queued = begun - request.received};
  RequestContext context = context_of(*header);
  context.received = request.received;
  context.next_may_start = &next_may_start;
  context.gather = &gather_;
  context.waited = &times.waited;
  Result<Served> served =
      co_await route->serve(service_.broker(), context, software_, reader.rest());
  if (!served) co_return refuse(&*header, served.error().why);
  const std::size_t response_bytes = served->frame ? served->frame->size() : 0;
  times.total = service_.broker().now() - context.received;
  metrics_.count(api, context.version, request.bytes.size(), response_bytes, times, served->error);
  co_return Reply{.frame = std::move(served->frame), .close = false};
}

}  // namespace cairn::broker
