// SPDX-License-Identifier: Apache-2.0
// The inside of an Admin: its Cluster, and asking until an answer comes. It holds nothing between
// calls but connections and metadata. Owner: Admin.
#pragma once

#include <algorithm>
#include <charconv>

#include <cairn/client/admin.hpp>

#include "errors.hpp"

namespace cairn::client {

class Admin::State {
 public:
  State(runtime::Shard& shard, runtime::Network& network, ClientOptions options)
      : cluster(shard, network, std::move(options)) {}

  /// Asks any broker, again after failures of the connection, until api_timeout. What was asked may
  /// then have been done twice: callers read "exists" and "unknown" with that in mind.
  template <class Request>
  runtime::Task<Result<typename Request::Response>> ask(Request request) {
    const Instant deadline = cluster.api_deadline();
    Backoff backoff(cluster.options());
    while (true) {
      auto response = co_await cluster.call_any(request, deadline);
      if (response || !is_retriable(response.error().code)) co_return response;
      if (!co_await pause(backoff, deadline)) co_return response;
    }
  }

  /// Asks whom a configuration is to be asked of: a broker's own values that broker alone, anything
  /// else whichever broker answers.
  template <class Request>
  runtime::Task<Result<typename Request::Response>> ask_about(ResourceKind kind, std::string name,
                                                              Request request) {
    const bool of_broker = kind == ResourceKind::broker || kind == ResourceKind::broker_logger;
    if (!of_broker || name.empty()) co_return co_await ask(std::move(request));
    std::int32_t id = -1;
    const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (wrong != std::errc() || end != name.data() + name.size()) {
      co_return fail(ErrorCode::invalid_request, "a broker is named by its id, a number");
    }
    const Instant deadline = cluster.api_deadline();
    CO_TRY(co_await cluster.refresh(deadline));
    co_return co_await cluster.call(BrokerId(id), Channel::control, std::move(request), deadline);
  }

  /// Asks the broker that metadata names as the controller, where Kafka's AdminClient sends what
  /// the controller decides, until what it says of the whole request is no error that passes.
  template <class Request>
  runtime::Task<Result<typename Request::Response>> ask_controller(Request request);

  /// Asks a group's coordinator until `error_in(response)` is not one that passes.
  template <class Request, class ErrorIn>
  runtime::Task<Result<typename Request::Response>> ask_coordinator(std::string group,
                                                                    Request request,
                                                                    ErrorIn error_in);

  runtime::Task<bool> pause(Backoff& backoff, Instant deadline) {
    const Instant next = cluster.now() + backoff.next(cluster.shard().random());
    if (next >= deadline) co_return false;
    co_return co_await cluster.shard().clock().sleep_until(next);
  }

  std::int32_t timeout_ms() const {
    return static_cast<std::int32_t>(
        std::chrono::duration_cast<milliseconds>(cluster.options().request_timeout).count());
  }

  static Answered answered(std::string name, ErrorCode code,
                           const std::optional<std::string>& message) {
    const bool said = message && !message->empty();
    return {std::move(name), code, said ? *message : std::string(meaning_of(code))};
  }

  Cluster cluster;
};

template <class Request>
runtime::Task<Result<typename Request::Response>> Admin::State::ask_controller(Request request) {
  using Response = typename Request::Response;
  const Instant deadline = cluster.api_deadline();
  Backoff backoff(cluster.options());
  while (true) {
    Result<Response> response = Response{};
    const auto known = co_await cluster.refresh(deadline);
    const BrokerId controller = cluster.metadata().controller();
    if (!known) {
      response = std::unexpected(known.error());
    } else if (cluster.metadata().broker(controller)) {
      const Instant patience = std::min(deadline, cluster.call_deadline());
      response = co_await cluster.call(controller, Channel::control, request, patience);
    } else {
      response = co_await cluster.call_any(request, deadline);
    }
    const ErrorCode code = response ? response->error_code : response.error().code;
    if (!is_retriable(code)) co_return response;
    if (!co_await pause(backoff, deadline)) co_return response;
  }
}

}  // namespace cairn::client
