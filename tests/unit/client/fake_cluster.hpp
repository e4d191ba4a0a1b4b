// SPDX-License-Identifier: Apache-2.0
// A broker for client tests: connections in memory, one topic's logs, answers that a script may
// replace. It checks sequences as a broker does. Owner: the test; one shard.
#pragma once

#include <functional>
#include <map>
#include <set>

#include <cairn/client/options.hpp>
#include <cairn/protocol/header.hpp>
#include <cairn/protocol/messages/api_versions.hpp>
#include <cairn/protocol/messages/init_producer_id.hpp>
#include <cairn/protocol/messages/metadata.hpp>
#include <cairn/protocol/messages/produce.hpp>
#include <cairn/record/record.hpp>
#include <cairn/runtime/shard.hpp>

#include "memory_stream.hpp"

namespace cairn::client::testing {

struct Reply {
  enum class Kind : std::uint8_t { answer, cut, silence } kind = Kind::answer;
  Bytes body;
};

template <class Response>
Reply answer(const Response& response, std::int16_t version) {
  return {Reply::Kind::answer, protocol::encode(response, version)};
}
inline Reply cut() { return {Reply::Kind::cut, {}}; }

struct Asked {
  protocol::ApiKey key;
  std::int16_t version;
  BytesView body;
};

class FakeCluster : public runtime::Network {
 public:
  /// Answers or, with nothing, leaves the request to the cluster.
  using Script = std::function<std::optional<Reply>(const Asked&)>;
  /// The same for answers that take their time.
  using SlowScript = std::function<runtime::Task<std::optional<Reply>>(Asked)>;

  FakeCluster(runtime::Shard& shard, std::int32_t partitions) : tasks_(shard.context()) {
    for (std::int32_t i = 0; i < partitions; i++) logs_[i];
  }

  static constexpr const char* topic = "events";
  static constexpr std::uint16_t port = 9092;
  Uuid topic_id{7, 7};
  Script script;           // asked first
  SlowScript slow_script;  // asked next
  std::map<std::int32_t, std::int32_t> leader_epochs;
  std::vector<protocol::ApiKey> requests;  // all, in order of arrival
  struct Log {
    std::vector<std::string> values;
    std::vector<std::size_t> batch_sizes;
    std::map<std::int64_t, std::pair<std::int16_t, std::int32_t>>
        producers;                                                           // epoch, next sequence
    std::map<std::pair<std::int64_t, std::int32_t>, std::int64_t> appended;  // sequence: offset
  };
  Log& log(std::int32_t partition) { return logs_.at(partition); }
  int count(protocol::ApiKey key) const { return int(std::ranges::count(requests, key)); }

  runtime::Task<Result<std::unique_ptr<runtime::Listener>>> listen(runtime::Endpoint) override {
    co_return fail(ErrorCode::network_exception, "a fake cluster is only connected to");
  }
  runtime::Task<Result<std::unique_ptr<runtime::Stream>>> connect(runtime::Endpoint) override {
    auto there = std::make_shared<Pipe>();
    auto back = std::make_shared<Pipe>();
    tasks_.spawn(serve(std::make_shared<MemoryStream>(there, back)));
    co_return std::make_unique<MemoryStream>(back, there);
  }
  runtime::Task<> stop() {
    tasks_.cancel();
    co_await tasks_.join();
  }

  /// What a broker does with one partition's batch.
  protocol::ProduceResponse::PartitionProduceResponse append_batch(std::int32_t partition,
                                                                   BytesView bytes) {
    protocol::ProduceResponse::PartitionProduceResponse out;
    out.index = partition;
    out.base_offset = -1;
    const auto batch = record::BatchView::parse(bytes);
    if (!batch || !batch->crc_matches() || !logs_.contains(partition)) {
      out.error_code = batch ? ErrorCode::unknown_topic_or_partition : ErrorCode::corrupt_message;
      return out;
    }
    Log& log = logs_.at(partition);
    const auto id = batch->producer_id().value();
    const auto epoch = batch->producer_epoch().value();
    const auto sequence = batch->base_sequence();
    if (batch->has_producer()) {
      const auto known = log.producers.find(id);
      if (known != log.producers.end() && epoch < known->second.first) {
        out.error_code = ErrorCode::invalid_producer_epoch;
        return out;
      }
      const bool same = known != log.producers.end() && known->second.first == epoch;
      const auto before = log.appended.find({id * 100000 + epoch, sequence});
      if (same && before != log.appended.end()) {
        out.base_offset = before->second;  // sent twice: say where it lies
        return out;
      }
      if ((same ? known->second.second : 0) != sequence) {
        out.error_code = ErrorCode::out_of_order_sequence_number;
        return out;
      }
      log.producers[id] = {epoch, record::advance_sequence(sequence, batch->record_count())};
      log.appended[{id * 100000 + epoch, sequence}] = std::ssize(log.values);
    }
    out.base_offset = std::ssize(log.values);
    log.batch_sizes.push_back(static_cast<std::size_t>(batch->record_count()));
    static_cast<void>(record::for_each_record(*batch, {}, [&](const record::RecordView& record) {
      log.values.emplace_back(record.value ? as_text(*record.value) : "");
    }));
    return out;
  }

  Reply produce(const Asked& asked) {
    const auto request = protocol::decode<protocol::ProduceRequest>(asked.body, asked.version);
    protocol::ProduceResponse response;
    for (const auto& topic_data : request->topic_data) {
      auto& topic_out = response.responses.emplace_back();
      topic_out.topic_id = topic_data.topic_id;
      topic_out.name = topic_data.name;
      for (const auto& partition : topic_data.partition_data) {
        topic_out.partition_responses.push_back(
            append_batch(partition.index, partition.records->view()));
      }
    }
    if (request->acks == 0) return {Reply::Kind::silence, {}};
    return answer(response, asked.version);
  }

 private:
  runtime::Task<> serve(std::shared_ptr<MemoryStream> stream) {
    Bytes buffer;
    while (true) {
      std::byte piece[4096];
      const auto read = co_await stream->read_some(piece);
      if (!read || *read == 0) co_return;
      append(buffer, BytesView(piece, *read));
      while (buffer.size() >= 4) {
        const auto size = static_cast<std::size_t>(load_big_endian<std::int32_t>(buffer.data()));
        if (buffer.size() < 4 + size) break;
        const Bytes frame(buffer.begin() + 4,
                          buffer.begin() + 4 + static_cast<std::ptrdiff_t>(size));
        buffer.erase(buffer.begin(), buffer.begin() + 4 + static_cast<std::ptrdiff_t>(size));
        if (!co_await handle(*stream, frame)) {
          stream->close();
          co_return;
        }
      }
    }
  }

  runtime::Task<bool> handle(MemoryStream& stream, Bytes frame) {
    protocol::Reader reader{BytesView(frame)};
    const auto header = protocol::read_request_header(reader);
    if (!header) co_return false;
    const auto key = static_cast<protocol::ApiKey>(header->request_api_key);
    requests.push_back(key);
    const Asked asked{key, header->request_api_version,
                      BytesView(frame).subspan(frame.size() - reader.left())};
    const bool handshake = key == protocol::ApiKey::api_versions;
    std::optional<Reply> reply = script && !handshake ? script(asked) : std::nullopt;
    if (!reply && slow_script) reply = co_await slow_script(asked);
    if (!reply) reply = respond(asked);
    if (reply->kind == Reply::Kind::cut) co_return false;
    if (reply->kind == Reply::Kind::silence) co_return true;
    protocol::Writer writer;
    const auto length = writer.reserve_length();
    protocol::write_response_header(writer, key, asked.version, header->correlation_id);
    writer.write_bytes(reply->body);
    writer.set_length(length);
    const auto out = std::move(writer).finish();
    const auto chunks = out.chunks();
    co_return (co_await stream.write(chunks)).has_value();
  }

  Reply respond(const Asked& asked) {
    switch (asked.key) {
      case protocol::ApiKey::api_versions:
        return api_versions(asked.version);
      case protocol::ApiKey::metadata:
        return metadata(asked.version);
      case protocol::ApiKey::produce:
        return produce(asked);
      case protocol::ApiKey::init_producer_id: {
        protocol::InitProducerIdResponse response;
        response.producer_id = next_producer_id_++;
        return answer(response, asked.version);
      }
      default:
        return cut();
    }
  }

  static Reply api_versions(std::int16_t version) {
    protocol::ApiVersionsResponse response;
    for (const auto& api : protocol::api_table()) {
      if (!api.on_broker) continue;
      auto& out = response.api_keys.emplace_back();
      out.api_key = static_cast<std::int16_t>(api.key);
      out.min_version = api.advertised.min;
      out.max_version = api.advertised.max;
    }
    return answer(response, version);
  }

  Reply metadata(std::int16_t version) {
    protocol::MetadataResponse response;
    auto& broker = response.brokers.emplace_back();
    broker.node_id = 1;
    broker.host = "memory";
    broker.port = port;
    auto& out = response.topics.emplace_back();
    out.name = topic;
    out.topic_id = topic_id;
    for (const auto& [index, log] : logs_) {
      auto& partition = out.partitions.emplace_back();
      partition.partition_index = index;
      partition.leader_id = 1;
      partition.leader_epoch = leader_epochs[index];
    }
    return answer(response, version);
  }

  std::map<std::int32_t, Log> logs_;
  std::int64_t next_producer_id_ = 1000;
  runtime::TaskGroup tasks_;
};

/// Options that make tests quick.
inline ClientOptions quick_client() {
  ClientOptions options;
  options.bootstrap = {{"memory", FakeCluster::port}};
  options.retry_backoff = milliseconds(1);
  options.retry_backoff_max = milliseconds(4);
  options.request_timeout = seconds(5);
  options.api_timeout = seconds(10);
  return options;
}

}  // namespace cairn::client::testing
