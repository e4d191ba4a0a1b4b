// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/measure.hpp"
#include "options.hpp"
#include "pump.hpp"

namespace cairn::bench {
namespace {

constexpr std::uint64_t different_batches = 4;  // a partition's frames differ, for honest codecs

/// What all lanes of a measurement have in common.
struct Progress {
  std::uint64_t values_sent = 0;
  std::uint64_t values_acknowledged = 0;
  std::uint64_t requests = 0;
  std::uint64_t records = 0;
  std::uint64_t wire_bytes = 0;
  Samples latency;
};

/// Replays its frames in turn.
class ProduceLane : public Lane {
 public:
  ProduceLane(std::vector<ProduceFrame> frames, bool idempotent, bool answers, Progress& progress)
      : frames_(std::move(frames)),
        idempotent_(idempotent),
        answers_(answers),
        progress_(progress) {
    for (const ProduceFrame& frame : frames_) {
      const auto needed = static_cast<std::size_t>(frame.partition()) + 1;
      sequences_.resize(std::max(sequences_.size(), needed));
    }
  }

  Bytes* next(std::int64_t) override {
    ProduceFrame& frame = frames_[at_++ % frames_.size()];
    if (idempotent_) {
      auto& sequence = sequences_[static_cast<std::size_t>(frame.partition())];
      frame.set_sequence(sequence);
      sequence = record::advance_sequence(sequence, frame.records());
    }
    values_in_flight_.push_back(frame.value_bytes());
    progress_.values_sent += frame.value_bytes();
    progress_.wire_bytes += frame.bytes().size();
    progress_.records += static_cast<std::uint64_t>(frame.records());
    ++progress_.requests;
    return &frame.bytes();
  }
  void sent() override {
    if (!answers_) acknowledge();
  }
  void answered(BytesView response, std::int64_t sent_at, std::int64_t now) override {
    const ProduceAnswer answer = parse_produce_answer(response);
    if (answer.error != ErrorCode::none) give_up("produce: " + to_string(answer.error));
    progress_.latency.add(now - sent_at);
    acknowledge();
  }
  bool expects_answers() const override { return answers_; }

 private:
  void acknowledge() {
    progress_.values_acknowledged += values_in_flight_.front();
    values_in_flight_.pop_front();
  }

  std::vector<ProduceFrame> frames_;
  std::vector<std::int32_t> sequences_;
  std::deque<std::uint64_t> values_in_flight_;
  std::size_t at_ = 0;
  bool idempotent_;
  bool answers_;
  Progress& progress_;
};

/// Lane `index`: one of its frames is in flight at most once, since there are more than the window.
std::vector<ProduceFrame> frames_for(const Options& options, const BatchShape& shape,
                                     std::size_t index) {
  std::vector<ProduceFrame> frames;
  const auto partitions = static_cast<std::uint64_t>(options.partitions);
  const bool many = shape.batch_bytes * partitions > (std::size_t{64} << 20);
  for (std::uint64_t round = 0; round < (options.idempotent || many ? 1 : different_batches);
       ++round) {
    for (std::uint64_t i = 0; i < partitions; ++i) {
      const auto partition = static_cast<std::int32_t>((i + index * 3) % partitions);
      const BuiltBatch batch = build_batch(shape, index * 1000 + round * 100 + i % 7);
      frames.emplace_back(options.topic, partition, options.acks, batch);
    }
  }
  return frames;
}

struct Lanes {
  std::vector<std::unique_ptr<ProduceLane>> lanes;
  Pump pump;
};

void connect_lanes(Lanes& lanes, Cluster& cluster, const Options& options, std::size_t window,
                   Progress& progress) {
  for (std::size_t i = 0; i < options.connections; ++i) {
    BatchShape shape = options.shape;
    if (options.idempotent) shape.producer = cluster.init_producer_id();
    lanes.lanes.push_back(std::make_unique<ProduceLane>(
        frames_for(options, shape, i), options.idempotent, options.acks != 0, progress));
    lanes.pump.add(connect_to(cluster.address().host, cluster.address().port), window,
                   *lanes.lanes.back());
  }
}

void warm_up(Lanes& lanes, double seconds) {
  const std::int64_t until = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  lanes.pump.run([until] { return now_ns() >= until; });
}

void report(const Options& options, const char* measurement, const Progress& progress,
            const CpuWatch& watch, double seconds) {
  const double gigabytes = static_cast<double>(progress.values_acknowledged) / 1e9;
  const auto requests = static_cast<double>(progress.requests);
  Row(row_name(options, measurement))
      .number("server_cpu_s_per_gb", watch.server() / gigabytes)
      .number("server_us_per_request", watch.server() * 1e6 / requests)
      .number("server_us_per_record", watch.server() * 1e6 / static_cast<double>(progress.records))
      .number("mb_per_s", gigabytes * 1000 / seconds)
      .number("requests_per_s", requests / seconds)
      .number("client_cpu_s_per_gb", watch.own() / gigabytes)
      .number("others_cpu_s", watch.others())
      .number("wire_to_values", static_cast<double>(progress.wire_bytes) / gigabytes / 1e9)
      .count("server_kib", process_memory_kib(options.pids))
      .latency(progress.latency)
      .print();
}

}  // namespace

void measure_produce(const Options& options) {
  Cluster cluster(options.bootstrap);
  cluster.create_topic(options.topic, options.partitions, configs_of(options), options.replicas);
  Progress progress;
  Lanes lanes;
  connect_lanes(lanes, cluster, options, options.in_flight, progress);
  warm_up(lanes, options.warm_up_seconds);

  WarmMemory warm(options.warm_bytes);
  progress = {};
  const CpuWatch watch(options.pids);
  const std::int64_t began = now_ns();
  lanes.pump.run([&] {
    warm.follow(progress.wire_bytes);
    return progress.values_sent >= options.bytes;
  });
  report(options, "produce", progress, watch, static_cast<double>(now_ns() - began) / 1e9);
}

void measure_acks(const Options& options) {
  Cluster cluster(options.bootstrap);
  cluster.create_topic(options.topic, options.partitions, configs_of(options), options.replicas);
  Progress progress;
  Lanes lanes;
  connect_lanes(lanes, cluster, options, 1, progress);
  warm_up(lanes, options.warm_up_seconds);

  progress = {};
  const CpuWatch watch(options.pids);
  const std::int64_t began = now_ns();
  warm_up(lanes, options.seconds);
  report(options, "acks", progress, watch, static_cast<double>(now_ns() - began) / 1e9);
}

}  // namespace cairn::bench
