// SPDX-License-Identifier: Apache-2.0
// A request that the active controller decides, wherever that is: by a call on this node, or in an
// Envelope to the node that leads (facts: kraft.md §4.4). While nobody leads, or leadership moves,
// it is tried again; after a minute the answer says NOT_CONTROLLER. On a controller listener
// nothing is forwarded: whoever asks there looks for the active controller himself.
#pragma once

#include <algorithm>

#include <cairn/protocol/header.hpp>
#include <cairn/protocol/messages/create_topics.hpp>
#include <cairn/protocol/messages/envelope.hpp>

#include "on_controller.hpp"

namespace cairn::broker {

inline constexpr Duration forwarding_limit = std::chrono::seconds(60);
inline constexpr Duration forwarding_pause = std::chrono::milliseconds(50);

/// What the envelope says of the client, and around the request.
protocol::EnvelopeRequest make_envelope(const RequestContext& context, Bytes request);
Bytes flatten(const protocol::OutgoingFrame& frame);

namespace detail {

template <class Response>
bool names_not_controller(const Response& response) {
  const auto any = [](const auto& results) {
    return std::ranges::any_of(
        results, [](const auto& result) { return result.error_code == ErrorCode::not_controller; });
  };
  if constexpr (requires { response.error_code; }) {
    if (response.error_code == ErrorCode::not_controller) return true;
  }
  if constexpr (requires { response.topics.front().error_code; }) {
    return any(response.topics);
  } else if constexpr (requires { response.responses.front().error_code; }) {
    return any(response.responses);
  } else if constexpr (requires { response.results.front().error_code; }) {
    return any(response.results);
  }
  return false;
}

template <class Request>
protocol::EnvelopeRequest wrap(const RequestContext& context, const Request& request) {
  protocol::Writer writer;
  protocol::write_request_header(writer, Request::api_key, context.version, context.correlation_id,
                                 context.client_id);
  write(writer, request, context.version);
  return make_envelope(context, flatten(std::move(writer).finish()));
}

template <class Response>
Result<Response> unwrap(BytesView bytes, std::int16_t version) {
  protocol::Reader reader(bytes);
  TRY(protocol::read_response_header(reader, Response::api_key, version));
  return protocol::decode<Response>(reader.rest(), version);
}

/// On the controller's shard.
template <class Request, class Local>
runtime::Task<typename Request::Response> decide_or_forward(controller::Controller& controller,
                                                            RequestContext context, Request request,
                                                            Local local, Duration limit) {
  using Response = typename Request::Response;
  runtime::Clock& clock = controller.shard().clock();
  const Instant deadline = clock.now() + limit;
  for (;;) {
    if (context.controller_listener || controller.is_active()) {
      Response response = co_await local(controller, request, context.version);
      if (context.controller_listener || !names_not_controller(response)) co_return response;
    } else {
      auto answer = co_await controller.forward(wrap(context, request));
      if (answer && answer->error_code == ErrorCode::none && answer->response_data) {
        Result<Response> response = unwrap<Response>(*answer->response_data, context.version);
        if (response && !names_not_controller(*response)) co_return *std::move(response);
      }
    }
    if (clock.now() >= deadline || !co_await clock.sleep_for(forwarding_pause)) {
      co_return co_await local(controller, request, context.version);  // refuses in its own words
    }
  }
}

}  // namespace detail

/// `local(controller, request, version)` is the decision as a task on the controller's shard.
template <class Request, class Local>
runtime::Task<typename Request::Response> on_active_controller(Broker& broker,
                                                               RequestContext context,
                                                               Request request, Local local,
                                                               Duration limit = forwarding_limit) {
  const Instant began = broker.now();
  Duration* const waited = std::exchange(context.waited, nullptr);  // of this shard
  context.next_may_start = nullptr;
  auto call = [&controller = broker.controller, context = std::move(context),
               request = std::move(request), local, limit]() mutable {
    return detail::decide_or_forward(controller, std::move(context), std::move(request), local,
                                     limit);
  };
  auto task = on_controller(broker, std::move(call));
  auto answer = co_await std::move(task);
  if (waited != nullptr) *waited += broker.now() - began;
  co_return answer;
}

/// A topic that this broker wants for itself or for a client that named it: the client waits for
/// the answer to another question, so not for long.
inline runtime::Task<protocol::CreateTopicsResponse> create_at_controller(
    Broker& broker, protocol::CreateTopicsRequest request) {
  constexpr Duration patience = std::chrono::seconds(2);
  RequestContext context;
  context.api_key = protocol::CreateTopicsRequest::api_key;
  context.version = protocol::CreateTopicsRequest::versions.max;
  context.client_id = fmt::format("broker-{}", broker.node_id());
  context.client_host = "127.0.0.1";
  auto local = [](controller::Controller& controller, protocol::CreateTopicsRequest wanted,
                  std::int16_t) { return controller.create_topics(std::move(wanted)); };
  co_return co_await on_active_controller(broker, std::move(context), std::move(request), local,
                                          patience);
}

}  // namespace cairn::broker
