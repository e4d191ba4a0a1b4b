// SPDX-License-Identifier: Apache-2.0
// What passes through a data shard, under the names Kafka's BrokerTopicMetrics have in Prometheus.
// References into the shard's Metrics, looked up once: counting is one addition. Owner: Broker.
#pragma once

#include <cairn/base/metrics.hpp>

namespace cairn::broker {

struct Traffic {
  explicit Traffic(Metrics& metrics);

  Counter& messages_in;
  Counter& bytes_in;
  Counter& bytes_out;
  Counter& produce_requests;
  Counter& fetch_requests;
  Counter& failed_produce_requests;  // partitions of requests
  Counter& failed_fetch_requests;
};

}  // namespace cairn::broker
