// SPDX-License-Identifier: Apache-2.0
// What storage tests stand on: one simulated machine, a process on it with an Environment, batches
// to append, and a way to run a task to its end. crash() is power loss, kill() is kill -9; after
// either boot() starts the next life on the same disk. Owner: a test.
#pragma once

#include <gtest/gtest.h>

#include <cairn/record/builder.hpp>
#include <cairn/storage/partition_log.hpp>

#include "simulation/world/world.hpp"

namespace cairn::storage::testing {

inline constexpr const char* data_directory = "/data";

class Stage {
 public:
  explicit Stage(std::uint64_t seed = 1) : world_(seed) {
    boot();
    EXPECT_TRUE(run(process_->disk().create_directory(data_directory)));
    EXPECT_TRUE(run(process_->disk().sync_directory("/")));
  }
  ~Stage() { forget(); }

  void boot() {
    process_ = &world_.start("node");
    environment_ =
        std::make_unique<Environment>(process_->disk(), process_->clock(), Random(7), limits);
    health_ = std::make_unique<DirectoryHealth>(data_directory, limits);
  }
  void crash() {
    end([&] { world_.crash("node"); });
  }
  void kill() {
    end([&] { world_.kill("node"); });
  }

  world::World& world() { return world_; }
  world::SimMachine& machine() { return world_.machine("node"); }
  world::Process& process() { return *process_; }
  Environment& environment() { return *environment_; }
  DirectoryHealth& health() { return *health_; }
  std::shared_ptr<PartitionLog>& log() { return log_; }

  template <class T>
  T run(runtime::Task<T> task) {
    auto out = std::make_shared<std::optional<T>>();
    process_->shard().tasks().spawn(store(std::move(task), out));
    EXPECT_TRUE(world_.run_until([&] { return out->has_value(); })) << "the task never ended";
    return std::move(**out);
  }
  void run(runtime::Task<> task) { run(unit(std::move(task))); }
  /// Starts a task and does not wait for it.
  template <class T>
  std::shared_ptr<std::optional<T>> start(runtime::Task<T> task) {
    auto out = std::make_shared<std::optional<T>>();
    process_->shard().tasks().spawn(store(std::move(task), out));
    return out;
  }

  OpenLog request() const {
    OpenLog request;
    request.directory = std::string(data_directory) + "/topic-0";
    request.partition = {"topic", PartitionIndex(0)};
    request.topic_id = Uuid{77, 78};
    request.options = options;
    return request;
  }
  Result<> open(Offset recovery_point = Offset(0), Offset log_start = Offset(0),
                bool clean = false) {
    OpenLog wanted = request();
    wanted.recovery_point = recovery_point;
    wanted.log_start = log_start;
    wanted.clean_shutdown = clean;
    auto opened = run(PartitionLog::open(*environment_, *health_, wanted));
    if (!opened) return std::unexpected(opened.error());
    log_ = *opened;
    return {};
  }
  /// Closes the log and opens it as after a clean stop.
  void reopen() {
    const Offset start = log_->log_start();
    ASSERT_TRUE(run(log_->close()));
    log_.reset();
    ASSERT_TRUE(open(Offset(0), start, true));
  }

  Result<Appended> append(Bytes batch, Epoch epoch = Epoch(0),
                          record::Origin origin = record::Origin::client) {
    return run(append_owned(log_, std::move(batch), epoch, origin));
  }
  static runtime::Task<Result<Appended>> append_owned(std::shared_ptr<PartitionLog> log,
                                                      Bytes batch, Epoch epoch,
                                                      record::Origin origin) {
    LeaderAppend append{.batches = batch, .leader_epoch = epoch, .origin = origin};
    co_return co_await log->append_as_leader(append);
  }
  Result<LogSlice> read(Offset offset, ReadBound bound = ReadBound::log_end,
                        std::size_t max_bytes = std::size_t{1} << 20,
                        FirstBatch first = FirstBatch::always) {
    return run(log_->read({offset, max_bytes, bound, first}));
  }
  bool exists(const std::string& name) {
    return machine().content(std::string(data_directory) + "/topic-0/" + name).has_value();
  }

  /// Lets go of what was built on the environment.
  std::function<void()> before_forgetting;
  LogOptions options;
  EnvironmentLimits limits{.reserved_space = 0};

 private:
  template <class T>
  static runtime::Task<> store(runtime::Task<T> task, std::shared_ptr<std::optional<T>> out) {
    out->emplace(co_await std::move(task));
  }
  static runtime::Task<bool> unit(runtime::Task<> task) {
    co_await std::move(task);
    co_return true;
  }
  void forget() {
    if (before_forgetting) before_forgetting();
    log_.reset();
    health_.reset();
    environment_.reset();
  }
  template <class F>
  void end(F how) {
    how();
    forget();
  }

  world::World world_;
  world::Process* process_ = nullptr;
  std::unique_ptr<Environment> environment_;
  std::unique_ptr<DirectoryHealth> health_;
  std::shared_ptr<PartitionLog> log_;
};

struct BatchShape {
  int records = 1;
  std::size_t value_size = 20;
  std::int64_t timestamp = 1'000;
  ProducerId producer = no_producer;
  ProducerEpoch epoch = no_producer_epoch;
  std::int32_t sequence = no_sequence;
};

inline Bytes make_batch(const BatchShape& shape, char fill = 'v') {
  record::BatchOptions options;
  options.producer_id = shape.producer;
  options.producer_epoch = shape.epoch;
  options.base_sequence = shape.sequence;
  record::BatchBuilder builder(options);
  const Bytes value(shape.value_size, std::byte(fill));
  for (int i = 0; i < shape.records; ++i) {
    builder.append(shape.timestamp + i, BytesView(), BytesView(value));
  }
  return builder.build();
}

}  // namespace cairn::storage::testing
