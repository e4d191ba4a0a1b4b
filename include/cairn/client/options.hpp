// SPDX-License-Identifier: Apache-2.0
// What a client can be told. The fields are Kafka's client settings in snake case, with Kafka's
// defaults where nothing else is said; each comment names the key it stands for. Options are copied
// into the object that uses them and do not change afterwards.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/time.hpp>
#include <cairn/client/partitioner.hpp>
#include <cairn/group/assignor.hpp>
#include <cairn/record/compression.hpp>
#include <cairn/runtime/network.hpp>

namespace cairn::client {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// "host:port,host:port"; the port is 9092 where none is given, IPv6 addresses stand in brackets.
/// Fails with invalid_config.
Result<std::vector<runtime::Endpoint>> parse_bootstrap(std::string_view text);

struct ClientOptions {
  std::vector<runtime::Endpoint> bootstrap;    // bootstrap.servers
  std::string client_id = "cairn";             // client.id
  Duration request_timeout = seconds(30);      // request.timeout.ms
  Duration api_timeout = seconds(60);          // default.api.timeout.ms: one call, all attempts
  Duration retry_backoff = milliseconds(100);  // retry.backoff.ms: the first; then it doubles
  Duration retry_backoff_max = seconds(1);     // retry.backoff.max.ms
  Duration metadata_max_age = minutes(5);      // metadata.max.age.ms
};

enum class Acks : std::int16_t { none = 0, leader = 1, all = -1 };

struct ProducerOptions {
  Acks acks = Acks::all;                   // acks
  bool idempotent = true;                  // enable.idempotence; needs acks=all
  Duration linger = milliseconds(5);       // linger.ms
  std::size_t batch_size = 16384;          // batch.size
  std::size_t buffer_memory = 32 << 20;    // buffer.memory
  std::size_t max_request_size = 1 << 20;  // max.request.size
  Duration max_block = seconds(60);        // max.block.ms
  Duration delivery_timeout = minutes(2);  // delivery.timeout.ms
  /// max.in.flight.requests.per.connection. Order holds over retries whatever this is: a partition
  /// has at most this many batches under way with idempotence (5 at most) and one without.
  std::int32_t max_in_flight = 5;
  record::Codec codec = record::Codec::none;            // compression.type
  int level = record::default_level;                    // compression.<type>.level
  PartitionerKind partitioner = PartitionerKind::hash;  // partitioner.class
};

enum class OffsetReset : std::uint8_t { earliest, latest, none };
enum class Isolation : std::int8_t { read_uncommitted = 0, read_committed = 1 };
using group::AssignorKind;

struct ConsumerOptions {
  OffsetReset offset_reset = OffsetReset::latest;     // auto.offset.reset
  Isolation isolation = Isolation::read_uncommitted;  // isolation.level
  std::int32_t fetch_min_bytes = 1;                   // fetch.min.bytes
  Duration fetch_max_wait = milliseconds(500);        // fetch.max.wait.ms
  std::int32_t fetch_max_bytes = 50 << 20;            // fetch.max.bytes
  std::int32_t max_partition_fetch_bytes = 1 << 20;   // max.partition.fetch.bytes
  std::size_t max_poll_records = 500;                 // max.poll.records
  bool check_crcs = true;                             // check.crcs
  std::string rack;                                   // client.rack

  std::string group_id;                          // group.id; empty: no group, no commits
  std::optional<std::string> group_instance_id;  // group.instance.id
  std::vector<AssignorKind> assignors = {AssignorKind::range,  // partition.assignment.strategy,
                                         AssignorKind::cooperative_sticky};  // preferred first
  Duration session_timeout = seconds(45);                                    // session.timeout.ms
  Duration heartbeat_interval = seconds(3);    // heartbeat.interval.ms
  Duration max_poll_interval = minutes(5);     // max.poll.interval.ms, and the rebalance's
  bool auto_commit = true;                     // enable.auto.commit
  Duration auto_commit_interval = seconds(5);  // auto.commit.interval.ms
};

}  // namespace cairn::client
