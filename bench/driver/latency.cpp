// SPDX-License-Identifier: Apache-2.0
// Open loops: records leave on a fixed schedule whatever the answers do, and carry the time at
// which they should have left, so that a stall counts against every record it delays.
#include <algorithm>

#include "common/measure.hpp"
#include "options.hpp"
#include "pump.hpp"

namespace cairn::bench {
namespace {

constexpr std::size_t open_window = 10000;  // the schedule must never wait for answers

/// Sends one batch each period. The intended time, in ns, stands at the head of the first value.
class ScheduledLane : public Lane {
 public:
  ScheduledLane(const Options& options, double batches_per_second, bool timed)
      : period_(static_cast<std::int64_t>(1e9 / batches_per_second)),
        due_(now_ns() + 10'000'000),
        timed_(timed) {
    for (std::int32_t i = 0; i < options.partitions; ++i) {
      const BuiltBatch batch = build_batch(options.shape, static_cast<std::uint64_t>(i));
      frames_.emplace_back(options.topic, i, options.acks, batch);
      value_at_.push_back(value_offset(frames_.back()));
    }
  }

  Bytes* next(std::int64_t now) override {
    if (now < due_) return nullptr;
    const std::size_t which = at_++ % frames_.size();
    ProduceFrame& frame = frames_[which];
    if (timed_) {
      store_big_endian(frame.batch().data() + value_at_[which], due_);
      record::stamp_crc(frame.batch());
    }
    due_ += period_;
    sent_bytes_ += frame.value_bytes();
    sent_records_ += static_cast<std::uint64_t>(frame.records());
    return &frame.bytes();
  }
  void answered(BytesView response, std::int64_t sent_at, std::int64_t now) override {
    const ProduceAnswer answer = parse_produce_answer(response);
    if (answer.error != ErrorCode::none) give_up("produce: " + to_string(answer.error));
    acknowledged_.add(now - sent_at);
  }
  std::optional<std::int64_t> wake_at() const override { return due_; }

  std::uint64_t sent_bytes() const { return sent_bytes_; }
  std::uint64_t sent_records() const { return sent_records_; }
  const Samples& acknowledged() const { return acknowledged_; }
  void reset() {
    sent_bytes_ = 0;
    sent_records_ = 0;
    acknowledged_ = {};
  }

 private:
  static std::size_t value_offset(ProduceFrame& frame) {
    const MutableBytes batch = frame.batch();
    auto reader = record::RecordReader::open(record::BatchView::trusted(batch));
    const auto first = reader->next();
    return static_cast<std::size_t>(first->value->data() - batch.data());
  }

  std::vector<ProduceFrame> frames_;
  std::vector<std::size_t> value_at_;
  std::int64_t period_;
  std::int64_t due_;
  bool timed_;
  std::size_t at_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t sent_records_ = 0;
  Samples acknowledged_;
};

/// Follows one partition and takes the age of each batch's first record.
class FollowingLane : public Lane {
 public:
  FollowingLane(const std::string& topic, std::int32_t partition, Samples& ages)
      : frame_(topic, partition, FetchShape{}), ages_(ages) {}

  Bytes* next(std::int64_t) override { return &frame_.bytes(); }
  void answered(BytesView response, std::int64_t, std::int64_t) override {
    const FetchAnswer answer = parse_fetch_answer(response);
    const std::int64_t now = now_ns();
    record::BatchIterator batches(answer.records);
    while (const auto batch = batches.next()) {
      auto reader = record::RecordReader::open(*batch);
      if (!reader) give_up(reader.error().why);
      const auto first = reader->next();
      if (!first || !first->value || first->value->size() < 8) give_up("a record without its time");
      ages_.add(now - load_big_endian<std::int64_t>(first->value->data()));
    }
    if (answer.next_offset >= 0) frame_.set_offset(answer.next_offset);
  }

 private:
  FetchFrame frame_;
  Samples& ages_;
};

/// One producer on a schedule and, for each partition, so many consumers.
struct OpenLoop {
  Samples ages;
  std::unique_ptr<ScheduledLane> producer;
  std::vector<std::unique_ptr<FollowingLane>> consumers;
  Pump pump;
};

void set_up(OpenLoop& loop, Cluster& cluster, const Options& options, double batches_per_second,
            std::size_t consumers) {
  const auto connect = [&] { return connect_to(cluster.address().host, cluster.address().port); };
  loop.producer = std::make_unique<ScheduledLane>(options, batches_per_second, true);
  loop.pump.add(connect(), open_window, *loop.producer);
  for (std::size_t i = 0; i < consumers; ++i) {
    for (std::int32_t partition = 0; partition < options.partitions; ++partition) {
      loop.consumers.push_back(
          std::make_unique<FollowingLane>(options.topic, partition, loop.ages));
      loop.pump.add(connect(), 1, *loop.consumers.back());
    }
  }
}

void run_for(Pump& pump, double seconds) {
  const std::int64_t until = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  pump.run([until] { return now_ns() >= until; }, false);
}

}  // namespace

void measure_latency(const Options& options) {
  Cluster cluster(options.bootstrap);
  cluster.create_topic(options.topic, options.partitions, configs_of(options), options.replicas);
  Options one = options;
  one.shape.batch_bytes = 1;  // a record a batch: linger is 0
  OpenLoop loop;
  set_up(loop, cluster, one, options.rate, 1);
  run_for(loop.pump, options.warm_up_seconds);
  loop.ages = {};
  loop.producer->reset();
  const CpuWatch watch(options.pids);
  run_for(loop.pump, options.seconds);
  const auto records = static_cast<double>(loop.producer->sent_records());
  const auto& acks = loop.producer->acknowledged();
  Row(row_name(options, "latency"))
      .number("server_us_per_record", watch.server() * 1e6 / records)
      .number("records_per_s", records / options.seconds)
      .number("ack_p50_us", static_cast<double>(acks.percentile(0.5)) / 1000)
      .number("ack_p99_us", static_cast<double>(acks.percentile(0.99)) / 1000)
      .number("others_cpu_s", watch.others())
      .latency(loop.ages)
      .print();
}

void measure_tail(const Options& options) {
  Cluster cluster(options.bootstrap);
  cluster.create_topic(options.topic, options.partitions, configs_of(options), options.replicas);
  const BuiltBatch sample = build_batch(options.shape, 0);
  const double batches_per_second = options.rate * 1e6 / static_cast<double>(sample.value_bytes);
  OpenLoop loop;
  set_up(loop, cluster, options, batches_per_second, options.consumers);
  run_for(loop.pump, options.warm_up_seconds);
  loop.ages = {};
  loop.producer->reset();
  const CpuWatch watch(options.pids);
  run_for(loop.pump, options.seconds);
  const double gigabytes = static_cast<double>(loop.producer->sent_bytes()) / 1e9;
  Row(row_name(options, "tail"))
      .number("server_cpu_s_per_gb_in", watch.server() / gigabytes)
      .number("mb_per_s_in", gigabytes * 1000 / options.seconds)
      .number("others_cpu_s", watch.others())
      .latency(loop.ages)
      .print();
}

}  // namespace cairn::bench
