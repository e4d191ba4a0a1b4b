// SPDX-License-Identifier: Apache-2.0
// Processes what a consumer group delivers: polls, hands each partition's records to a Handler, in
// order within a partition and concurrently between partitions, and commits before processing (at
// most once) or after it (at least once). A partition whose queue is full is paused; before a
// partition is given up its processing ends and its offsets are committed.
// Owner: the application. It subscribes the consumer it is given, which outlives it and has
// auto_commit off, and closes it when run() ends. One shard.
#pragma once

#include <cairn/client/consumer.hpp>

namespace cairn::client {

enum class Guarantee : std::uint8_t { at_most_once, at_least_once };

struct ProcessorOptions {
  Guarantee guarantee = Guarantee::at_least_once;
  std::size_t queued_polls = 4;  // a partition's, before it is paused
  Duration commit_interval = seconds(5);
};

class Handler {
 public:
  virtual ~Handler() = default;
  /// Consecutive records of one partition. An error stops the processor; nothing of these is
  /// committed then (at least once).
  virtual runtime::Task<Result<>> process(const PolledRecords& records) = 0;
};

class Processor {
 public:
  Processor(runtime::Shard& shard, Consumer& consumer, Handler& handler, ProcessorOptions options);
  ~Processor();

  Result<> subscribe(std::vector<std::string> topics);
  Result<> subscribe_pattern(std::string pattern);
  /// Until stop(), a handler's error or one of the consumer's. On return all processing has ended,
  /// what was processed is committed (at least once), and the consumer is closed. Call it once.
  runtime::Task<Result<>> run();
  void stop();

 private:
  class State;
  Consumer* consumer_ = nullptr;
  std::unique_ptr<State> state_;
};

}  // namespace cairn::client
