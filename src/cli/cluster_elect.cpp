// SPDX-License-Identifier: Apache-2.0
// cairn cluster elect preferred|unclean
#include <fmt/format.h>

#include <cairn/client/admin.hpp>

#include "cluster_commands.hpp"
#include "output.hpp"

namespace cairn::cli {

namespace {

using client::Admin;
using client::Election;
using runtime::Task;

struct ElectArguments {
  std::string kind;
  std::vector<std::string> topics;
  std::vector<std::int32_t> partitions;
  bool all = false;
};

/// What is to be elected; nothing: all there is.
Task<Result<std::optional<client::Partitions>>> electorate(Admin& admin, ElectArguments arguments) {
  if (arguments.all) co_return std::nullopt;
  client::Partitions out;
  if (!arguments.partitions.empty()) {
    for (const auto index : arguments.partitions) {
      out.push_back({arguments.topics.front(), PartitionIndex(index)});
    }
    co_return out;
  }
  CO_TRY(const auto topics, co_await admin.describe_topics(arguments.topics));
  for (const auto& topic : topics) {
    if (topic.error != ErrorCode::none) {
      co_return fail(topic.error, "one of the topics cannot be described");
    }
    for (const auto& partition : topic.partitions) out.push_back({topic.name, partition.index});
  }
  co_return out;
}

int conclude(const Globals& globals, const client::PartitionAnswers& answers) {
  int code = 0;
  std::int64_t elected = 0;
  Printer out;
  Json json;
  json.begin_array();
  for (const auto& [id, answer] : answers) {
    const bool needless = answer.error == ErrorCode::election_not_needed;
    const bool done = answer.error == ErrorCode::none;
    elected += done;
    json.begin_object().field("topic", id.topic).field("partition", id.partition.value());
    json.field("elected", done).key("error");
    done || needless ? json.null() : json.value(to_string(answer.error));
    json.end_object();
    if (done && !globals.json) out.line(fmt::format("elected a leader of {}", id));
    if (done || needless) continue;
    out.flush();
    code = report(fmt::format("elect a leader of {}", id), answer.error, answer.message);
  }
  json.end_array();
  if (globals.json) {
    out.line(json.text());
  } else if (elected == 0 && code == 0) {
    out.line("nothing to elect: the right leaders lead already");
  }
  return code;
}

Task<int> elect(Session& session, Globals globals, ElectArguments arguments) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  const auto kind = arguments.kind == "unclean" ? Election::unclean : Election::preferred;
  auto who = co_await electorate(admin, arguments);
  Result<client::PartitionAnswers> answers;
  if (who) answers = co_await admin.elect_leaders(kind, *who);
  co_await admin.stop();
  if (!who) co_return report(globals, "describe the topics", who.error());
  if (!answers) co_return report(globals, "elect leaders", answers.error());
  co_return conclude(globals, *answers);
}

}  // namespace

void add_cluster_elect(CLI::App& cluster, Program& program) {
  auto arguments = std::make_shared<ElectArguments>();
  auto* command =
      add_command(cluster, "elect", "Give leadership to preferred replicas, or to any that is left",
                  "cairn cluster elect preferred --topic orders");
  command
      ->add_option("KIND", arguments->kind,
                   "preferred: the first replica, if in sync; unclean: any replica that serves, "
                   "where none in sync does (records may be lost)")
      ->required()
      ->check(CLI::IsMember({"preferred", "unclean"}));
  auto* topic =
      command->add_option("--topic", arguments->topics, "All its partitions; may be given again");
  command->add_option("--partition", arguments->partitions, "Only these of the one topic")
      ->needs(topic);
  auto* all = command->add_flag("--all", arguments->all, "All partitions of all topics");
  topic->excludes(all);
  add_json(*command, program);
  command->callback([&program, arguments] {
    if (!arguments->all && arguments->topics.empty()) throw CLI::RequiredError("--topic or --all");
    if (!arguments->partitions.empty() && arguments->topics.size() > 1) {
      throw CLI::ValidationError("--partition", "goes with one --topic");
    }
    program.chosen = [&program, arguments](Session& session) {
      return elect(session, program.globals, *arguments);
    };
  });
}

}  // namespace cairn::cli
