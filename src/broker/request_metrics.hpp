// SPDX-License-Identifier: Apache-2.0
// Kafka's request metrics (kafka.network:type=RequestMetrics), kept per API so that a request costs
// a few additions and no look-up by name. Owner: the ListenerService; the shard's Metrics outlives
// it.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include <cairn/base/error_code.hpp>
#include <cairn/base/metrics.hpp>
#include <cairn/base/time.hpp>
#include <cairn/protocol/api_table.hpp>

namespace cairn::broker {

/// Where the time of a request went. What is neither in the queue nor waited for is work done here.
struct RequestTimes {
  Duration queued{};  // behind others of its connection
  Duration waited{};  // for others: replicas, records, the controller, a group
  Duration total{};
};

class RequestMetrics {
 public:
  explicit RequestMetrics(Metrics& metrics) : metrics_(metrics) {}

  void count(const protocol::ApiEntry& api, std::int16_t version, std::size_t request_bytes,
             std::size_t response_bytes, const RequestTimes& times, ErrorCode error);
  /// A request that could not be served: the connection is closed.
  void count_refused() { refused().add(); }

 private:
  struct OfApi {
    Histogram& total_time;
    Histogram& queue_time;
    Histogram& local_time;
    Histogram& remote_time;
    Counter& request_bytes;
    Counter& response_bytes;
    std::vector<Counter*> by_version;
    std::map<ErrorCode, Counter*> by_error;
  };

  OfApi& of(const protocol::ApiEntry& api);
  Counter& refused();

  Metrics& metrics_;
  std::vector<std::unique_ptr<OfApi>> apis_;  // by key
};

}  // namespace cairn::broker
