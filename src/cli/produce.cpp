// SPDX-License-Identifier: Apache-2.0
// cairn produce TOPIC [FILE]
#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include <cairn/client/producer.hpp>

#include "format.hpp"
#include "line_source.hpp"
#include "output.hpp"
#include "producer_arguments.hpp"
#include "program.hpp"

namespace cairn::cli {

namespace {

using runtime::Task;

struct ProduceArguments {
  std::string topic;
  std::string file;
  std::optional<std::string> key_separator;
  std::optional<std::string> key;
  std::string delimiter = "\\n";
  std::vector<std::string> headers;
  std::optional<std::int32_t> partition;
  bool empty_is_null = false;
  double rate = 0;
  bool report = false;
  std::optional<std::int64_t> timestamp;
  ProducerArguments producer;
};

/// When records were acknowledged, and how long each of them waited for that.
class Waits {
 public:
  void note(Instant sent, Instant settled) {
    longest_wait_ = std::max(longest_wait_, settled - sent);
    if (instants_.empty() || instants_.back() != settled) instants_.push_back(settled);
  }
  std::string text() {
    std::ranges::sort(instants_);
    Duration pause{};
    for (std::size_t i = 1; i < instants_.size(); i++) {
      pause = std::max(pause, instants_[i] - instants_[i - 1]);
    }
    const auto ms = [](Duration time) {
      return std::chrono::duration<double, std::milli>(time).count();
    };
    return fmt::format(
        "the longest pause between two acknowledgements was {:.0f} ms, the longest wait of a "
        "record for its own {:.0f} ms",
        ms(pause), ms(longest_wait_));
  }

 private:
  std::vector<Instant> instants_;
  Duration longest_wait_{};
};

/// Reads lines, sends them as records, counts what became of them.
class Producing {
 public:
  Producing(Session& session, Globals globals, ProduceArguments arguments,
            client::ClientOptions client_options, client::ProducerOptions options)
      : session_(session),
        globals_(std::move(globals)),
        arguments_(std::move(arguments)),
        producer_(session.shard, session.network, std::move(client_options), std::move(options)),
        progress_(globals_.errors_go_to_terminal) {}

  Task<int> run(std::string delimiter, std::string key_separator);

 private:
  Task<Result<>> send_all(LineSource& lines);
  Task<Result<>> send(std::string_view line);
  client::ProducerRecord to_record(std::string_view line) const;
  Task<> keep_pace();
  void reap();
  void read_headers();
  void show_progress(const LineSource& lines);

  Session& session_;
  Globals globals_;
  ProduceArguments arguments_;
  client::Producer producer_;
  Progress progress_;
  std::string key_separator_;
  std::vector<record::Header> headers_;
  struct UnderWay {
    client::Delivery delivery;
    Instant sent;
  };
  std::deque<UnderWay> under_way_;
  Waits waits_;
  std::uint64_t sent_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t failed_ = 0;
  std::optional<Error> first_failure_;
  Instant began_{};
};

Task<int> Producing::run(std::string delimiter, std::string key_separator) {
  key_separator_ = std::move(key_separator);
  read_headers();
  began_ = session_.shard.clock().now();
  LineSource lines(session_, std::move(delimiter));
  Result<> result = co_await lines.open(arguments_.file);
  if (!result) {
    fmt::print(stderr, "cairn: cannot read {}: {}\n", arguments_.file, result.error().why);
  } else {
    result = co_await send_all(lines);
    if (!result) {
      progress_.clear();
      report(globals_, "produce to " + arguments_.topic, result.error());
    }
  }
  const Instant deadline = session_.shard.clock().now() + std::chrono::minutes(2);
  static_cast<void>(co_await producer_.close(deadline));  // each record's fate is in under_way_
  reap();
  progress_.clear();
  if (first_failure_) {
    fmt::print(stderr, "cairn: {} of {} records were not delivered: {}: {}\n", failed_, sent_,
               to_string(first_failure_->code), first_failure_->why);
  } else if (globals_.errors_go_to_terminal || arguments_.report) {
    fmt::print(stderr, "produced {} records to {}\n", delivered_, arguments_.topic);
  }
  if (arguments_.report && delivered_ > 0) fmt::print(stderr, "{}\n", waits_.text());
  co_return result && !first_failure_ ? 0 : 1;
}

Task<Result<>> Producing::send_all(LineSource& lines) {
  while (!session_.stop.is_set()) {
    if (const auto line = lines.next()) {
      CO_TRY(co_await send(*line));
      if (sent_ % 1024 == 0) {
        reap();
        show_progress(lines);
      }
      continue;
    }
    CO_TRY(const bool more, co_await lines.fill());
    if (more) continue;
    const auto last = lines.next();
    if (!last) break;
    CO_TRY(co_await send(*last));
  }
  co_return Result<>{};
}

Task<Result<>> Producing::send(std::string_view line) {
  if (arguments_.rate > 0) co_await keep_pace();
  const auto record = to_record(line);
  auto sent = producer_.try_send(record);
  if (!sent) sent = co_await producer_.send(record);
  if (!*sent) co_return std::unexpected(sent->error());
  sent_++;
  under_way_.push_back({**std::move(sent), session_.shard.clock().now()});
  co_return Result<>{};
}

client::ProducerRecord Producing::to_record(std::string_view line) const {
  client::ProducerRecord record;
  record.topic = arguments_.topic;
  record.headers = headers_;
  if (arguments_.partition) record.partition = PartitionIndex(*arguments_.partition);
  if (arguments_.timestamp) record.timestamp = *arguments_.timestamp;
  if (arguments_.key) record.key = as_bytes(*arguments_.key);
  if (!key_separator_.empty()) {
    const auto at = line.find(key_separator_);
    if (at != std::string_view::npos) {
      record.key = as_bytes(line.substr(0, at));
      line.remove_prefix(at + key_separator_.size());
    }
  }
  const bool null = arguments_.empty_is_null && line.empty();
  if (!null) record.value = as_bytes(line);
  return record;
}

Task<> Producing::keep_pace() {
  const auto due = began_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
                                static_cast<double>(sent_) / arguments_.rate));
  if (due > session_.shard.clock().now()) co_await session_.shard.clock().sleep_until(due);
}

void Producing::reap() {
  while (!under_way_.empty() && under_way_.front().delivery.settled()) {
    const auto& [delivery, sent] = under_way_.front();
    const auto result = delivery.result();
    if (result && arguments_.report) waits_.note(sent, delivery.settled_at());
    under_way_.pop_front();
    if (result) {
      delivered_++;
    } else {
      failed_++;
      if (!first_failure_) first_failure_ = result.error();
    }
  }
}

void Producing::read_headers() {
  for (const auto& text : arguments_.headers) {
    const auto equals = text.find('=');
    const std::string_view view = text;
    record::Header header{view.substr(0, equals), std::nullopt};
    if (equals != std::string::npos) header.value = as_bytes(view.substr(equals + 1));
    headers_.push_back(header);
  }
}

void Producing::show_progress(const LineSource& lines) {
  const Instant now = session_.shard.clock().now();
  if (!progress_.due(now)) return;
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const double bytes = static_cast<double>(lines.bytes_read());
  std::string share;
  if (lines.total_bytes() > 0) {
    share = fmt::format("  {:.0f}%", 100 * bytes / static_cast<double>(lines.total_bytes()));
  }
  progress_.show(now, fmt::format("{} records  {}  {}/s{}", sent_, human_bytes(bytes),
                                  human_bytes(bytes / std::max(seconds, 0.001)), share));
}

Task<int> produce(Session& session, Globals globals, ProduceArguments arguments) {
  auto client_options = globals.client_options();
  if (!client_options) co_return refuse(client_options.error().why);
  auto options = arguments.producer.options();
  if (!options) co_return refuse(options.error().why);
  options->max_block = client_options->api_timeout;
  auto delimiter = unescape(arguments.delimiter);
  if (!delimiter) co_return refuse(delimiter.error().why);
  if (delimiter->empty()) co_return refuse("the delimiter must not be empty");
  auto separator = unescape(arguments.key_separator.value_or(""));
  if (!separator) co_return refuse(separator.error().why);
  Producing producing(session, std::move(globals), std::move(arguments), *client_options, *options);
  co_return co_await producing.run(*std::move(delimiter), *std::move(separator));
}

}  // namespace

void add_produce(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<ProduceArguments>();
  auto* command = add_command(app, "produce", "Send the lines of a file, or of standard input",
                              "cairn produce orders orders.txt --key-separator : -z zstd");
  command->add_option("TOPIC", arguments->topic, "Where to")->required();
  command->add_option("FILE", arguments->file, "A line is a record; default: standard input");
  command->add_option("-K,--key-separator", arguments->key_separator,
                      "What stands between key and value; a line without it has no key");
  command->add_option("-k,--key", arguments->key, "The key of every record");
  command->add_option("-D,--delimiter", arguments->delimiter, "What ends a record")
      ->capture_default_str();
  command->add_option("-H,--header", arguments->headers, "name=value; may be given again");
  command->add_option("-p,--partition", arguments->partition, "All records to this partition");
  command->add_flag("-Z,--null", arguments->empty_is_null, "An empty value is null, a tombstone");
  command->add_option("--rate", arguments->rate, "Records a second, at most");
  command->add_flag("--report", arguments->report,
                    "At the end, say how long acknowledgements were in coming");
  command->add_option("--timestamp", arguments->timestamp, "Of every record, in ms since 1970");
  arguments->producer.declare(*command);
  command->callback([&program, arguments] {
    program.chosen = [&program, arguments](Session& session) {
      return produce(session, program.globals, *arguments);
    };
  });
}

}  // namespace cairn::cli
