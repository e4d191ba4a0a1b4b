// SPDX-License-Identifier: Apache-2.0
// The inside of a Producer: queues of its partitions, the loop that sends what is ready, and the
// handling of answers. Invariant: a queue that is not empty is in active_, once, and held_bytes_
// is what the queues hold. Owner: Producer.
#pragma once

#include <cairn/client/producer.hpp>
#include <cairn/protocol/messages/produce.hpp>

#include "partition_queue.hpp"

namespace cairn::client {

class Producer::Sender {
 public:
  Sender(runtime::Shard& shard, runtime::Network& network, ClientOptions client_options,
         ProducerOptions options);

  runtime::Task<Result<Delivery>> send(ProducerRecord record);
  std::optional<Result<Delivery>> try_send(const ProducerRecord& record);
  runtime::Task<Result<>> flush(Instant deadline);
  runtime::Task<Result<>> close(Instant deadline);

  const Statistics& statistics() const { return statistics_; }
  Cluster& cluster() { return cluster_; }

 private:
  using Hurry = PartitionQueue::Hurry;

  struct Topic {
    explicit Topic(const ProducerOptions& options)
        : partitioner(options.partitioner, options.batch_size) {}
    Partitioner partitioner;
    TopicId id;
    std::vector<std::unique_ptr<PartitionQueue>> queues;  // by partition
    std::vector<PartitionIndex> available;                // with a leader
    std::uint64_t version = 0;                            // of the metadata this is from
  };

  struct SentBatch {
    PartitionQueue* queue;
    PendingBatch* batch;
    std::int32_t records;
  };
  /// Batches for one broker, at most one of a partition.
  struct Shipment {
    BrokerId broker;
    std::vector<SentBatch> batches;
    std::size_t bytes = 0;
  };

  // appending
  Topic* find_topic(std::string_view name);
  void update_topic(Topic& topic, const TopicMetadata& metadata);
  Result<PartitionQueue*> pick_queue(Topic& topic, const ProducerRecord& record, std::size_t size);
  bool has_room(std::size_t size) const;

  // sending
  runtime::Task<> run();
  runtime::Task<> watch_metadata();
  std::optional<Instant> send_ready(Instant now);
  std::optional<Instant> gather(Instant now, std::map<BrokerId, Shipment>& shipments);
  void tend(PartitionQueue& queue, Instant now);
  Hurry hurry() const;
  runtime::Task<> ship(Shipment shipment);
  runtime::Task<Result<protocol::ProduceResponse>> exchange(const Shipment& shipment);
  protocol::ProduceRequest make_request(const Shipment& shipment, std::size_t& bytes);

  // answers
  void on_failure(const Shipment& shipment, Error error);
  void on_response(const Shipment& shipment, const protocol::ProduceResponse& response);
  void on_error(const SentBatch& sent, Error error);
  void on_success(const SentBatch& sent, Offset base_offset, std::int64_t append_time);
  void retry(const SentBatch& sent, Error error, Outcome outcome);
  void give_up(const SentBatch& sent, Error error, Outcome outcome);
  void release(std::size_t bytes);
  Duration backoff(std::int32_t attempts) const;

  // identity
  void renew_identity(PartitionQueue& queue);
  runtime::Task<> obtain_identity();

  Cluster cluster_;
  ProducerOptions options_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::vector<PartitionQueue*> active_;
  std::size_t turn_ = 0;  // where gather() begins: no partition is always last
  std::map<BrokerId, std::int32_t> requests_in_flight_;
  std::size_t held_bytes_ = 0;
  std::size_t waiting_for_room_ = 0;
  int flushing_ = 0;
  bool closing_ = false;
  bool started_ = false;
  Identity identity_;
  bool obtaining_identity_ = false;
  Error fatal_{ErrorCode::none};
  Statistics statistics_;
  runtime::Event wake_;
  runtime::Event room_;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::client
