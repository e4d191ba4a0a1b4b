// SPDX-License-Identifier: Apache-2.0
// cairn perf produce|consume|latency
#include <deque>

#include <fmt/format.h>

#include <cairn/client/consumer.hpp>
#include <cairn/client/producer.hpp>

#include "histogram.hpp"
#include "output.hpp"
#include "producer_arguments.hpp"
#include "program.hpp"

namespace cairn::cli {

namespace {

using runtime::Task;

struct PerfArguments {
  std::string topic;
  std::uint64_t records = 1000000;
  std::size_t size = 100;
  double rate = 0;
  double seconds = 10;
  std::string group;
  ProducerArguments producer;
};

struct Measured {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  Duration took{};
  Histogram latencies;
  std::uint64_t failed = 0;
};

std::string text_of(Duration latency) {
  return fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(latency).count());
}

void print(const Globals& globals, const Measured& measured) {
  const double seconds = std::max(std::chrono::duration<double>(measured.took).count(), 1e-9);
  const double rate = static_cast<double>(measured.records) / seconds;
  const double bytes = static_cast<double>(measured.bytes) / seconds;
  const auto& latencies = measured.latencies;
  constexpr std::pair<const char*, double> shares[] = {
      {"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};
  Printer out;
  if (globals.json) {
    Json json;
    json.begin_object().field("records", static_cast<std::int64_t>(measured.records));
    json.field("bytes", static_cast<std::int64_t>(measured.bytes)).field("seconds", seconds);
    json.field("failed", static_cast<std::int64_t>(measured.failed));
    json.field("records_per_second", rate).field("bytes_per_second", bytes);
    if (latencies.count() > 0) {
      const auto ms = [](Duration of) {
        return std::chrono::duration<double, std::milli>(of).count();
      };
      json.key("latency_ms").begin_object().field("mean", ms(latencies.mean()));
      for (const auto& [name, share] : shares) json.field(name, ms(latencies.percentile(share)));
      json.field("max", ms(latencies.largest())).end_object();
    }
    json.end_object();
    out.line(json.text());
    return;
  }
  out.line(fmt::format("{} records in {:.2f} s: {:.0f} records/s, {}/s{}", measured.records,
                       seconds, rate, human_bytes(bytes),
                       measured.failed > 0 ? fmt::format(", {} failed", measured.failed) : ""));
  if (latencies.count() == 0) return;
  std::string line = "latency ms: mean " + text_of(latencies.mean());
  for (const auto& [name, share] : shares) {
    line += fmt::format("  {} {}", name, text_of(latencies.percentile(share)));
  }
  out.line(line + "  max " + text_of(latencies.largest()));
}

/// When record `index` of an open loop is due. A load that falls behind is not slowed down by it,
/// and its latency counts from here.
Instant due_at(Instant began, std::uint64_t index, double rate) {
  return began + std::chrono::duration_cast<Duration>(
                     std::chrono::duration<double>(static_cast<double>(index) / rate));
}

class ProduceLoad {
 public:
  ProduceLoad(Session& session, Globals globals, PerfArguments arguments,
              client::ClientOptions client_options, client::ProducerOptions options)
      : session_(session),
        globals_(std::move(globals)),
        arguments_(std::move(arguments)),
        producer_(session.shard, session.network, std::move(client_options), std::move(options)),
        progress_(globals_.errors_go_to_terminal) {}

  Task<Result<Measured>> run();

 private:
  struct UnderWay {
    client::Delivery delivery;
    Instant due;
  };

  Task<Result<>> send_all();
  void reap();

  Session& session_;
  Globals globals_;
  PerfArguments arguments_;
  client::Producer producer_;
  Progress progress_;
  Measured measured_;
  std::deque<UnderWay> under_way_;
};

Task<Result<Measured>> ProduceLoad::run() {
  auto& clock = session_.shard.clock();
  auto ready = co_await producer_.cluster().await_topic(
      arguments_.topic, clock.now() + producer_.cluster().options().api_timeout);
  const Instant began = clock.now();
  Result<> sent = ready ? co_await send_all() : ready;
  static_cast<void>(co_await producer_.flush());  // each record's fate is in under_way_
  reap();
  measured_.took = clock.now() - began;
  static_cast<void>(co_await producer_.close(clock.now() + std::chrono::seconds(5)));
  progress_.clear();
  if (!sent) co_return std::unexpected(sent.error());
  co_return measured_;
}

Task<Result<>> ProduceLoad::send_all() {
  auto& clock = session_.shard.clock();
  Bytes payload(arguments_.size);
  for (auto& byte : payload) byte = static_cast<std::byte>('A' + session_.shard.random().below(26));
  client::ProducerRecord record;
  record.topic = arguments_.topic;
  record.value = payload;
  const Instant began = clock.now();
  for (std::uint64_t i = 0; i < arguments_.records && !session_.stop.is_set(); i++) {
    Instant due = clock.now();
    if (arguments_.rate > 0) {
      due = due_at(began, i, arguments_.rate);
      if (due > clock.now()) co_await clock.sleep_until(due);
    }
    auto sent = producer_.try_send(record);
    if (!sent) sent = co_await producer_.send(record);
    if (!*sent) co_return std::unexpected(sent->error());
    under_way_.push_back({**std::move(sent), due});
    if (i % 512 != 511) continue;
    reap();
    if (progress_.due(clock.now())) {
      progress_.show(clock.now(), fmt::format("{} of {} records", i + 1, arguments_.records));
    }
    // Lets answers in: sending itself never waits while there is room.
    co_await clock.sleep_until(clock.now());
  }
  co_return Result<>{};
}

void ProduceLoad::reap() {
  while (!under_way_.empty() && under_way_.front().delivery.settled()) {
    const auto& front = under_way_.front();
    if (front.delivery.result()) {
      measured_.records++;
      measured_.bytes += arguments_.size;
      measured_.latencies.add(front.delivery.settled_at() - front.due);
    } else {
      measured_.failed++;
    }
    under_way_.pop_front();
  }
}

Task<int> produce(Session& session, Globals globals, PerfArguments arguments) {
  auto client_options = globals.client_options();
  if (!client_options) co_return refuse(client_options.error().why);
  auto options = arguments.producer.options();
  if (!options) co_return refuse(options.error().why);
  ProduceLoad load(session, globals, arguments, *client_options, *options);
  auto measured = co_await load.run();
  if (!measured) co_return report(globals, "produce to " + arguments.topic, measured.error());
  print(globals, *measured);
  co_return measured->failed == 0 ? 0 : 1;
}

Task<Result<>> assign_all(client::Consumer& consumer, std::string topic,
                          client::OffsetReset where) {
  CO_TRY(auto partitions, co_await consumer.partitions_of(topic));
  CO_TRY(consumer.assign(partitions));
  for (const auto& partition : partitions) consumer.seek_to(partition, where);
  co_return Result<>{};
}

Task<Result<Measured>> read_all(Session& session, client::Consumer& consumer,
                                PerfArguments arguments) {
  auto& clock = session.shard.clock();
  if (arguments.group.empty()) {
    CO_TRY(co_await assign_all(consumer, arguments.topic, client::OffsetReset::earliest));
  } else {
    CO_TRY(consumer.subscribe({arguments.topic}));
  }
  Measured measured;
  std::optional<Instant> began;
  Instant last = clock.now();
  const auto patience = std::chrono::seconds(10);  // without a record: there are no more
  while (measured.records < arguments.records && !session.stop.is_set()) {
    CO_TRY(const auto polled, co_await consumer.poll(std::chrono::milliseconds(500)));
    if (polled.empty() && clock.now() - last > patience) break;
    if (polled.empty()) continue;
    if (!began) began = clock.now();
    last = clock.now();
    for (const auto& part : polled) {
      measured.records += part.records.size();
      for (const auto& record : part.records) {
        measured.bytes +=
            (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
      }
    }
  }
  measured.took = last - began.value_or(last);
  co_return measured;
}

Task<int> consume(Session& session, Globals globals, PerfArguments arguments) {
  auto client_options = globals.client_options();
  if (!client_options) co_return refuse(client_options.error().why);
  client::ConsumerOptions options;
  options.group_id = arguments.group;
  options.offset_reset = client::OffsetReset::earliest;
  options.max_poll_records = 10000;
  client::Consumer consumer(session.shard, session.network, *client_options, options);
  auto measured = co_await read_all(session, consumer, arguments);
  static_cast<void>(co_await consumer.close());  // what was measured is complete
  if (!measured) co_return report(globals, "consume " + arguments.topic, measured.error());
  print(globals, *measured);
  co_return 0;
}

/// Open loop, end to end: records are due at fixed times, each carries its number, and its latency
/// is from when it was due to when the consumer had it.
class LatencyRun {
 public:
  LatencyRun(Session& session, PerfArguments arguments, client::ClientOptions client_options,
             client::ProducerOptions producer_options, client::ConsumerOptions consumer_options)
      : session_(session),
        arguments_(std::move(arguments)),
        total_(static_cast<std::uint64_t>(arguments_.rate * arguments_.seconds)),
        producer_(session.shard, session.network, client_options, std::move(producer_options)),
        consumer_(session.shard, session.network, client_options, std::move(consumer_options)),
        tasks_(session.shard.context()) {}

  Task<Result<Measured>> run();

 private:
  Task<Result<>> wait_until_reading();
  Task<> send();
  Task<Result<>> receive();

  Session& session_;
  PerfArguments arguments_;
  std::uint64_t total_;
  client::Producer producer_;
  client::Consumer consumer_;
  Measured measured_;
  Instant began_{};
  Instant last_sent_{};
  bool sent_all_ = false;
  runtime::TaskGroup tasks_;
};

Task<Result<Measured>> LatencyRun::run() {
  auto result = co_await wait_until_reading();
  if (result) {
    began_ = session_.shard.clock().now() + std::chrono::milliseconds(10);
    tasks_.spawn(send());
    result = co_await receive();
    measured_.took = session_.shard.clock().now() - began_;
  }
  tasks_.cancel();
  co_await tasks_.join();
  static_cast<void>(co_await producer_.close(session_.shard.clock().now()));
  static_cast<void>(co_await consumer_.close());
  if (!result) co_return std::unexpected(result.error());
  co_return measured_;
}

/// The consumer stands at the end of every partition before the first record is due.
Task<Result<>> LatencyRun::wait_until_reading() {
  auto& clock = session_.shard.clock();
  const Instant deadline = clock.now() + producer_.cluster().options().api_timeout;
  CO_TRY(co_await producer_.cluster().await_topic(arguments_.topic, deadline));
  CO_TRY(co_await assign_all(consumer_, arguments_.topic, client::OffsetReset::latest));
  while (clock.now() < deadline) {
    CO_TRY(const auto ignored, co_await consumer_.poll(std::chrono::milliseconds(50)));
    const auto assigned = consumer_.assignment();
    if (std::ranges::all_of(assigned, [&](const auto& partition) {
          return consumer_.position(partition).has_value();
        })) {
      co_return Result<>{};
    }
  }
  co_return fail(ErrorCode::request_timed_out, "the partitions' ends could not be found in time");
}

Task<> LatencyRun::send() {
  Bytes payload(std::max<std::size_t>(arguments_.size, sizeof(std::uint64_t)));
  client::ProducerRecord record;
  record.topic = arguments_.topic;
  for (std::uint64_t i = 0; i < total_ && !tasks_.stopping(); i++) {
    co_await session_.shard.clock().sleep_until(due_at(began_, i, arguments_.rate));
    store_big_endian(payload.data(), i);
    record.value = payload;
    auto sent = producer_.try_send(record);
    if (!sent) sent = co_await producer_.send(record);
    if (!*sent) measured_.failed++;
  }
  last_sent_ = session_.shard.clock().now();
  sent_all_ = true;
}

Task<Result<>> LatencyRun::receive() {
  auto& clock = session_.shard.clock();
  while (measured_.records + measured_.failed < total_ && !session_.stop.is_set()) {
    CO_TRY(const auto polled, co_await consumer_.poll(std::chrono::milliseconds(100)));
    const Instant now = clock.now();
    for (const auto& part : polled) {
      for (const auto& record : part.records) {
        if (!record.value || record.value->size() < sizeof(std::uint64_t)) continue;
        const auto index = load_big_endian<std::uint64_t>(record.value->data());
        if (index >= total_) continue;  // another producer's
        measured_.records++;
        measured_.bytes += record.value->size();
        measured_.latencies.add(now - due_at(began_, index, arguments_.rate));
      }
    }
    if (sent_all_ && now - last_sent_ > std::chrono::seconds(10)) {
      measured_.failed = total_ - measured_.records;
      break;
    }
  }
  co_return Result<>{};
}

Task<int> latency(Session& session, Globals globals, PerfArguments arguments) {
  auto client_options = globals.client_options();
  if (!client_options) co_return refuse(client_options.error().why);
  auto options = arguments.producer.options();
  if (!options) co_return refuse(options.error().why);
  client::ConsumerOptions consumer_options;
  consumer_options.max_poll_records = 10000;
  LatencyRun run(session, arguments, *client_options, *options, consumer_options);
  auto measured = co_await run.run();
  if (!measured) co_return report(globals, "measure latency", measured.error());
  print(globals, *measured);
  co_return measured->failed == 0 ? 0 : 1;
}

using PerfAction = Task<int> (*)(Session&, Globals, PerfArguments);

CLI::App* declare(CLI::App* command, Program& program, std::shared_ptr<PerfArguments> arguments,
                  PerfAction action) {
  command->add_option("TOPIC", arguments->topic, "It must exist")->required();
  add_json(*command, program);
  command->callback([&program, arguments, action] {
    program.chosen = [&program, arguments, action](Session& session) {
      return action(session, program.globals, *arguments);
    };
  });
  return command;
}

}  // namespace

void add_perf(CLI::App& app, Program& program) {
  auto* perf = app.add_subcommand("perf", "Measure throughput and latency");
  perf->require_subcommand(1);

  auto arguments = std::make_shared<PerfArguments>();
  auto* command = declare(add_command(*perf, "produce", "Produce as fast as it goes, or at a rate",
                                      "cairn perf produce load --records 1000000 --size 100"),
                          program, arguments, produce);
  command->add_option("-n,--records", arguments->records, "How many")->capture_default_str();
  command->add_option("-s,--size", arguments->size, "Bytes of a value")->capture_default_str();
  command->add_option("--rate", arguments->rate, "Records a second; default: no limit");
  arguments->producer.declare(*command);

  arguments = std::make_shared<PerfArguments>();
  command = declare(add_command(*perf, "consume", "Read a topic from the beginning",
                                "cairn perf consume load --records 1000000"),
                    program, arguments, consume);
  command->add_option("-n,--records", arguments->records, "End after so many")
      ->capture_default_str();
  command->add_option("-g,--group", arguments->group, "As a member of this group");

  arguments = std::make_shared<PerfArguments>();
  arguments->rate = 1000;
  arguments->producer.linger_ms = 0;
  command =
      declare(add_command(*perf, "latency", "Time from when a record is due to when it is consumed",
                          "cairn perf latency load --rate 5000 --seconds 30"),
              program, arguments, latency);
  command->add_option("--rate", arguments->rate, "Records a second")->capture_default_str();
  command->add_option("--seconds", arguments->seconds, "How long")->capture_default_str();
  command->add_option("-s,--size", arguments->size, "Bytes of a value")->capture_default_str();
  arguments->producer.declare(*command);
}

}  // namespace cairn::cli
