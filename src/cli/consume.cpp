// SPDX-License-Identifier: Apache-2.0
// cairn consume TOPIC...
#include <fmt/format.h>
#include <re2/re2.h>

#include <cairn/client/consumer.hpp>

#include "end_of_reading.hpp"
#include "format.hpp"
#include "output.hpp"
#include "program.hpp"

namespace cairn::cli {

namespace {

using runtime::Task;

struct ConsumeArguments {
  std::vector<std::string> topics;
  bool regex = false;
  std::vector<std::int32_t> partitions;
  std::optional<std::string> start;
  bool exit_at_end = false;
  std::optional<std::uint64_t> count;
  std::string format = "%s\\n";
  std::string isolation = "uncommitted";
  std::string group;
  std::optional<std::string> instance_id;
  std::vector<std::string> assignors;
  std::string commit = "after";
  double session_seconds = 45;
};

enum class CommitWhen : std::uint8_t { never, before_output, after_output };

class Consuming {
 public:
  Consuming(Session& session, Globals globals, ConsumeArguments arguments, StartPoint start,
            RecordFormat format, client::ClientOptions client_options,
            client::ConsumerOptions options)
      : session_(session),
        globals_(std::move(globals)),
        arguments_(std::move(arguments)),
        start_(start),
        format_(std::move(format)),
        commit_(arguments_.group.empty() || arguments_.commit == "never" ? CommitWhen::never
                : arguments_.commit == "before"                          ? CommitWhen::before_output
                                                : CommitWhen::after_output),
        consumer_(session.shard, session.network, std::move(client_options), std::move(options)),
        end_(consumer_),
        tasks_(session.shard.context()) {}

  Task<int> run();

 private:
  Task<Result<>> begin();
  Task<Result<client::Partitions>> choose_partitions();
  Task<Result<>> seek_all(client::Partitions partitions);
  Task<Result<>> loop();
  Task<Result<bool>> print(std::vector<client::PolledRecords> polled);
  bool wants_more() const { return !arguments_.count || printed_ < *arguments_.count; }
  Task<> wake_on_stop();

  Session& session_;
  Globals globals_;
  ConsumeArguments arguments_;
  StartPoint start_;
  RecordFormat format_;
  CommitWhen commit_;
  client::Consumer consumer_;
  EndOfReading end_;
  Printer out_;
  client::CommittedOffsets printed_to_;
  std::uint64_t printed_ = 0;
  runtime::TaskGroup tasks_;
};

Task<int> Consuming::run() {
  tasks_.spawn(wake_on_stop());
  auto result = co_await begin();
  if (result) result = co_await loop();
  out_.flush();
  const auto closed = co_await consumer_.close();
  tasks_.cancel();
  co_await tasks_.join();
  if (!result) co_return report(globals_, "consume", result.error());
  if (!closed && commit_ != CommitWhen::never) {
    co_return report(globals_, "leave the group", closed.error());
  }
  if (globals_.errors_go_to_terminal && globals_.verbose) {
    fmt::print(stderr, "consumed {} records\n", printed_);
  }
  co_return 0;
}

Task<> Consuming::wake_on_stop() {
  if (co_await session_.stop.wait()) consumer_.wakeup();
}

Task<Result<>> Consuming::begin() {
  if (!arguments_.group.empty()) {
    if (!arguments_.regex) {
      // Of a topic that is not known yet the group would assign no partition: no end to come to.
      for (const auto& topic : arguments_.topics) {
        if (!arguments_.exit_at_end) break;
        CO_TRY(co_await consumer_.partitions_of(topic));
      }
      co_return consumer_.subscribe(arguments_.topics);
    }
    std::string any;
    for (const auto& topic : arguments_.topics) {
      if (!any.empty()) any += '|';
      any += "(?:" + topic + ")";
    }
    co_return consumer_.subscribe_pattern(any);
  }
  CO_TRY(auto partitions, co_await choose_partitions());
  CO_TRY(consumer_.assign(partitions));
  if (arguments_.exit_at_end) {
    CO_TRY(co_await end_.note(partitions));
  }
  co_return co_await seek_all(std::move(partitions));
}

Task<Result<client::Partitions>> Consuming::choose_partitions() {
  std::vector<std::string> topics = arguments_.topics;
  if (arguments_.regex) {
    topics.clear();
    auto& cluster = consumer_.cluster();
    cluster.follow_all();
    CO_TRY(co_await cluster.refresh(cluster.api_deadline()));
    for (const auto& [name, topic] : cluster.metadata().topics()) {
      for (const auto& pattern : arguments_.topics) {
        if (!topic.internal && re2::RE2::FullMatch(name, pattern)) {
          topics.push_back(name);
          break;
        }
      }
    }
    if (topics.empty()) {
      co_return fail(ErrorCode::unknown_topic_or_partition, "no topic matches the pattern");
    }
  }
  client::Partitions chosen;
  for (const auto& topic : topics) {
    CO_TRY(const auto all, co_await consumer_.partitions_of(topic));
    if (arguments_.partitions.empty()) chosen.insert(chosen.end(), all.begin(), all.end());
    for (const auto index : arguments_.partitions) {
      const TopicPartition wanted{topic, PartitionIndex(index)};
      if (std::ranges::find(all, wanted) == all.end()) {
        co_return fail(ErrorCode::unknown_topic_or_partition, "the topic has no such partition");
      }
      chosen.push_back(wanted);
    }
  }
  co_return chosen;
}

Task<Result<>> Consuming::seek_all(client::Partitions partitions) {
  using Kind = StartPoint::Kind;
  if (start_.kind == Kind::offset) {
    for (const auto& partition : partitions) consumer_.seek(partition, Offset(start_.number));
  } else if (start_.kind == Kind::beginning || start_.kind == Kind::end) {
    const auto where = start_.kind == Kind::beginning ? client::OffsetReset::earliest
                                                      : client::OffsetReset::latest;
    for (const auto& partition : partitions) consumer_.seek_to(partition, where);
  } else if (start_.kind == Kind::before_end) {
    CO_TRY(const auto ends, co_await consumer_.end_offsets(partitions));
    CO_TRY(const auto begins, co_await consumer_.beginning_offsets(partitions));
    for (const auto& [partition, end] : ends) {
      const auto from = std::max(end.offset - start_.number, begins.at(partition).offset);
      consumer_.seek(partition, from);
    }
  } else {
    std::map<TopicPartition, std::int64_t> times;
    for (const auto& partition : partitions) times[partition] = start_.number;
    CO_TRY(const auto found, co_await consumer_.offsets_for_times(std::move(times)));
    for (const auto& [partition, place] : found) {
      if (place.offset == no_offset) {
        consumer_.seek_to(partition, client::OffsetReset::latest);
      } else {
        consumer_.seek(partition, place.offset);
      }
    }
  }
  co_return Result<>{};
}

Task<Result<>> Consuming::loop() {
  while (!session_.stop.is_set() && wants_more()) {
    if (arguments_.exit_at_end && end_.reached()) break;
    CO_TRY(auto polled, co_await consumer_.poll(std::chrono::milliseconds(200)));
    if (arguments_.exit_at_end && !arguments_.group.empty()) {
      CO_TRY(co_await end_.look(polled.empty()));
    }
    if (polled.empty()) continue;
    CO_TRY(const bool readable, co_await print(std::move(polled)));
    if (!readable) break;  // the reader of our output has gone
  }
  if (commit_ == CommitWhen::after_output && !printed_to_.empty()) {
    CO_TRY(co_await consumer_.commit(printed_to_));
  }
  co_return Result<>{};
}

Task<Result<bool>> Consuming::print(std::vector<client::PolledRecords> polled) {
  client::CommittedOffsets offsets;
  for (auto& part : polled) {
    if (arguments_.exit_at_end) end_.trim(part);
    if (arguments_.count && part.records.size() > *arguments_.count - printed_) {
      part.records.resize(*arguments_.count - printed_);
    }
    printed_ += part.records.size();
    if (part.records.empty()) continue;
    offsets[part.partition] = {part.records.back().offset + 1, part.leader_epoch, ""};
  }
  if (commit_ == CommitWhen::before_output && !offsets.empty()) {
    CO_TRY(co_await consumer_.commit(offsets));
  }
  for (const auto& part : polled) {
    for (const auto& record : part.records) {
      if (globals_.json) {
        append_json(out_.buffer(), part.partition, record);
      } else {
        format_.append(out_.buffer(), part.partition, record);
      }
      if (!out_.settle()) co_return false;
    }
  }
  for (const auto& [partition, offset] : offsets) printed_to_[partition] = offset;
  if (!out_.flush()) co_return false;
  if (commit_ == CommitWhen::after_output) {
    // Partitions that went to another member meanwhile are its business.
    const auto mine = consumer_.assignment();
    std::erase_if(printed_to_, [&](const auto& entry) { return !mine.contains(entry.first); });
    auto committed = co_await consumer_.commit(std::exchange(printed_to_, {}));
    if (!committed && committed.error().code != ErrorCode::rebalance_in_progress &&
        committed.error().code != ErrorCode::illegal_generation &&
        committed.error().code != ErrorCode::unknown_member_id) {
      co_return std::unexpected(committed.error());
    }
  }
  co_return true;
}

Task<int> consume(Session& session, Globals globals, ConsumeArguments arguments) {
  auto client_options = globals.client_options();
  if (!client_options) co_return refuse(client_options.error().why);
  auto start = StartPoint::parse(arguments.start.value_or("beginning"));
  if (!start) co_return refuse("--offset: " + std::string(start.error().why));
  std::string why;
  auto format = RecordFormat::parse(arguments.format, why);
  if (!format) co_return refuse("--format: " + why);
  const bool grouped = !arguments.group.empty();
  if (grouped && !arguments.partitions.empty()) {
    co_return refuse("--partition and --group exclude each other: a group assigns partitions");
  }
  const bool plain =
      start->kind == StartPoint::Kind::beginning || start->kind == StartPoint::Kind::end;
  if (grouped && !plain) {
    co_return refuse(
        "with --group, --offset is beginning or end: where to begin without a "
        "committed offset (see `cairn group reset` for others)");
  }
  client::ConsumerOptions options;
  options.group_id = arguments.group;
  options.group_instance_id = arguments.instance_id;
  options.auto_commit = false;
  options.max_poll_records = 5000;
  options.offset_reset = start->kind == StartPoint::Kind::end ? client::OffsetReset::latest
                                                              : client::OffsetReset::earliest;
  options.isolation = arguments.isolation == "committed" ? client::Isolation::read_committed
                                                         : client::Isolation::read_uncommitted;
  options.session_timeout = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(arguments.session_seconds));
  options.heartbeat_interval = std::min(options.heartbeat_interval, options.session_timeout / 3);
  if (!arguments.assignors.empty()) {
    options.assignors.clear();
    for (const auto& name : arguments.assignors) {
      const auto kind = group::assignor_named(name);
      if (!kind) {
        co_return refuse(fmt::format(
            "--assignor: expected range, roundrobin, sticky or cooperative-sticky, found {}",
            name));
      }
      options.assignors.push_back(*kind);
    }
  }
  Consuming consuming(session, std::move(globals), std::move(arguments), *start, *std::move(format),
                      *client_options, options);
  co_return co_await consuming.run();
}

}  // namespace

void add_consume(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<ConsumeArguments>();
  auto* command = add_command(app, "consume", "Print records, on their own or as a group's member",
                              "cairn consume orders --exit -f '%t/%p@%o %k: %s\\n'");
  command->add_option("TOPIC", arguments->topics, "Topics, or patterns with --regex")->required();
  command->add_flag("--regex", arguments->regex, "TOPIC is a pattern (RE2) of whole names");
  command->add_option("-p,--partition", arguments->partitions, "Only these; default: all");
  command->add_option("-o,--offset", arguments->start,
                      "Where to begin: beginning (default), end, an offset, -N, @TIME; with a "
                      "group: where nothing is committed");
  command->add_flag("-e,--exit", arguments->exit_at_end, "End at the end instead of following");
  command->add_option("-c,--count", arguments->count, "End after so many records");
  command
      ->add_option("-f,--format", arguments->format,
                   "%t topic, %p partition, %o offset, %k key, %s value, %T time, %h headers, "
                   "%K %S lengths; \\n \\t \\xHH")
      ->capture_default_str();
  command->add_option("--isolation", arguments->isolation, "Of transactions")
      ->check(CLI::IsMember({"uncommitted", "committed"}))
      ->capture_default_str();
  command->add_option("-g,--group", arguments->group, "Join this group");
  command->add_option("--instance-id", arguments->instance_id, "Static membership");
  command->add_option("--assignor", arguments->assignors, "Preferred first; default: range");
  command
      ->add_option("--commit", arguments->commit,
                   "Of a group: after printing (at least once), before (at most once), never")
      ->check(CLI::IsMember({"after", "before", "never"}))
      ->capture_default_str();
  command->add_option("--session-timeout", arguments->session_seconds, "Seconds")
      ->capture_default_str();
  add_json(*command, program);
  command->callback([&program, arguments] {
    program.chosen = [&program, arguments](Session& session) {
      return consume(session, program.globals, *arguments);
    };
  });
}

}  // namespace cairn::cli
