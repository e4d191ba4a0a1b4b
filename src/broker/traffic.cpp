// SPDX-License-Identifier: Apache-2.0
#include <cairn/broker/traffic.hpp>

namespace cairn::broker {

Traffic::Traffic(Metrics& metrics)
    : messages_in(metrics.counter("kafka_server_brokertopicmetrics_messagesin_total",
                                  "Records appended by producers")),
      bytes_in(metrics.counter("kafka_server_brokertopicmetrics_bytesin_total",
                               "Bytes of batches appended by producers")),
      bytes_out(metrics.counter("kafka_server_brokertopicmetrics_bytesout_total",
                                "Bytes of batches sent to consumers")),
      produce_requests(metrics.counter("kafka_server_brokertopicmetrics_totalproducerequests_total",
                                       "Produce requests")),
      fetch_requests(metrics.counter("kafka_server_brokertopicmetrics_totalfetchrequests_total",
                                     "Fetch requests")),
      failed_produce_requests(
          metrics.counter("kafka_server_brokertopicmetrics_failedproducerequests_total",
                          "Partitions of produce requests that were refused")),
      failed_fetch_requests(
          metrics.counter("kafka_server_brokertopicmetrics_failedfetchrequests_total",
                          "Partitions of fetch requests that were refused")) {}

}  // namespace cairn::broker
