// SPDX-License-Identifier: Apache-2.0
// Produce (key 0), versions 3-13; advertised from 0 (KAFKA-18659), 0-2 are refused at the decoder.
// From 13 on topics are named by id. Each partition is appended in the order of the request; then
// the next request of the connection may start, and this one waits for its acknowledgement.
#include <chrono>

#include <cairn/partition/partition_table.hpp>
#include <cairn/record/batch.hpp>

#include "data.hpp"

namespace cairn::broker {
namespace {

using namespace protocol;
using partition::Partition;
using partition::PartitionAppended;
using partition::RequiredAcks;
using TopicData = ProduceRequest::TopicProduceData;
using ProducedPartition = ProduceRequest::PartitionProduceData;
using PartitionResponse = ProduceResponse::PartitionProduceResponse;

constexpr std::int16_t first_produce_by_id = 13;
constexpr std::int16_t first_version_with_leader = 10;

/// A partition whose append went well and is not acknowledged yet.
struct Unacknowledged {
  std::shared_ptr<Partition> partition;
  PartitionAppended appended;
  PartitionResponse* response = nullptr;
};

void refuse(PartitionResponse& response, const Error& error) {
  response.error_code = error.code;
  response.base_offset = -1;
  response.log_append_time_ms = -1;
  response.log_start_offset = -1;
  if (*error.why != '\0') response.error_message = error.why;
}

/// Transactions are not served: their records would never be decided.
Result<> no_transaction(const ProduceRequest& request, BytesView records) {
  const auto batch = record::BatchView::parse(records);
  const bool transactional = batch && batch->is_transactional();
  if (!request.transactional_id && !transactional) return {};
  return fail(ErrorCode::invalid_txn_state, "transactions are not available on this broker");
}

Result<std::shared_ptr<Partition>> find(const Broker& broker, const RequestContext& context,
                                        const TopicData& topic, PartitionIndex index) {
  const bool by_id = context.version >= first_produce_by_id;
  auto found = by_id ? broker.partitions.find(topic.topic_id, index)
                     : broker.partitions.find(topic.name, index);
  if (found) return found;
  return fail(by_id ? broker.partitions.why_missing(topic.topic_id, index)
                    : broker.partitions.why_missing(topic.name, index));
}

void tell_leader(const Broker& broker, const RequestContext& context, const Partition& partition,
                 ProduceResponse& answer, PartitionResponse& response) {
  if (context.version < first_version_with_leader || partition.leader() == no_broker) return;
  response.current_leader.leader_id = partition.leader().value();
  response.current_leader.leader_epoch = partition.leader_epoch().value();
  const auto image = broker.image();
  const metadata::Broker* leader = image->broker(partition.leader());
  const metadata::Endpoint* endpoint =
      leader == nullptr ? nullptr : leader->endpoint(context.listener_name);
  if (endpoint == nullptr) return;
  answer.node_endpoints.push_back({.node_id = leader->id.value(),
                                   .host = endpoint->host,
                                   .port = endpoint->port,
                                   .rack = leader->rack});
}

/// The records stand in the request's frame, which is this request's alone: base offset and leader
/// epoch are stamped in place.
MutableBytes stampable(BytesView records) {
  return {const_cast<std::byte*>(records.data()), records.size()};
}

class Produce {
 public:
  Produce(Broker& broker, const RequestContext& context, const ProduceRequest& request)
      : broker_(broker), context_(context), request_(request) {}

  runtime::Task<ProduceResponse> run() {
    answer_.responses.reserve(request_.topic_data.size());
    for (const TopicData& topic : request_.topic_data) {
      auto& topic_response = answer_.responses.emplace_back();
      topic_response.name = topic.name;
      topic_response.topic_id = topic.topic_id;
      topic_response.partition_responses.resize(topic.partition_data.size());
      for (std::size_t i = 0; i < topic.partition_data.size(); ++i) {
        PartitionResponse& response = topic_response.partition_responses[i];
        response.index = topic.partition_data[i].index;
        co_await append(topic, topic.partition_data[i], response);
      }
    }
    context_.let_next_start();
    if (!unacknowledged_.empty()) {
      const Instant began = broker_.now();
      co_await acknowledge();
      context_.note_wait(broker_.now() - began);
    }
    co_return std::move(answer_);
  }

 private:
  runtime::Task<> append(const TopicData& topic, const ProducedPartition& data,
                         PartitionResponse& response) {
    auto partition = find(broker_, context_, topic, PartitionIndex(data.index));
    if (!partition) co_return refuse(response, partition.error());
    if (request_.acks < -1 || request_.acks > 1) {
      co_return refuse(response, {ErrorCode::invalid_required_acks, "acks must be -1, 0 or 1"});
    }
    const BytesView records = data.records ? data.records->view() : BytesView{};
    if (auto allowed = no_transaction(request_, records); !allowed) {
      co_return refuse(response, allowed.error());
    }
    std::vector<record::RecordError> errors;
    auto appended = co_await (*partition)
                        ->append({.batches = stampable(records),
                                  .acks = RequiredAcks(request_.acks),
                                  .produce_version = context_.version,
                                  .errors = &errors});
    Traffic& traffic = broker_.traffic;
    if (!appended) {
      refuse(response, appended.error());
      for (const record::RecordError& error : errors) {
        response.record_errors.push_back(
            {.batch_index = error.batch_index, .batch_index_error_message = error.why});
      }
      traffic.failed_produce_requests.add();
      if (appended.error().code == ErrorCode::not_leader_or_follower) {
        tell_leader(broker_, context_, **partition, answer_, response);
      }
      co_return;
    }
    const auto bytes = static_cast<double>(records.size());
    const auto messages = static_cast<double>(appended->last_offset - appended->first_offset + 1);
    traffic.bytes_in.add(bytes);
    traffic.messages_in.add(messages);
    (*partition)->traffic().bytes_in.add(bytes);
    (*partition)->traffic().messages_in.add(messages);
    response.base_offset = appended->first_offset.value();
    response.log_append_time_ms = appended->log_append_time;
    response.log_start_offset = appended->log_start.value();
    if (request_.acks == static_cast<std::int16_t>(RequiredAcks::all)) {
      unacknowledged_.push_back({std::move(*partition), *appended, &response});
    }
  }

  runtime::Task<> acknowledge() {
    const Instant deadline =
        broker_.now() + std::chrono::milliseconds(std::max(request_.timeout_ms, 0));
    for (Unacknowledged& one : unacknowledged_) {
      if (one.partition->is_acknowledged(one.appended.last_offset, one.appended.leader_epoch)) {
        continue;
      }
      auto committed = co_await one.partition->wait_committed(one.appended.last_offset,
                                                              one.appended.leader_epoch, deadline);
      if (!committed) {
        refuse(*one.response, committed.error());
        broker_.traffic.failed_produce_requests.add();
      }
    }
  }

  Broker& broker_;
  const RequestContext& context_;
  const ProduceRequest& request_;
  ProduceResponse answer_;
  std::vector<Unacknowledged> unacknowledged_;
};

}  // namespace

runtime::Task<ProduceResponse> handle(Broker& broker, const RequestContext& context,
                                      ProduceRequest request) {
  broker.traffic.produce_requests.add();
  Produce produce(broker, context, request);
  co_return co_await produce.run();
}

}  // namespace cairn::broker
