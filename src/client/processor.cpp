// SPDX-License-Identifier: Apache-2.0
#include <deque>

#include <cairn/base/log.hpp>
#include <cairn/client/processor.hpp>

namespace cairn::client {

namespace {

/// What a commit may meet while the group rebalances or its coordinator moves. The next poll() sets
/// it right: the member joins again, or is told what it has lost.
bool commits_later(ErrorCode code) {
  using enum ErrorCode;
  return is_retriable(code) || code == rebalance_in_progress || code == illegal_generation ||
         code == unknown_member_id;
}

}  // namespace

/// A lane is a partition's queue and the task that empties it, in order. Lanes run side by side.
class Processor::State : public RebalanceListener {
 public:
  State(runtime::Shard& shard, Consumer& consumer, Handler& handler, ProcessorOptions options)
      : shard_(shard),
        consumer_(consumer),
        handler_(handler),
        options_(options),
        tasks_(shard.context()) {}

  runtime::Task<Result<>> run();
  void stop() {
    stopping_ = true;
    consumer_.wakeup();
  }

  runtime::Task<> assigned(std::vector<TopicPartition> partitions) override;
  runtime::Task<> revoked(std::vector<TopicPartition> partitions) override;
  runtime::Task<> lost(std::vector<TopicPartition> partitions) override;

 private:
  struct Lane {
    std::deque<PolledRecords> queue;
    bool running = false;
    bool paused = false;
    bool abandoned = false;               // process no more
    std::optional<CommittedOffset> done;  // what may be committed
    runtime::Event ended;
  };

  runtime::Task<Result<>> loop();
  runtime::Task<Result<>> accept(std::vector<PolledRecords> polled);
  runtime::Task<> work(TopicPartition partition, std::shared_ptr<Lane> lane);
  runtime::Task<> finish(Lane& lane);
  runtime::Task<Result<>> commit_done();
  void take_back(const std::vector<PolledRecords>& polled);
  static CommittedOffset after(const PolledRecords& records) {
    return {records.next_offset, records.leader_epoch, ""};
  }

  runtime::Shard& shard_;
  Consumer& consumer_;
  Handler& handler_;
  ProcessorOptions options_;
  std::map<TopicPartition, std::shared_ptr<Lane>> lanes_;
  bool stopping_ = false;
  Result<> failure_;
  runtime::TaskGroup tasks_;
};

Processor::Processor(runtime::Shard& shard, Consumer& consumer, Handler& handler,
                     ProcessorOptions options)
    : state_(std::make_unique<State>(shard, consumer, handler, options)) {
  consumer_ = &consumer;
}
Processor::~Processor() = default;

Result<> Processor::subscribe(std::vector<std::string> topics) {
  return consumer_->subscribe(std::move(topics), state_.get());
}
Result<> Processor::subscribe_pattern(std::string pattern) {
  return consumer_->subscribe_pattern(std::move(pattern), state_.get());
}
runtime::Task<Result<>> Processor::run() { return state_->run(); }
void Processor::stop() { state_->stop(); }

runtime::Task<Result<>> Processor::State::run() {
  auto result = co_await loop();
  stopping_ = true;
  for (auto& [partition, lane] : lanes_) {
    if (!result || !failure_) lane->abandoned = true;
  }
  for (auto& [partition, lane] : lanes_) co_await finish(*lane);
  const auto committed = co_await commit_done();
  const auto closed = co_await consumer_.close();
  co_await tasks_.join();
  if (!result) co_return result;
  if (!failure_) co_return failure_;
  if (!committed) co_return committed;
  co_return closed;
}

runtime::Task<Result<>> Processor::State::loop() {
  Instant next_commit = shard_.clock().now() + options_.commit_interval;
  while (!stopping_ && failure_) {
    const Duration left = next_commit - shard_.clock().now();
    CO_TRY(auto polled, co_await consumer_.poll(std::max(left, Duration::zero())));
    if (!polled.empty()) {
      CO_TRY(co_await accept(std::move(polled)));
    }
    if (shard_.clock().now() >= next_commit) {
      const auto committed = co_await commit_done();
      if (!committed && !commits_later(committed.error().code)) co_return committed;
      next_commit = shard_.clock().now() + options_.commit_interval;
    }
    if (co_await runtime::cancelled()) break;
  }
  co_return Result<>{};
}

runtime::Task<Result<>> Processor::State::accept(std::vector<PolledRecords> polled) {
  if (options_.guarantee == Guarantee::at_most_once) {
    CommittedOffsets offsets;
    for (const auto& records : polled) offsets[records.partition] = after(records);
    const auto committed = co_await consumer_.commit(std::move(offsets));
    if (!committed) {
      if (!commits_later(committed.error().code)) co_return committed;
      take_back(polled);
      co_return Result<>{};
    }
  }
  for (auto& records : polled) {
    const auto partition = records.partition;
    auto& lane = lanes_[partition];
    if (!lane) lane = std::make_shared<Lane>();
    lane->queue.push_back(std::move(records));
    if (lane->queue.size() >= options_.queued_polls) {
      lane->paused = true;
      consumer_.pause(partition);
    }
    if (!std::exchange(lane->running, true)) tasks_.spawn(work(partition, lane));
  }
  co_return Result<>{};
}

/// These records were not committed, so they must not be processed: they are read again, by whoever
/// has the partition then.
void Processor::State::take_back(const std::vector<PolledRecords>& polled) {
  for (const auto& records : polled) {
    consumer_.seek(records.partition, records.records.front().offset);
  }
}

runtime::Task<> Processor::State::work(TopicPartition partition, std::shared_ptr<Lane> lane) {
  while (!lane->queue.empty() && !lane->abandoned && failure_) {
    const PolledRecords records = std::move(lane->queue.front());
    lane->queue.pop_front();
    const auto processed = co_await handler_.process(records);
    if (!processed) {
      if (failure_) failure_ = processed;
      consumer_.wakeup();
      break;
    }
    if (options_.guarantee == Guarantee::at_least_once) lane->done = after(records);
    if (lane->paused && lane->queue.size() < options_.queued_polls && !lane->abandoned) {
      lane->paused = false;
      consumer_.resume(partition);
      consumer_.wakeup();
    }
  }
  lane->running = false;
  lane->ended.set();
}

runtime::Task<> Processor::State::finish(Lane& lane) {
  while (lane.running) {
    if (!co_await lane.ended.wait()) co_return;
  }
}

runtime::Task<Result<>> Processor::State::commit_done() {
  CommittedOffsets offsets;
  for (auto& [partition, lane] : lanes_) {
    if (lane->done) offsets[partition] = *std::exchange(lane->done, std::nullopt);
  }
  if (offsets.empty()) co_return Result<>{};
  auto committed = co_await consumer_.commit(offsets);
  if (!committed) {
    for (const auto& [partition, offset] : offsets) {  // with the next ones, if they still are ours
      const auto lane = lanes_.find(partition);
      if (lane != lanes_.end() && !lane->second->done) lane->second->done = offset;
    }
    logging::warn("commit of processed offsets failed: {} ({})", to_string(committed.error().code),
                  committed.error().why);
  }
  co_return committed;
}

runtime::Task<> Processor::State::assigned(std::vector<TopicPartition>) { co_return; }

runtime::Task<> Processor::State::revoked(std::vector<TopicPartition> partitions) {
  for (const auto& partition : partitions) {
    const auto lane = lanes_.find(partition);
    if (lane != lanes_.end()) co_await finish(*lane->second);
  }
  // If the commit fails it has said so, and the next owner reads these records again.
  static_cast<void>(co_await commit_done());
  for (const auto& partition : partitions) lanes_.erase(partition);
}

runtime::Task<> Processor::State::lost(std::vector<TopicPartition> partitions) {
  for (const auto& partition : partitions) {
    const auto found = lanes_.find(partition);
    if (found == lanes_.end()) continue;
    const auto lane = found->second;
    lane->abandoned = true;
    lanes_.erase(found);
    co_await finish(*lane);
  }
}

}  // namespace cairn::client
