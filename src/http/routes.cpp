// SPDX-License-Identifier: Apache-2.0
#include <cairn/http/message.hpp>
#include <cairn/http/metrics.hpp>

namespace cairn::http {

namespace {

// Coroutines take values: what they need is copied in, so that nothing captured can die under them.
runtime::Task<Response> answer_metrics(MetricsSource source) {
  auto samples = co_await source.gather();
  MetricsText text;
  write_samples(text, std::move(samples), source.write_topics);
  if (source.write_partitions) {
    auto writing = source.write_partitions(text);
    co_await std::move(writing);
  }
  co_return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                     .body = text.take()};
}

runtime::Task<Response> answer_live() { co_return Response{.body = "live\n"}; }

runtime::Task<Response> answer_ready(Readiness readiness) {
  if (readiness.ready) co_return Response{.body = "ready\n"};
  co_return Response{.status = 503, .body = "not ready: " + readiness.why + "\n"};
}

}  // namespace

const Handler* Routes::find(std::string_view path) const {
  const auto found = handlers_.find(path);
  return found == handlers_.end() ? nullptr : &found->second;
}

std::string Routes::index() const {
  std::string lines;
  for (const auto& [path, handler] : handlers_) lines += path + "\n";
  return lines;
}

void add_metrics_route(Routes& routes, MetricsSource source) {
  routes.add("/metrics",
             [source = std::move(source)](const Request&) { return answer_metrics(source); });
}

void add_health_routes(Routes& routes, std::function<Readiness()> readiness) {
  routes.add("/health/live", [](const Request&) { return answer_live(); });
  routes.add("/health/ready", [readiness = std::move(readiness)](const Request&) {
    return answer_ready(readiness());
  });
}

}  // namespace cairn::http
