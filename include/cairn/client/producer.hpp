// SPDX-License-Identifier: Apache-2.0
// Produces records: batches them by partition, sends the batches to the leaders, keeps their order
// over retries, and tells each record's fate. With idempotence (the default) a record that is
// delivered is in the log once. Memory is bounded: send() waits for room. One shard; several tasks
// of it may send. Owner: the application; close() it before it dies.
#pragma once

#include <memory>
#include <string>

#include <cairn/client/cluster.hpp>
#include <cairn/client/delivery.hpp>
#include <cairn/record/record.hpp>

namespace cairn::client {

/// Views need to live until send() or try_send() returns.
struct ProducerRecord {
  std::string_view topic;
  std::optional<PartitionIndex> partition;  // none: the partitioner picks
  record::OptionalBytes key;
  record::OptionalBytes value;
  std::span<const record::Header> headers;
  std::int64_t timestamp = no_timestamp;  // -1: now
};

class Producer {
 public:
  /// invalid_config when options contradict each other.
  static Result<> check(const ProducerOptions& options);

  /// REQUIRES: check(producer_options) succeeded.
  Producer(runtime::Shard& shard, runtime::Network& network, ClientOptions client_options,
           ProducerOptions producer_options);
  ~Producer();

  /// Takes the record over into a batch, waiting for metadata and memory at most max.block.ms.
  /// Fails with unknown_topic_or_partition, message_too_large, request_timed_out (no room, no
  /// answer).
  runtime::Task<Result<Delivery>> send(ProducerRecord record);
  /// The same without waiting: nothing if it would have to.
  std::optional<Result<Delivery>> try_send(const ProducerRecord& record);

  /// Sends what waits without lingering; returns when everything taken over before has settled.
  runtime::Task<Result<>> flush();
  /// flush(), then ends; what has not settled by `deadline` fails.
  runtime::Task<Result<>> close(Instant deadline);

  struct Statistics {
    std::uint64_t records = 0;  // delivered
    std::uint64_t bytes = 0;    // of batches delivered, as sent
    std::uint64_t batches = 0;
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;
    std::uint64_t failed = 0;  // records
  };
  const Statistics& statistics() const;
  Cluster& cluster();

 private:
  class Sender;
  std::unique_ptr<Sender> sender_;
};

}  // namespace cairn::client
