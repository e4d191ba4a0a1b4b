// SPDX-License-Identifier: Apache-2.0
// A blocking client for what surrounds a measurement: topics, producer ids, one request at a time.
// Versions are chosen so that Kafka 4 and Cairn both speak them. Any error ends the program.
#pragma once

#include <map>
#include <vector>

#include <cairn/protocol/header.hpp>

#include "common/socket.hpp"

namespace cairn::bench {

inline constexpr std::int16_t produce_version = 11;  // the last but one by topic name
inline constexpr std::int16_t fetch_version = 12;    // the last by topic name

/// A request as it goes out: length, header with correlation id 0, body.
template <class M>
Bytes frame_of(const M& message, std::int16_t version) {
  protocol::Writer writer(protocol::Writer::never_splice);
  const std::size_t length = writer.reserve_length();
  protocol::write_request_header(writer, M::api_key, version, 0, "cairn-bench");
  write(writer, message, version);
  if (!writer.ok()) give_up(writer.refusal());
  writer.set_length(length);
  return std::move(writer).finish_contiguous();
}

/// Where the correlation id stands in a frame: behind length, key and version.
inline void set_correlation_id(Bytes& frame, std::int32_t id) {
  store_big_endian(frame.data() + 8, id);
}

/// The message in a response without its length.
template <class M>
M parse_response(BytesView response, std::int16_t version) {
  protocol::Reader reader(response);
  if (!protocol::read_response_header(reader, M::api_key, version)) give_up("a malformed response");
  auto message = protocol::decode<M>(reader.rest(), version);
  if (!message) give_up(message.error().why);
  return std::move(*message);
}

struct ProducerIdentity {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
};

class Cluster {
 public:
  explicit Cluster(const std::string& bootstrap);

  const HostPort& address() const { return address_; }

  template <class M>
  typename M::Response call(const M& message, std::int16_t version) {
    const Bytes response = exchange(frame_of(message, version));
    return parse_response<typename M::Response>(response, version);
  }

  using Configs = std::map<std::string, std::string>;
  using Replicas = std::vector<std::int32_t>;
  /// Creates a topic with these replicas of each partition, or with one anywhere, and waits until
  /// all its partitions have a leader. One of that name that exists already is deleted first.
  void create_topic(const std::string& name, std::int32_t partitions, const Configs& configs,
                    const Replicas& replicas = {});
  /// Creates topics of so many partitions each in one request a topic, without waiting for leaders.
  void request_topic(const std::string& name, std::int32_t partitions, const Configs& configs);
  void wait_for_leaders(const std::string& name, std::int32_t partitions);
  void delete_topic(const std::string& name);
  ProducerIdentity init_producer_id();

 private:
  Bytes exchange(const Bytes& frame);
  bool leads_all(const std::string& name, std::int32_t partitions);
  bool has_leaders(const std::string& name, std::int32_t partitions);

  HostPort address_;
  Descriptor socket_;
};

}  // namespace cairn::bench
