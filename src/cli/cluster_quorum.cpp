// SPDX-License-Identifier: Apache-2.0
// cairn cluster quorum
#include <fmt/format.h>

#include <cairn/client/admin.hpp>

#include "cluster_commands.hpp"
#include "output.hpp"

namespace cairn::cli {

namespace {

using client::QuorumDescription;
using client::QuorumReplica;
using runtime::Task;

/// The leader's own entry: its log end and its time, which the others are measured by.
QuorumReplica leader_of(const QuorumDescription& quorum) {
  for (const auto& voter : quorum.voters) {
    if (voter.id == quorum.leader) return voter;
  }
  QuorumReplica unknown;
  unknown.log_end = quorum.high_watermark;
  return unknown;
}

std::optional<std::int64_t> lag_of(const QuorumReplica& replica, const QuorumReplica& leader) {
  if (replica.log_end == no_offset) return std::nullopt;
  return std::max<std::int64_t>(leader.log_end - replica.log_end, 0);
}

std::string ago(std::int64_t then, const QuorumReplica& leader) {
  const std::int64_t now = leader.last_caught_up;
  if (then == no_timestamp || now == no_timestamp) return "-";
  return fmt::format("{:.1f} s ago",
                     static_cast<double>(std::max<std::int64_t>(now - then, 0)) / 1000);
}

std::string quorum_as_text(const QuorumDescription& quorum) {
  const QuorumReplica leader = leader_of(quorum);
  Table table({">NODE", "ROLE", ">LOG END", ">LAG", "LAST FETCH", "CAUGHT UP", "DIRECTORY"});
  const auto add = [&](const QuorumReplica& replica, const char* role) {
    const bool leads = replica.id == quorum.leader;
    const auto lag = lag_of(replica, leader);
    table.add({fmt::to_string(replica.id.value()), leads ? "leader" : role,
               lag ? fmt::to_string(replica.log_end.value()) : "-",
               lag ? fmt::to_string(*lag) : "-", leads ? "" : ago(replica.last_fetch, leader),
               leads ? "" : ago(replica.last_caught_up, leader),
               replica.directory.is_zero() ? "-" : replica.directory.text()});
  };
  for (const auto& voter : quorum.voters) add(voter, "voter");
  for (const auto& observer : quorum.observers) add(observer, "observer");
  return fmt::format("leader {}  epoch {}  high watermark {}  voters {}  observers {}\n",
                     quorum.leader, quorum.epoch, quorum.high_watermark, quorum.voters.size(),
                     quorum.observers.size()) +
         table.text();
}

std::string quorum_as_json(const QuorumDescription& quorum) {
  const QuorumReplica leader = leader_of(quorum);
  Json json;
  const auto number = [&](const char* name, std::optional<std::int64_t> value) {
    json.key(name);
    value && *value >= 0 ? json.value(*value) : json.null();
  };
  const auto array = [&](const char* name, const std::vector<QuorumReplica>& replicas) {
    json.key(name).begin_array();
    for (const auto& replica : replicas) {
      json.begin_object().field("node", replica.id.value());
      json.field("directory_id", replica.directory.text());
      number("log_end_offset", replica.log_end.value());
      number("lag", lag_of(replica, leader));
      number("last_fetch_ms", replica.last_fetch);
      number("last_caught_up_ms", replica.last_caught_up);
      json.end_object();
    }
    json.end_array();
  };
  json.begin_object().field("leader", quorum.leader.value());
  json.field("epoch", quorum.epoch.value()).field("high_watermark", quorum.high_watermark.value());
  array("voters", quorum.voters);
  array("observers", quorum.observers);
  return std::move(json.end_object().text()) + '\n';
}

Task<int> quorum(Session& session, Globals globals) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  client::Admin admin(session.shard, session.network, *options);
  const auto described = co_await admin.describe_quorum();
  co_await admin.stop();
  if (!described) co_return report(globals, "describe the quorum", described.error());
  Printer out;
  out.buffer() = globals.json ? quorum_as_json(*described) : quorum_as_text(*described);
  co_return 0;
}

}  // namespace

void add_cluster_quorum(CLI::App& cluster, Program& program) {
  auto* command = add_command(cluster, "quorum",
                              "Show the controllers: leader, epoch, voters and observers with lag",
                              "cairn cluster quorum");
  add_json(*command, program);
  command->callback([&program] {
    program.chosen = [&program](Session& session) { return quorum(session, program.globals); };
  });
}

}  // namespace cairn::cli
