// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/runtime/asio.hpp>

#include "src/cli/cli.hpp"
#include "src/cli/dump_record.hpp"
#include "src/cli/histogram.hpp"
#include "src/cli/producer_arguments.hpp"
#include "src/cli/program.hpp"

namespace cairn::cli {
namespace {

/// Notes that a command would have run.
class NoMachine : public Machine {
 public:
  int run(const Command&) override {
    runs++;
    return 0;
  }
  std::optional<std::string> variable(const char*) override { return std::nullopt; }
  bool errors_go_to_terminal() override { return false; }
  void log_to_stderr() override {}

  int runs = 0;
};

struct Outcome {
  int exit_code;
  int runs;
  std::string out;
  std::string err;
};

Outcome run_line(std::vector<const char*> words) {
  words.insert(words.begin(), "cairn");
  NoMachine machine;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = cli::run(static_cast<int>(words.size()), words.data(), machine);
  Outcome outcome{code, machine.runs, "", ""};
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(CommandLine, runs_a_command) {
  EXPECT_EQ(run_line({"topic", "create", "orders", "-p", "3", "-c", "retention.ms=1"}).runs, 1);
  EXPECT_EQ(run_line({"consume", "orders", "--exit", "--json"}).runs, 1);
  EXPECT_EQ(run_line({"group", "reset", "g", "--to", "-5", "--dry-run"}).runs, 1);
  EXPECT_EQ(run_line({"config", "set", "topic", "orders", "a=b"}).runs, 1);
  EXPECT_EQ(run_line({"log", "verify", "data", "--json"}).runs, 1);
  EXPECT_EQ(run_line({"topic", "describe", "--under-replicated"}).runs, 1);
  EXPECT_EQ(run_line({"cluster", "health", "--wait", "5"}).runs, 1);
  EXPECT_EQ(run_line({"cluster", "elect", "unclean", "--topic", "t", "--partition", "0"}).runs, 1);
  EXPECT_EQ(run_line({"cluster", "reassign", "--topic", "t", "--brokers", "1,2"}).runs, 1);
  EXPECT_EQ(run_line({"cluster", "reassign", "--cancel"}).runs, 1);
  EXPECT_EQ(run_line({"local", "start", "--brokers", "3", "--port", "0"}).runs, 1);
  EXPECT_EQ(run_line({"log", "repair", "--dry-run", "data/orders-0"}).runs, 1);
}

TEST(CommandLine, takes_global_options_before_and_behind_the_command) {
  EXPECT_EQ(run_line({"-b", "host:1", "cluster", "info"}).runs, 1);
  EXPECT_EQ(run_line({"cluster", "info", "--bootstrap", "host:1"}).runs, 1);
}

TEST(CommandLine, refuses_mistakes_with_exit_code_2) {
  for (const auto& words :
       std::vector<std::vector<const char*>>{{},
                                             {"topics"},
                                             {"topic", "create"},
                                             {"produce"},
                                             {"produce", "t", "--acks", "2"},
                                             {"produce", "t", "-z", "brotli"},
                                             {"consume", "t", "--commit", "sometimes"},
                                             {"config", "get", "user", "x"},
                                             {"completion", "tcsh"},
                                             {"topic", "describe"},
                                             {"cluster", "elect", "preferred"},
                                             {"cluster", "elect", "clean", "--all"},
                                             {"cluster", "reassign"},
                                             {"cluster", "reassign", "--list", "--cancel"},
                                             {"cluster", "reassign", "--replicas", "1,2"},
                                             {"cluster", "reassign", "--brokers", "1,2"},
                                             {"local", "start", "--brokers", "0"},
                                             {"local"},
                                             {"topic", "list", "--nonsense"}}) {
    const auto outcome = run_line(words);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.runs, 0);
    EXPECT_FALSE(outcome.err.empty());
  }
}

void expect_examples(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    const bool is_group = !command->get_subcommands([](CLI::App*) { return true; }).empty();
    EXPECT_FALSE(command->get_description().empty()) << command->get_name();
    if (!is_group) {
      EXPECT_NE(command->get_footer().find("cairn "), std::string::npos) << command->get_name();
    }
    expect_examples(*command);
  }
}

TEST(CommandLine, has_a_description_and_an_example_for_every_command) {
  NoMachine machine;
  Program program(machine);
  CLI::App app;
  for (const auto add : {add_topic, add_produce, add_consume, add_group, add_config, add_cluster,
                         add_local, add_log, add_perf, add_completion}) {
    add(app, program);
  }
  expect_examples(app);
}

TEST(CommandLine, prints_completion_scripts_that_know_all_commands) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto outcome = run_line({"completion", shell});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.runs, 0);
    for (const char* word : {"topic", "describe", "partitions", "completion", "dump"}) {
      EXPECT_NE(outcome.out.find(word), std::string::npos) << shell << " " << word;
    }
  }
}

TEST(ProducerArguments, turn_idempotence_off_where_acks_do_not_allow_it) {
  ProducerArguments arguments;
  EXPECT_TRUE(arguments.options()->idempotent);
  arguments.acks = "1";
  EXPECT_FALSE(arguments.options()->idempotent);
  arguments.level = 99;
  arguments.compression = "zstd";
  EXPECT_FALSE(arguments.options());
}

TEST(Histogram, finds_percentiles_within_two_percent) {
  Histogram histogram;
  for (int i = 1; i <= 100000; i++) histogram.add(std::chrono::microseconds(i));
  const auto ms = [&](double share) {
    return std::chrono::duration<double, std::milli>(histogram.percentile(share)).count();
  };
  EXPECT_NEAR(ms(0.5), 50, 1);
  EXPECT_NEAR(ms(0.99), 99, 2);
  EXPECT_EQ(histogram.largest(), std::chrono::milliseconds(100));
  EXPECT_LE(histogram.percentile(1), histogram.largest());
}

TEST(DumpRecord, decodes_a_committed_offset) {
  // __consumer_offsets: key type 1 (group, topic, partition), value version 3.
  const auto bytes = [](std::initializer_list<int> values) {
    Bytes out;
    for (const int value : values) out.push_back(static_cast<std::byte>(value));
    return out;
  };
  const auto key = bytes({0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 2});
  const auto value =
      bytes({0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5});
  record::RecordView record;
  record.offset = Offset(1);
  record.key = key;
  record.value = value;
  const auto text = dump_record(RecordKind::group, record);
  EXPECT_NE(text.find("\"type\":\"OffsetCommitKey\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"Group\":\"g\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"Offset\":9"), std::string::npos) << text;
  EXPECT_NE(dump_record(RecordKind::plain, record).find("key \""), std::string::npos);
}

}  // namespace
}  // namespace cairn::cli
