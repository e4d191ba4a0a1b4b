// SPDX-License-Identifier: Apache-2.0
// What the command line of cairn_bench says, and the measurements there are. Each prints one JSON
// line with the CPU seconds of the server (--pid) beside what the client saw.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "frames.hpp"

namespace cairn::bench {

struct Options {
  std::string bootstrap = "127.0.0.1:9092";
  std::string name;         // of the row; the measurement's if empty
  std::vector<pid_t> pids;  // of the server, or of all its nodes; none: not measured
  std::string topic = "bench";
  std::int32_t partitions = 12;
  std::vector<std::string> configs;  // key=value, of the topic
  Cluster::Replicas replicas;        // of each partition, its leader first; none: one anywhere
  std::size_t connections = 1;
  std::size_t in_flight = 4;
  std::int16_t acks = 1;
  BatchShape shape;
  bool idempotent = false;
  std::uint64_t bytes = std::uint64_t{1} << 30;  // of values, in all
  double seconds = 10;                           // of measurements by time
  double warm_up_seconds = 1;
  double rate = 1000;  // records a second, or MB a second of tailing
  std::size_t consumers = 3;
  std::string cold_topic = "cold";  // what readers far behind read, a partition each
  std::uint64_t warm_bytes = 0;
  std::vector<std::string> command;     // of the server, for measurements that start it
  std::string data_directory = "/tmp";  // of the probe, or of the server
};

/// Closed loop: frames as fast as the window allows, until `bytes` of values are acknowledged.
void measure_produce(const Options& options);
/// Closed loop for `seconds`: one record a request and connection, each waiting for its own answer.
void measure_acks(const Options& options);
/// Reads what is in the topic, over and over, until `bytes` arrived.
void measure_fetch(const Options& options);
/// `rate` MB a second in, `consumers` that follow.
void measure_tail(const Options& options);
/// Open loop: `rate` records a second on a fixed schedule, and one consumer.
void measure_latency(const Options& options);
/// An open loop of `rate` records a second, alone and beside `consumers` far behind.
void measure_beside(const Options& options);
/// From exec of `command` to the first record acknowledged with acks=all, then it is stopped.
void measure_start(const Options& options);
/// Resident memory as it is; and how it grows with `connections` idle connections.
void measure_memory(const Options& options);
/// 1,000 partitions: in 100 topics, a request each; in one topic.
void measure_create(const Options& options);

/// CPU seconds of the server, of us, and of the rest of the machine since it was made.
class CpuWatch {
 public:
  explicit CpuWatch(std::span<const pid_t> pids);
  double server() const;
  double own() const;
  double others() const;

 private:
  std::span<const pid_t> pids_;
  double server_;
  double own_;
  double busy_;
};

Cluster::Configs configs_of(const Options& options);
std::string row_name(const Options& options, const char* measurement);

}  // namespace cairn::bench
