// SPDX-License-Identifier: Apache-2.0
// What readers far behind cost those who produce: an open loop of small produce requests, in turns
// alone and beside consumers that read a topic from the disk.
#include <atomic>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "common/measure.hpp"
#include "options.hpp"
#include "pump.hpp"

namespace cairn::bench {
namespace {

constexpr std::size_t beside_window = 10000;  // the schedule must never wait for answers
constexpr int rounds = 4;                     // alone and beside, in turns

/// Takes a topic's segments out of the page cache, as if they had been written long ago.
void make_cold(const std::string& data_directory, const std::string& topic) {
  namespace fs = std::filesystem;
  for (const fs::directory_entry& partition : fs::directory_iterator(data_directory)) {
    if (!partition.path().filename().string().starts_with(topic + "-")) continue;
    for (const fs::directory_entry& file : fs::directory_iterator(partition.path())) {
      if (file.path().extension() != ".log") continue;
      const Descriptor opened(open(file.path().c_str(), O_RDONLY | O_CLOEXEC));
      if (opened.number() < 0) continue;
      fdatasync(opened.number());  // only clean pages go
      posix_fadvise(opened.number(), 0, 0, POSIX_FADV_DONTNEED);
    }
  }
}

/// Sends a record each period; what counts is the time from when it was due.
class SteadyLane : public Lane {
 public:
  explicit SteadyLane(const Options& options)
      : period_(static_cast<std::int64_t>(1e9 / options.rate)), next_due_(now_ns() + period_) {
    BatchShape one = options.shape;
    one.batch_bytes = 1;
    for (std::int32_t i = 0; i < options.partitions; ++i) {
      const BuiltBatch batch = build_batch(one, static_cast<std::uint64_t>(i));
      frames_.emplace_back(options.topic, i, options.acks, batch);
    }
  }

  Bytes* next(std::int64_t now) override {
    if (now < next_due_) return nullptr;
    due_.push_back(next_due_);
    next_due_ += period_;
    return &frames_[at_++ % frames_.size()].bytes();
  }
  void answered(BytesView response, std::int64_t, std::int64_t now) override {
    const ProduceAnswer answer = parse_produce_answer(response);
    if (answer.error != ErrorCode::none) give_up("produce: " + to_string(answer.error));
    taken_->add(now - due_.front());
    due_.pop_front();
  }
  std::optional<std::int64_t> wake_at() const override { return next_due_; }

  void count_into(Samples& samples) { taken_ = &samples; }
  /// After a pause: what was due in it is not made up for.
  void go_on() { next_due_ = now_ns() + period_; }

 private:
  std::vector<ProduceFrame> frames_;
  std::deque<std::int64_t> due_;
  std::int64_t period_;
  std::int64_t next_due_;
  std::size_t at_ = 0;
  Samples* taken_ = nullptr;
};

/// Reads a partition from its beginning; at its end the topic is made cold again.
class ColdLane : public Lane {
 public:
  ColdLane(const Options& options, std::int32_t partition)
      : options_(options),
        frame_(options.cold_topic, partition, {.max_wait_ms = 0, .min_bytes = 0}) {}

  Bytes* next(std::int64_t) override { return &frame_.bytes(); }
  void answered(BytesView response, std::int64_t, std::int64_t) override {
    const FetchAnswer answer = parse_fetch_answer(response);
    received_ += answer.records.size();
    if (answer.next_offset < 0) make_cold(options_.data_directory, options_.cold_topic);
    frame_.set_offset(std::max<std::int64_t>(answer.next_offset, 0));
  }
  std::uint64_t received() const { return received_; }

 private:
  const Options& options_;
  FetchFrame frame_;
  std::uint64_t received_ = 0;
};

/// `consumers` that read what is cold, on a thread of their own, while it lives.
class ColdReaders {
 public:
  ColdReaders(const HostPort& address, const Options& options) {
    make_cold(options.data_directory, options.cold_topic);
    for (std::size_t i = 0; i < options.consumers; ++i) {
      lanes_.push_back(std::make_unique<ColdLane>(options, static_cast<std::int32_t>(i)));
      pump_.add(connect_to(address.host, address.port), 1, *lanes_.back());
    }
    thread_ = std::thread([this] { pump_.run([this] { return stopping_.load(); }); });
  }
  /// Bytes that arrived.
  std::uint64_t stop() {
    stopping_ = true;
    thread_.join();
    std::uint64_t bytes = 0;
    for (const auto& lane : lanes_) bytes += lane->received();
    return bytes;
  }

 private:
  std::vector<std::unique_ptr<ColdLane>> lanes_;
  Pump pump_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace

void measure_beside(const Options& options) {
  Cluster cluster(options.bootstrap);
  cluster.create_topic(options.topic, options.partitions, configs_of(options));
  SteadyLane producer(options);
  Pump pump(Pump::Waiting::asleep);
  pump.add(connect_to(cluster.address().host, cluster.address().port), beside_window, producer);
  const auto produce_for = [&](double seconds, Samples& samples) {
    producer.go_on();
    producer.count_into(samples);
    const std::int64_t until = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    pump.run([until] { return now_ns() >= until; });
  };
  Samples warm_up, alone, beside;
  produce_for(options.warm_up_seconds, warm_up);
  const double each = options.seconds / rounds / 2;
  const CpuWatch watch(options.pids);
  double cold_gigabytes = 0;
  for (int round = 0; round < rounds; ++round) {
    produce_for(each, alone);
    ColdReaders readers(cluster.address(), options);
    produce_for(each, beside);
    cold_gigabytes += static_cast<double>(readers.stop()) / 1e9;
  }
  const auto microseconds = [](const Samples& samples, double fraction) {
    return static_cast<double>(samples.percentile(fraction)) / 1000;
  };
  Row(row_name(options, "beside"))
      .number("alone_p50_us", microseconds(alone, 0.5))
      .number("alone_p99_us", microseconds(alone, 0.99))
      .number("beside_p50_us", microseconds(beside, 0.5))
      .number("beside_p99_us", microseconds(beside, 0.99))
      .number("p99_ratio", microseconds(beside, 0.99) / microseconds(alone, 0.99))
      .number("cold_mb_per_s", cold_gigabytes * 1000 / (each * rounds))
      .number("server_cpu_s", watch.server())
      .number("others_cpu_s", watch.others())
      .print();
}

}  // namespace cairn::bench
