// SPDX-License-Identifier: Apache-2.0
// cairn cluster reassign: starts, lists, cancels and awaits moves of replicas.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cluster_commands.hpp"
#include "output.hpp"
#include "reassign_plan.hpp"

namespace cairn::cli {

namespace {

using client::Admin;
using client::Reassignment;
using runtime::Task;
using UnderWay = std::map<TopicPartition, Reassignment>;

std::string with_commas(const std::vector<BrokerId>& brokers) {
  return brokers.empty() ? "-" : fmt::format("{}", fmt::join(brokers, ","));
}

void add_brokers(Json& json, const char* name, const std::vector<BrokerId>& brokers) {
  json.key(name).begin_array();
  for (const auto broker : brokers) json.value(broker.value());
  json.end_array();
}

Task<int> list_moves(Admin& admin, const Globals& globals) {
  const auto moves = co_await admin.list_reassignments();
  if (!moves) co_return report(globals, "list the moves under way", moves.error());
  Table table({"TOPIC", ">PARTITION", "REPLICAS", "ADDING", "REMOVING"});
  Json json;
  json.begin_array();
  for (const auto& [id, move] : *moves) {
    table.add({id.topic, fmt::to_string(id.partition.value()), with_commas(move.replicas),
               with_commas(move.adding), with_commas(move.removing)});
    json.begin_object().field("topic", id.topic).field("partition", id.partition.value());
    add_brokers(json, "replicas", move.replicas);
    add_brokers(json, "adding", move.adding);
    add_brokers(json, "removing", move.removing);
    json.end_object();
  }
  json.end_array();
  Printer out;
  if (globals.json) {
    out.line(json.text());
  } else {
    out.buffer() = table.empty() ? "no partition is being moved\n" : table.text();
  }
  co_return 0;
}

/// Says what was refused; the partitions that were not.
std::pair<Plan, int> accepted(const Plan& asked, const client::PartitionAnswers& answers,
                              const std::string& doing) {
  Plan done;
  int code = 0;
  for (const auto& [id, replicas] : asked) {
    const auto answer = answers.find(id);
    if (answer == answers.end()) {
      code = report(doing + fmt::format("{}", id), ErrorCode::unknown_server_error,
                    "no answer for it");
    } else if (answer->second.error != ErrorCode::none) {
      code = report(doing + fmt::format("{}", id), answer->second.error, answer->second.message);
    } else {
      done.emplace(id, replicas);
    }
  }
  return {std::move(done), code};
}

Task<int> cancel_moves(Admin& admin, const Globals& globals, const ReassignArguments& arguments) {
  const auto moves = co_await admin.list_reassignments();
  if (!moves) co_return report(globals, "list the moves under way", moves.error());
  Plan chosen;
  client::Placements placements;
  for (const auto& [id, move] : *moves) {
    const bool topic =
        arguments.topics.empty() || std::ranges::count(arguments.topics, id.topic) > 0;
    const bool partition = arguments.partitions.empty() ||
                           std::ranges::count(arguments.partitions, id.partition.value()) > 0;
    if (!topic || !partition) continue;
    chosen.emplace(id, move.replicas);
    placements.emplace(id, std::nullopt);
  }
  client::PartitionAnswers answers;
  if (!placements.empty()) {
    auto answered = co_await admin.alter_reassignments(std::move(placements));
    if (!answered) co_return report(globals, "cancel the moves", answered.error());
    answers = *std::move(answered);
  }
  const auto [done, code] = accepted(chosen, answers, "cancel the move of ");
  Printer out;
  if (globals.json) {
    out.line(write_reassignment(done));
  } else {
    for (const auto& [id, replicas] : done) out.line(fmt::format("cancelled the move of {}", id));
    if (chosen.empty()) out.line("nothing to cancel: no such partition is being moved");
  }
  co_return code;
}

void print_moves(const Globals& globals, const Moves& moves, const Plan& done) {
  Printer out;
  if (globals.json) {
    out.line(write_reassignment(done));
    return;
  }
  Table table({"TOPIC", ">PARTITION", "FROM", "TO"});
  for (const auto& [id, replicas] : done) {
    const auto from = moves.from.find(id);
    table.add({id.topic, fmt::to_string(id.partition.value()),
               from == moves.from.end() ? "-" : with_commas(from->second), with_commas(replicas)});
  }
  if (!table.empty()) out.buffer() = table.text();
}

/// Until none of the partitions is being moved. A stop ends the waiting, not the moves.
Task<Result<std::size_t>> await_moves(Session& session, const Globals& globals, Admin& admin,
                                      const Plan& plan) {
  Progress progress(globals.errors_go_to_terminal);
  auto& clock = session.shard.clock();
  while (true) {
    CO_TRY(const auto under_way, co_await admin.list_reassignments());
    const auto left = static_cast<std::size_t>(std::ranges::count_if(
        plan, [&](const auto& entry) { return under_way.contains(entry.first); }));
    if (left == 0 || session.stop.is_set()) co_return left;
    progress.show(clock.now(), fmt::format("{} of {} partitions still move", left, plan.size()));
    if (!co_await clock.sleep_for(std::chrono::milliseconds(200))) co_return left;
  }
}

/// Those of the plan's partitions whose replicas are others, with these.
Task<Result<Plan>> not_arrived(Admin& admin, const Plan& plan) {
  std::vector<std::string> names;
  for (const auto& [id, replicas] : plan) {
    if (names.empty() || names.back() != id.topic) names.push_back(id.topic);
  }
  CO_TRY(const auto topics, co_await admin.describe_topics(std::move(names)));
  Plan others;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition id{topic.name, partition.index};
      const auto wanted = plan.find(id);
      if (wanted == plan.end() || wanted->second == partition.replicas) continue;
      others.emplace(id, partition.replicas);
    }
  }
  co_return others;
}

/// After the moves have ended; the broker that is asked may hear of that a little later.
Task<int> check_arrival(Session& session, Admin& admin, const Globals& globals, const Plan& plan) {
  auto& clock = session.shard.clock();
  const Instant deadline = clock.now() + std::chrono::seconds(10);
  while (true) {
    const auto others = co_await not_arrived(admin, plan);
    if (!others) co_return report(globals, "describe topics", others.error());
    if (others->empty()) co_return 0;
    if (clock.now() < deadline && co_await clock.sleep_for(std::chrono::milliseconds(50))) continue;
    for (const auto& [id, replicas] : *others) {
      fmt::print(stderr, "cairn: {} was not moved to {}: it is on {} (was the move cancelled?)\n",
                 id, with_commas(plan.at(id)), with_commas(replicas));
    }
    co_return 1;
  }
}

Task<int> move(Session& session, const Globals& globals, Admin& admin,
               const ReassignArguments& arguments) {
  const auto moves = co_await plan_moves(session, globals, admin, arguments);
  if (!moves) co_return moves.error();
  if (moves->to.empty() && !globals.json) {
    fmt::print("nothing to move: every replica is where it shall be\n");
    co_return 0;
  }
  if (arguments.dry_run || moves->to.empty()) {
    print_moves(globals, *moves, moves->to);
    co_return 0;
  }
  client::Placements placements;
  for (const auto& [id, replicas] : moves->to) placements.emplace(id, replicas);
  const auto answers = co_await admin.alter_reassignments(std::move(placements));
  if (!answers) co_return report(globals, "start the moves", answers.error());
  auto [started, code] = accepted(moves->to, *answers, "move ");
  print_moves(globals, *moves, started);
  if (!arguments.wait || started.empty()) co_return code;
  const auto left = co_await await_moves(session, globals, admin, started);
  if (!left) co_return report(globals, "follow the moves", left.error());
  if (*left > 0) {
    fmt::print(stderr, "cairn: {} partitions still move; see `cairn cluster reassign --list`\n",
               *left);
    co_return 1;
  }
  const int arrival = co_await check_arrival(session, admin, globals, started);
  if (arrival == 0 && !globals.json) fmt::print("moved {} partitions\n", started.size());
  co_return code != 0 ? code : arrival;
}

Task<int> reassign(Session& session, Globals globals, ReassignArguments arguments) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  int code = 0;
  if (arguments.list) {
    code = co_await list_moves(admin, globals);
  } else if (arguments.cancel) {
    code = co_await cancel_moves(admin, globals, arguments);
  } else {
    code = co_await move(session, globals, admin, arguments);
  }
  co_await admin.stop();
  co_return code;
}

/// The options that must stand together; a mistake is thrown, as CLI11 has it.
void check(const ReassignArguments& arguments) {
  const int ways = arguments.list + arguments.cancel + !arguments.file.empty() +
                   !arguments.replicas.empty() + !arguments.brokers.empty();
  if (ways != 1) {
    throw CLI::ValidationError("reassign",
                               "give one of --replicas, --brokers, --file, --list, --cancel");
  }
  const bool by_hand = !arguments.replicas.empty();
  if (by_hand && (arguments.topics.size() != 1 || arguments.partitions.empty())) {
    throw CLI::ValidationError("--replicas", "needs one --topic and its --partition");
  }
  if (!arguments.brokers.empty() && arguments.topics.empty() != arguments.all) {
    throw CLI::ValidationError("--brokers", "needs --topic or --all");
  }
  if (!arguments.partitions.empty() && !by_hand && !arguments.cancel) {
    throw CLI::ValidationError("--partition", "goes with --replicas or --cancel");
  }
  if (!arguments.partitions.empty() && arguments.topics.size() != 1) {
    throw CLI::ValidationError("--partition", "goes with one --topic");
  }
}

}  // namespace

void add_cluster_reassign(CLI::App& cluster, Program& program) {
  auto arguments = std::make_shared<ReassignArguments>();
  auto* command =
      add_command(cluster, "reassign", "Move replicas between brokers while clients go on",
                  "cairn cluster reassign --topic orders --brokers 1,2,3,4 --wait\n"
                  "  cairn cluster reassign --topic orders --partition 0 --replicas 2,3,4");
  command->add_option("--topic", arguments->topics, "Which topics; may be given again");
  command->add_option("--partition", arguments->partitions, "Which partitions of the one topic");
  command->add_option("--replicas", arguments->replicas,
                      "Brokers of each --partition, as 1,2,3; the first is the preferred leader");
  command->add_option("--brokers", arguments->brokers,
                      "Spread the topics evenly over these, with as few moves as that takes");
  command
      ->add_option("--replication-factor", arguments->replication_factor,
                   "With --brokers; default: as it is")
      ->check(CLI::Range(1, 32767));
  command->add_flag("--all", arguments->all, "With --brokers: all topics, internal ones too");
  command->add_option("-f,--file", arguments->file,
                      "A file as kafka-reassign-partitions reads it, and --dry-run --json prints");
  command->add_flag("--list", arguments->list, "Show the moves under way");
  command->add_flag("--cancel", arguments->cancel,
                    "Take back moves under way, all or those of --topic and --partition");
  command->add_flag("-n,--dry-run", arguments->dry_run, "Only show what would be moved");
  command->add_flag("-w,--wait", arguments->wait, "Until the moves are done");
  add_json(*command, program);
  command->callback([&program, arguments] {
    check(*arguments);
    program.chosen = [&program, arguments](Session& session) {
      return reassign(session, program.globals, *arguments);
    };
  });
}

}  // namespace cairn::cli
