// SPDX-License-Identifier: Apache-2.0
#include "request_metrics.hpp"

#include <string>

namespace cairn::broker {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

RequestMetrics::OfApi& RequestMetrics::of(const protocol::ApiEntry& api) {
  const auto key = static_cast<std::size_t>(api.key);
  if (apis_.size() <= key) apis_.resize(key + 1);
  if (!apis_[key]) {
    const Labels labels{{"request", std::string(api.name)}};
    apis_[key] = std::make_unique<OfApi>(
        OfApi{metrics_.histogram("kafka_network_requestmetrics_totaltimems",
                                 "Time from the arrival of a request to its answer.", labels),
              metrics_.histogram("kafka_network_requestmetrics_requestqueuetimems",
                                 "Of this, waiting behind others of its connection.", labels),
              metrics_.histogram("kafka_network_requestmetrics_localtimems",
                                 "Of this, work done here.", labels),
              metrics_.histogram("kafka_network_requestmetrics_remotetimems",
                                 "Of this, waiting for others.", labels),
              metrics_.counter("kafka_network_requestmetrics_requestbytes_total",
                               "Bytes of requests.", labels),
              metrics_.counter("kafka_network_requestmetrics_responsebytes_total",
                               "Bytes of answers.", labels),
              {},
              {}});
  }
  return *apis_[key];
}

void RequestMetrics::count(const protocol::ApiEntry& api, std::int16_t version,
                           std::size_t request_bytes, std::size_t response_bytes,
                           const RequestTimes& times, ErrorCode error) {
  OfApi& of_api = of(api);
  of_api.total_time.record(seconds(times.total));
  of_api.queue_time.record(seconds(times.queued));
  of_api.local_time.record(seconds(times.total - times.queued - times.waited));
  of_api.remote_time.record(seconds(times.waited));
  of_api.request_bytes.add(static_cast<double>(request_bytes));
  of_api.response_bytes.add(static_cast<double>(response_bytes));
  const auto index = static_cast<std::size_t>(version);
  if (of_api.by_version.size() <= index) of_api.by_version.resize(index + 1);
  if (of_api.by_version[index] == nullptr) {
    of_api.by_version[index] = &metrics_.counter(
        "kafka_network_requestmetrics_requests_total", "Requests served.",
        {{"request", std::string(api.name)}, {"version", std::to_string(version)}});
  }
  of_api.by_version[index]->add();
  if (error == ErrorCode::none) return;
  Counter*& errors = of_api.by_error[error];
  if (errors == nullptr) {
    errors = &metrics_.counter("kafka_network_requestmetrics_errors_total",
                               "Answers whose own error code is not NONE.",
                               {{"request", std::string(api.name)}, {"error", to_string(error)}});
  }
  errors->add();
}

Counter& RequestMetrics::refused() {
  return metrics_.counter("kafka_network_requestmetrics_invalid_requests_total",
                          "Requests that could not be served; their connections were closed.");
}

}  // namespace cairn::broker
